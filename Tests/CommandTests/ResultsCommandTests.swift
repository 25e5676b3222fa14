import ExperimentSpec
import Foundation
import RunStore
import Testing

/// Commands that look at finished runs, mark them, throw them away and run them again.
@Suite(.serialized, .smokeRun) struct ResultsCommandTests {
    private let smoke = SmokeRun.spec
    private var results: [String] { ["--results", SmokeRun.results] }

    /// A copy of the results that a test may change.
    private func copy() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: SmokeRun.results + "/smoke", toPath: folder.path + "/smoke")
        return folder
    }

    private func directory(_ name: String, in folder: TemporaryFolder) throws -> RunDirectory {
        let runs = try RunDirectory.all(inExperiment: folder.path + "/smoke")
        return try #require(runs.first { $0.name.hasPrefix(name + "-") })
    }

    // MARK: Naming runs

    @Test(arguments: ["ijepa-s0", "smoke/ijepa-s0", "ijepa"])
    func aRunIsNamedByArmAndSeed(name: String) throws {
        let shown = try Program.run(["show", name, "--json"] + results).checkedJSON()
        #expect(shown["name"] as? String == "ijepa-s0")
    }

    @Test(arguments: [
        ["logs", "ijepo-s0"], ["diff", "ijepo-s0", "cjepa-s0"], ["tag", "ijepo-s0"], ["rerun", "ijepo-s0"],
    ])
    func aMisspeltRunIsAnsweredWithTheNearest(arguments: [String]) throws {
        let program = try Program.run(arguments + results)
        #expect(program.status == 64)
        #expect(program.error.contains("Did you mean “ijepa-s0”?"), "\(program.error)")
    }

    // MARK: Looking

    @Test func theLogTellsBeginEvaluationsAndEnd() throws {
        let log = try Program.run(["logs", "ijepa-s0", "--follow"] + results)
        #expect(log.status == 0, "\(log.error)")
        let lines = log.output.split(separator: "\n")
        #expect(lines.first?.hasSuffix(" starts, 24 steps") == true, "\(log.output)")
        #expect(lines.last?.hasSuffix(" ended: done") == true, "\(log.output)")
        #expect(lines.contains { $0.contains(" step 24, target encoder: 10-NN ") })
        let last = try Program.run(["logs", "ijepa-s0", "--lines", "1"] + results)
        #expect(last.output == lines.last.map { $0 + "\n" })
    }

    @Test func twoRunsAreCompared() throws {
        let difference = try Program.run(["diff", "ijepa-s0", "cjepa-s0", "--json"] + results).checkedJSON()
        let keys = try #require(difference["configuration"] as? [[String: String]])
        #expect(keys == [["name": "objective.vicreg.weight", "first": "0", "second": "0.001"]])
        let numbers = try #require(difference["results"] as? [[String: Any]])
        let knn = try #require(
            numbers.first { $0["table"] as? String == "evaluation/target" && $0["column"] as? String == "knn_20" })
        let values = ["first", "second", "difference"].compactMap { knn[$0] as? Double }
        #expect(values.count == 3 && abs(values[1] - values[0] - values[2]) <= 1e-12)
        let text = try Program.run(["diff", "ijepa-s0", "cjepa-s0"] + results).output
        #expect(text.contains("objective.vicreg.weight  0  0.001"), "\(text)")
        #expect(text.contains("evaluation/target"), "\(text)")
    }

    @Test func watchingEndsWhereNothingWorks() throws {
        let watched = try Program.run(["status", "smoke", "--watch", "--json"] + results)
        #expect(watched.status == 0, "\(watched.error)")
        #expect(watched.output.split(separator: "\n").count == 1)
        #expect(try watched.checkedJSON()["counts"] as? [String: Int] == ["done": 3])
    }

    @Test func tagsSelectRunsInStatusAndTable() throws {
        let folder = try copy()
        let place = ["--results", folder.path]
        #expect(try Program.run(["tag", "cjepa-s0", "paper", "good"] + place).output == "good\npaper\n")
        #expect(
            try Program.run(["tag", "cjepa-s0", "--remove", "good", "--json"] + place).json()["tags"] as? [String]
                == ["paper"])
        let status = try Program.run(["status", "smoke", "--tag", "paper", "--json"] + place).checkedJSON()
        #expect((status["runs"] as? [[String: Any]])?.map { $0["name"] as? String } == ["cjepa-s0"])
        #expect(try Program.run(["status", "smoke"] + place).output.contains("paper"))
        let table = try Program.run(["table", "smoke", "--tag", "paper", "--format", "json"] + place).checkedJSON()
        let arms = (table["rows"] as? [[String: Any]])?.filter { $0["kind"] as? String == "arm" }
        #expect(arms?.map { $0["label"] as? String } == ["cjepa"])
        let none = try Program.run(["table", "smoke", "--tag", "papers"] + place)
        #expect(none.status == 64 && none.error.contains("no run has the tag papers"), "\(none.error)")
        for options in [[], ["--watch"], ["--json"]] {
            let status = try Program.run(["status", "smoke", "--tag", "papers"] + options + place)
            #expect(status.status == 1 && status.output.isEmpty)
            #expect(
                status.error
                    == "\(folder.path)/smoke: error: no run has the tag papers\n"
                    + "    → did you mean paper? tags in use: paper\n")
        }
        let both = try Program.run(["status", "smoke", "--tag", "paper", "--tag", "good"] + place)
        #expect(both.status == 1 && both.error.contains("no run has all of the tags paper, good"), "\(both.error)")
        #expect(try Program.run(["tag", "cjepa-s0", "two words"] + place).status == 64)
        let missing = try Program.run(["tag", "cjepa-s0", "--remove", "best"] + place)
        #expect(missing.status == 64 && missing.error.contains("has no tag “best”"), "\(missing.error)")
    }

    @Test func oneRunIsNoPlural() throws {
        let folder = try copy()
        let experiment = folder.path + "/smoke"
        var record = try ExperimentRecord.load(fromExperiment: experiment)
        record.runs.removeAll { $0.arm != "ijepa" }
        record.arms = ["ijepa"]
        record.expectations?.removeAll { $0.minus != nil || $0.arm != "ijepa" }
        try record.save(toExperiment: experiment)
        let page = folder.path + "/report.html"
        let commands = [
            ["status", "smoke"], ["table", "smoke"], ["report", "smoke", "--output", page],
            ["plan", smoke, "--only", "ijepa", "--no-calibration"],
            ["plan", smoke, "--only", "ijepa", "--no-calibration", "--set", "training.steps=1"],
            ["clean", "smoke", "--run", "ijepa*", "--dry-run"],
            ["masks", smoke, "--batches", "1", "--arm", "ijepa"],
        ]
        var text = ""
        for command in commands {
            let program = try Program.run(command + (command[0] == "masks" ? [] : ["--results", folder.path]))
            #expect(program.status == 0, "\(program.error)")
            text += program.output + program.error
        }
        text += try String(contentsOfFile: page, encoding: .utf8)
        for phrase in [
            "1 run: 1 done", "1 run, nothing to do", "1 of 1 run to start", "smoke: 1 run, ", "1 arm, 1 run, ",
        ] {
            #expect(text.contains(phrase), "\(phrase)")
        }
        let plurals = text.matches(
            of: /[^0-9.,…–]1 (?:runs|arms|seeds|steps|images|threads|cores|blocks|batches|notes|evaluations)\b/)
        #expect(plurals.isEmpty, "\(plurals.map { String($0.output) })")
    }

    // MARK: plan

    @Test func aPlanNamesTheKeyThatChanged() throws {
        let plan = try Program.run(
            ["plan", smoke, "--json", "--no-calibration", "--set", "schedule.lr=0.002", "--only", "ijepa"] + results
        ).checkedJSON()
        let run = try #require((plan["runs"] as? [[String: Any]])?.first)
        let reason = try #require(run["reason"] as? String)
        #expect(reason.hasPrefix("configuration changed: schedule.lr 0.001 → 0.002 (since ijepa-s0-"), "\(reason)")
        let changes = try #require(run["changes"] as? [String: Any])
        let keys = try #require(changes["configuration"] as? [[String: String]])
        #expect(keys == [["name": "schedule.lr", "from": "0.001", "to": "0.002"]])
    }

    @Test func otherDataOrCodeIsSeenInThePlan() throws {
        let folder = try copy()
        let directory = try directory("ijepa-s0", in: folder)
        var plan = try directory.loadPlan()
        plan.sourceRevision = "fedcba9876543210"
        try directory.save(plan)
        func planned(_ options: [String]) throws -> [String: Any] {
            let report = try Program.run(
                ["plan", smoke, "--json", "--no-calibration", "--results", folder.path, "--only", "ijepa"] + options
            ).checkedJSON()
            return try #require((report["runs"] as? [[String: Any]])?.first)
        }
        // Outside a checkout nothing is known of the code.
        if try self.directory("cjepa-s0", in: folder).loadPlan().sourceRevision != nil {
            let code = try planned([])
            #expect(code["action"] as? String == "skip")
            #expect((code["reason"] as? String)?.hasPrefix("done; code changed since: fedcba98 → ") == true)
            #expect(try planned(["--rerun-changed-code"])["action"] as? String == "restart")
        }
        // One label is another.
        let data = try TemporaryFolder()
        let script = """
            import gzip, os, shutil, sys
            source, target = sys.argv[1:]
            for name in os.listdir(source):
                shutil.copy(os.path.join(source, name), target)
            path = os.path.join(target, "train-labels-idx1-ubyte.gz")
            content = bytearray(gzip.open(path).read())
            content[-1] = (content[-1] + 1) % 10
            gzip.open(path, "wb").write(content)
            """
        let sample = Program.repository + "/Tests/Fixtures/fashion-mnist-sample"
        let python = try Program.run(["-c", script, sample, data.path], executable: "/usr/bin/python3")
        #expect(python.status == 0, "\(python.error)")
        let other = try planned(["--set", "data.folder=\(data.path)"])
        #expect(other["action"] as? String == "restart")
        let reason = try #require(other["reason"] as? String)
        #expect(reason.hasPrefix("data changed: dataset_train_fingerprint "), "\(reason)")
    }

    // MARK: clean and rerun

    @Test func cleanedRunsGoToTheTrashAndRunAgain() throws {
        let folder = try copy()
        let place = ["--results", folder.path]
        let run = try directory("shared-s0", in: folder)
        let dry = try Program.run(["clean", "smoke", "--run", "shared*", "--dry-run"] + place)
        #expect(dry.output.contains("would move shared-s0 (named, "), "\(dry.output)\(dry.error)")
        #expect(FileManager.default.fileExists(atPath: run.resultsFile))
        let cleaned = try Program.run(["clean", "smoke", "--run", "shared*", "--json"] + place).checkedJSON()
        let moved = try #require((cleaned["cleaned"] as? [[String: Any]])?.first?["moved_to"] as? String)
        #expect(FileManager.default.fileExists(atPath: moved + "/run.h5"))
        #expect(!FileManager.default.fileExists(atPath: run.path))
        #expect(
            try Program.run(["status", "smoke", "--json"] + place).checkedJSON()["counts"] as? [String: Int]
                == ["done": 2, "planned": 1])
        let emptied = try Program.run(["clean", "smoke", "--empty-trash"] + place)
        #expect(emptied.output == "deleted \(moved)\n", "\(emptied.error)")
        #expect(!FileManager.default.fileExists(atPath: moved))
        for wrong in [[], ["--empty-trash", "--failed"], ["--spec", smoke], ["--run", "nobody"]] {
            #expect(try Program.run(["clean", "smoke"] + wrong + place).status == 64)
        }
        let current = try Program.run(["clean", "smoke", "--outdated", "--spec", smoke, "--json"] + place).checkedJSON()
        #expect((current["cleaned"] as? [Any])?.isEmpty == true)
    }

    @Test func aRunIsRunAgainFromItsPlanWithTheSameNumbers() throws {
        let folder = try copy()
        let place = ["--results", folder.path]
        let none = try Program.run(["rerun", "--failed", "smoke"] + place)
        #expect(none.status == 64 && none.error.contains("no run failed"), "\(none.error)")
        let run = try directory("ijepa-s0", in: folder)
        let before = try RunFile(path: run.resultsFile).table("steps")["loss"]
        let recorded = try ExperimentRecord.load(fromExperiment: folder.path + "/smoke")
        let again = try Program.run(["rerun", "ijepa-s0", "--json"] + place).checkedJSON()
        let entries = try #require(again["runs"] as? [[String: Any]])
        #expect(entries.map { $0["name"] as? String } == ["ijepa-s0"])
        #expect(entries.map { $0["result"] as? String } == ["done"])
        let after = try RunFile(path: run.resultsFile).table("steps")["loss"]
        #expect(before?.count == 24 && after == before)
        #expect(try run.loadState()?.attempts == 1)
        // The experiment is what it was: its other runs, its claims and its axes.
        let record = try ExperimentRecord.load(fromExperiment: folder.path + "/smoke")
        #expect(record == recorded)
        #expect(record.runs.count == 3 && record.arms == ["ijepa", "cjepa", "shared"])
        #expect(record.expectations?.isEmpty == false && record.factors?.isEmpty == false)

        // A failed run goes on, or starts over.
        var state = try #require(try run.loadState())
        state.status = .failed
        try run.save(state)
        let failed = try Program.run(["rerun", "--failed", "smoke", "--from-start", "--json"] + place).checkedJSON()
        #expect((failed["runs"] as? [[String: Any]])?.map { $0["result"] as? String } == ["done"])
    }
}
