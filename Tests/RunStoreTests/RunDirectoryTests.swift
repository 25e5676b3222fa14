import ExperimentSpec
import Foundation
import RunStore
import Safetensors
import TestSupport
import Testing

@Suite struct RunDirectoryTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func plan(arm: String, seed: Int) -> RunPlan {
        RunPlan(
            experiment: "ablation", question: "Does it \"help\"?", baseline: "ijepa.ema", specPath: "a/b.spec",
            sourceRevision: "0123",
            run: PlannedRun(
                arm: arm, seed: seed, configuration: SampleRun.configuration(),
                differences: ["objective.vicreg.weight": "0.001"], configurationHash: SampleRun.header.configurationHash
            ))
    }

    @Test func planKeepsEverything() throws {
        let plan = plan(arm: "vicreg.ema", seed: 1)
        let run = RunDirectory(path: folder.file("ablation/" + plan.run.directoryName))
        try run.save(plan)
        #expect(try run.loadPlan() == plan)
        #expect(run.name == "vicreg.ema-s1-abababab")
        #expect(try run.loadState() == nil)
        let json = try String(contentsOfFile: run.planFile, encoding: .utf8)
        for key in ["format_version", "memory_gib", "mlp_ratio", "objective.vicreg.weight", "spec_path"] {
            #expect(json.contains("\"\(key)\" :"), "\(key)")
        }
    }

    @Test func aPlanWhoseConfigurationWasChangedIsNotTrained() throws {
        var plan = plan(arm: "vicreg.ema", seed: 1)
        plan.run.configurationHash = plan.run.configuration.configurationHash()
        try plan.check(file: "plan.json")
        plan.run.configuration.seed += 1
        try plan.check(file: "plan.json")
        plan.run.configuration.model.depth += 1
        #expect { try plan.check(file: "plan.json") } throws: {
            "\($0)".contains("plan.json: was changed") && "\($0)".contains("cjepa-exp run")
        }
    }

    @Test func stateKeepsEverything() throws {
        let run = RunDirectory(path: folder.path)
        let start = Date(timeIntervalSince1970: 1_735_787_045)
        var state = RunState(
            status: .failed, step: 12, totalSteps: 100, attempts: 2, pid: 77, host: "a", startedAt: start,
            updatedAt: start + 5, endedAt: start + 6, exitReason: "non-finite loss at step 12", message: "…",
            metrics: ["knn_20": 0.25, "loss": .nan])
        try run.save(state)
        let read = try #require(try run.loadState())
        #expect(read.metrics["loss"]?.isNaN == true && read.metrics["knn_20"] == 0.25)
        let json = try String(contentsOfFile: run.stateFile, encoding: .utf8)
        #expect(json.contains("\"2025-01-02T03:04:05Z\"") && json.contains("\"total_steps\" : 100"))
        state.metrics["loss"] = -.infinity
        try run.save(state)
        #expect(try run.loadState() == state)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["state.json"])
    }

    @Test func damagedFilesAreNamed() throws {
        let run = RunDirectory(path: folder.path)
        try Data(#"{"status":"done","step":"x"}"#.utf8).write(to: URL(fileURLWithPath: run.stateFile))
        #expect { try run.loadState() } throws: { "\($0)".contains("state.json") && $0 is RunStoreError }
        #expect { try run.loadPlan() } throws: { "\($0)".contains("plan.json") }
        try run.save(plan(arm: "a", seed: 0))
        let text = try String(contentsOfFile: run.planFile, encoding: .utf8)
        try text.replacing("\"format_version\" : 1", with: "\"format_version\" : 2").write(
            toFile: run.planFile, atomically: true, encoding: .utf8)
        #expect { try run.loadPlan() } throws: { "\($0)".contains("newer cjepa-exp") }
        try text.replacing("\"mlp_ratio\"", with: "\"mlp\"").write(
            toFile: run.planFile, atomically: true, encoding: .utf8)
        #expect { try run.loadPlan() } throws: { "\($0)".contains("run.configuration.model.mlp: unknown key") }
    }

    @Test func findsTheRunsOfAnExperiment() throws {
        for (arm, seed) in [("b", 1), ("b", 0), ("a", 0)] {
            let plan = plan(arm: arm, seed: seed)
            try RunDirectory(path: folder.file(plan.run.directoryName)).save(plan)
        }
        try FileManager.default.createDirectory(atPath: folder.file("unrelated"), withIntermediateDirectories: false)
        let runs = try RunDirectory.all(inExperiment: folder.path)
        #expect(runs.map(\.name) == ["a-s0-abababab", "b-s0-abababab", "b-s1-abababab"])
        #expect(throws: RunStoreError.self) { try RunDirectory.all(inExperiment: folder.file("none")) }
    }

    @Test func recordAndFloorsKeepEverything() throws {
        let runs = [plan(arm: "a", seed: 0).run, plan(arm: "b.c", seed: 0).run]
        let experiment = Experiment(
            name: "ablation", question: "?", expected: "!", baseline: "a", arms: ["a", "b.c"], runs: runs,
            specPath: "x.spec")
        let record = ExperimentRecord(experiment)
        try record.save(toExperiment: folder.file("ablation"))
        #expect(try ExperimentRecord.load(fromExperiment: folder.file("ablation")) == record)
        #expect(record.runs[1].directoryName == "b.c-s0-abababab")
        #expect(throws: RunStoreError.self) { try ExperimentRecord.load(fromExperiment: folder.path) }

        let floors = Floors(dataset: "fashion_mnist", nTrain: 10_000, nTest: 2_000, metrics: ["pixel_knn_20": 0.829])
        let path = Floors.path(inExperiment: folder.path, hash: "1a2b")
        #expect(path.hasSuffix("/floors-1a2b.json"))
        try floors.save(to: path)
        #expect(try Floors.load(from: path) == floors)
        #expect(try Floors.all(inExperiment: folder.path) == [floors])
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"n_train\" : 10000"))
    }

    /// Commands look up arms, and clean and read folders, by what the record says.
    @Test func aRecordThatContradictsItselfIsRefused() throws {
        let runs = [plan(arm: "a", seed: 0).run, plan(arm: "b", seed: 0).run]
        let whole = ExperimentRecord(
            Experiment(
                name: "ablation", question: "?", expected: "!", baseline: "a", arms: ["a", "b"], runs: runs,
                specPath: "x.spec"), floors: ["floors-1a2b.json"])
        func complaint(_ change: (inout ExperimentRecord) -> Void) throws -> String {
            var record = whole
            change(&record)
            try record.save(toExperiment: folder.path)
            do {
                _ = try ExperimentRecord.load(fromExperiment: folder.path)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(try complaint { _ in } == "")
        let cases: [((inout ExperimentRecord) -> Void, String)] = [
            ({ $0.arms = ["a", "b", "a"] }, "the arm \"a\" is listed twice"),
            ({ $0.arms = ["a"] }, "the arm \"b\", which is not among its arms"),
            ({ $0.runs[1].directoryName = $0.runs[0].directoryName }, "two runs have the folder"),
            ({ $0.runs[1].arm = "a" }, "the run \"a, seed 0\" is listed twice"),
            ({ $0.runs[1].directoryName = "../b" }, "\"../b\" is not the name of a file in its folder"),
            ({ $0.runs[1].directoryName = ".." }, "\"..\" is not"),
            ({ $0.runs[1].directoryName = "" }, "\"\" is not"),
            ({ $0.floors = ["/etc/floors.json"] }, "\"/etc/floors.json\" is not"),
            ({ $0.arms = ["\u{1b}[2J", "\u{1b}[2J"] }, "the arm \"\\u{1B}[2J\" is listed twice"),
        ]
        for (change, expected) in cases {
            let text = try complaint(change)
            #expect(text.contains("experiment.json") && text.contains(expected) && text.contains("put back"), "\(text)")
        }
    }

    @Test func whatIsNoFileOrTooLargeIsNotReadAsJSON() throws {
        let run = RunDirectory(path: folder.path)
        func complaint() -> String {
            do {
                _ = try run.loadPlan()
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(mkfifo(run.planFile, 0o600) == 0)
        #expect(complaint().contains("plan.json: is not a file but a folder, a pipe or a device"), "\(complaint())")
        try FileManager.default.removeItem(atPath: run.planFile)
        try Data("{".utf8).write(to: URL(fileURLWithPath: run.planFile))
        #expect(complaint().contains("cannot be parsed"), "\(complaint())")
        // A file that takes no room on the disk, and all of the memory.
        #expect(truncate(run.planFile, 1 << 40) == 0)
        #expect(complaint().contains("plan.json: has 1099511627776 bytes"), "\(complaint())")
    }

    @Test func checkpointsKeepEverythingAndKnowTheirConfiguration() throws {
        let path = RunDirectory(path: folder.path).checkpoints.path(step: 42)
        let checkpoint = Checkpoint(
            configurationHash: "abcdef0123", step: 42,
            tensors: [
                "encoder.w": SafetensorsTensor([1, -2.5, .infinity, 4] as [Float], shape: [2, 2]),
                "random.state": SafetensorsTensor([1, 2] as [Int64], shape: [2]),
            ], metadata: ["epoch": "3"])
        try checkpoint.save(to: path)
        #expect(try Checkpoint.load(from: path, expecting: "abcdef0123") == checkpoint)
        #expect { try Checkpoint.load(from: path, expecting: "9999aaaa22") } throws: {
            "\($0)".contains(path) && "\($0)".contains("abcdef01") && "\($0)".contains("9999aaaa")
        }
        var plain = SafetensorsFile()
        plain.tensors = checkpoint.tensors
        try plain.write(to: path)
        #expect { try Checkpoint.load(from: path, expecting: "abcdef0123") } throws: {
            "\($0)".contains("no checksum")
        }
        try SafetensorsFile.writeSealed(metadata: [:], tensors: [:], to: path)
        #expect { try Checkpoint.load(from: path, expecting: "abcdef0123") } throws: {
            "\($0)".contains("not a checkpoint")
        }
        #expect(throws: SafetensorsError.self) { try Checkpoint.load(from: folder.file("none"), expecting: "") }
    }

    @Test(arguments: ["mlpRatio", "memoryGiB", "seed", "minKeep", "startLearningRate", "clipNorm", "nTrain"])
    func keysComeBack(_ name: String) {
        #expect(StoredJSON.camelCase(StoredJSON.snakeCase(name)) == name)
    }
}
