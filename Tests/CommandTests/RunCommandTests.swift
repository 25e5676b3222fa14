import ExperimentSpec
import Foundation
import Glibc
import HDF5
import RunStore
import Testing

/// The whole path on the committed sample: spec, workers, results, table. One training serves most questions.
@Suite(.serialized, .smokeRun) struct RunCommandTests {
    private let smoke = SmokeRun.spec
    private var results: [String] { ["--results", SmokeRun.results] }

    private func firstRun() throws -> String {
        let record = try ExperimentRecord.load(fromExperiment: SmokeRun.results + "/smoke")
        return try #require(record.runs.first).directoryName
    }

    // MARK: run

    @Test func theSmokeExperimentRunsAndPrintsItsTable() throws {
        let run = SmokeRun.program
        #expect(run.status == 0, "\(run.error)\n\(run.output)")
        #expect(run.error.contains(": started with "))
        #expect(run.output.contains(/\narm +n +l/), "no table:\n\(run.output)")
        let lines = run.output.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 || $0.contains("/") }, "\(run.output)")
        let folder = SmokeRun.results + "/smoke"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let floors = files.filter { $0.hasPrefix("floors-") && $0.hasSuffix(".json") }
        #expect(floors.count == 1)
        #expect(try ExperimentRecord.load(fromExperiment: folder).floors == floors)
        #expect(files.contains(floors[0] + ".log"))
    }

    @Test func whatIsDoneIsNotRunTwice() throws {
        let plan = try Program.run(["plan", smoke, "--json", "--no-calibration"] + results).checkedJSON()
        let planned = try #require(plan["runs"] as? [[String: Any]])
        #expect(planned.count == 3)
        #expect(
            planned.allSatisfy { $0["action"] as? String == "skip" && $0["reason"] as? String == "done" }, "\(planned)")
        let again = try Program.run(["run", smoke, "--json"] + results).checkedJSON()
        let runs = try #require(again["runs"] as? [[String: Any]])
        #expect(runs.count == planned.count)
        #expect(runs.allSatisfy { $0["result"] as? String == "skipped" })
    }

    // MARK: Looking at results

    @Test func theStatusCountsWhatIsDone() throws {
        let status = try Program.run(["status", "smoke", "--json"] + results).checkedJSON()
        #expect(status["counts"] as? [String: Int] == ["done": 3])
        #expect(try Program.run(["status", "smoke"] + results).output.contains("done"))
    }

    @Test func aRunIsShownWithProvenanceAndEvaluations() throws {
        let name = try firstRun()
        let shown = try Program.run(["show", "smoke/\(name)", "--json"] + results).checkedJSON()
        #expect(shown["directory"] as? String == SmokeRun.results + "/smoke/" + name)
        let evaluations = try #require(shown["evaluations"] as? [[String: Any]])
        #expect(evaluations.contains { $0["name"] as? String == "evaluation/target" })
        for evaluation in evaluations {
            // At initialisation and at the end.
            #expect((evaluation["rows"] as? [[Any]] ?? []).count >= 2)
        }
        #expect((shown["provenance"] as? [String: String])?["dataset_train_fingerprint"] != nil)
        let share = try #require(shown["loader_wait_share"] as? Double)
        #expect(share >= 0 && share < 1)
        let text = try Program.run(["show", name] + results).output
        #expect(text.contains("waiting for images: "))
    }

    @Test func diagnosticsGradientsAndTheVerdictAreStoredAndShown() throws {
        let name = try #require(
            FileManager.default.contentsOfDirectory(atPath: SmokeRun.results + "/smoke").first {
                $0.hasPrefix("cjepa-s0-")
            })
        let file = try RunFile(path: SmokeRun.results + "/smoke/\(name)/run.h5")
        // A worker has some ten MiB at least.
        #expect(Int(file.provenance["peak_memory_bytes"] ?? "") ?? 0 > 10 << 20)
        for source in ["target", "context", "predictions"] {
            for view in ["images", "patches", "within"] {
                let table = try file.table("diagnostics/\(source)/\(view)")
                #expect(table["step"] == [0, 6, 12, 24], "\(source)/\(view)")
                #expect(table["rankme"]?.allSatisfy { $0 >= 1 && $0 <= 24 } == true)
                #expect(table.vectors("singular_values")?.allSatisfy { $0.count == 24 } == true)
                for column in table.columns + table.vectorColumns {
                    let attributes = try file.attributes(of: "diagnostics/\(source)/\(view)/\(column)")
                    #expect(attributes["convention"] != nil && attributes["unit"] != nil, "\(column)")
                }
            }
        }
        #expect(try file.table("diagnostics/target/images")["lidar"]?.allSatisfy { $0 >= 1 } == true)
        #expect(try file.table("diagnostics/encoders")["weight_distance"]?.first == 0)
        #expect(
            try file.attributes(of: "diagnostics/encoders/weight_distance_by_layer")["labels"]
                == .strings(["patch_embed", "blocks.0", "blocks.1", "norm"]))
        let gradients = try file.table("gradients")
        #expect(gradients["step"] == [6, 12, 18, 24])
        #expect(gradients["variance_encoder"]?.allSatisfy { $0 > 0 } == true)
        let verdict = try #require(try file.verdict())
        #expect(verdict.step == 24 && verdict.thresholds["rank_share"] == 0.05)
        #expect(try file.table("verdict")["step"] == [0, 6, 12, 24])

        let shown = try Program.run(["show", name, "--json"] + results).checkedJSON()
        let stored = try #require(shown["verdict"] as? [String: Any])
        #expect(stored["verdict"] as? String == verdict.verdict && stored["thresholds"] != nil)
        #expect((shown["diagnostics"] as? [[String: Any]])?.contains { $0["name"] as? String == "gradients" } == true)
        #expect(
            try Program.run(["show", name] + results).output.contains("verdict at step 24: \(verdict.verdict)"))
        let status = try Program.run(["status", "smoke", "--json"] + results).checkedJSON()
        let rows = try #require(status["runs"] as? [[String: Any]])
        #expect(rows.allSatisfy { ($0["verdict"] as? String)?.isEmpty == false })
        #expect(try Program.run(["status", "smoke"] + results).output.contains(verdict.verdict))
        let table = try Program.run(["table", "smoke", "--format", "json"] + results).checkedJSON()
        let arms = try #require(table["rows"] as? [[String: Any]]).filter { $0["kind"] as? String == "arm" }
        #expect(arms.allSatisfy { ($0["verdict"] as? [String: Any])?["label"] != nil })
        let metric = try Program.run(
            ["table", "smoke", "--metric", "target.patches.rankme", "--metric", "gradients.variance_encoder"] + results)
        #expect(metric.status == 0 && metric.output.contains("verdict"), "\(metric.error)")

        let diagnosis = try Program.run(
            [
                "diagnose", SmokeRun.results + "/smoke/\(name)/run.h5", "--dataset", "embeddings/target/step_24",
                "--unit-scale", "--json",
            ]
        ).checkedJSON()
        let measures = try #require((diagnosis["views"] as? [[String: Any]])?.first?["measures"] as? [[String: Any]])
        let rankMe = measures.first { $0["name"] as? String == "rankme" }?["value"] as? Double
        #expect(try rankMe == file.table("diagnostics/target/images")["rankme"]?.last)
    }

    @Test func attentionIsDrawnOfTheImagesThatWereAskedFor() throws {
        let name = try firstRun()
        let picture = SmokeRun.results + "/attention.png"
        let drawn = try Program.run(["attention", name, "--images", "0,7", "--output", picture, "--json"] + results)
        let json = try drawn.checkedJSON()
        let images = try #require(json["images"] as? [[String: Any]])
        #expect(images.map { $0["index"] as? Int } == [0, 7] && json["grid"] as? Int == 7)
        for image in images {
            for encoder in ["target", "context"] {
                let heads = try #require(image[encoder] as? [[Double]])
                #expect(heads.count == 3 && heads.allSatisfy { abs($0.reduce(0, +) - 1) <= 1e-9 && $0.count == 49 })
            }
        }
        let header = try Data(contentsOf: URL(fileURLWithPath: picture)).prefix(4)
        #expect(header == Data([0x89, 0x50, 0x4e, 0x47]))
        let beyond = try Program.run(["attention", name, "--images", "500", "--output", picture] + results)
        #expect(beyond.status == 64 && beyond.error.contains("500 test images"), "\(beyond.error)")
    }

    @Test func theClaimsOfTheSpecAreJudgedAndOneSeedCannotTell() throws {
        #expect(SmokeRun.program.output.contains("cjepa − ijepa in linear ≥ 0.5 points"))
        let table = try Program.run(["table", "smoke", "--format", "json"] + results).checkedJSON()
        let verdicts = try #require(table["verdicts"] as? [[String: Any]])
        #expect(verdicts.map { $0["outcome"] as? String } == ["cannot_tell", "cannot_tell"])
        let shown = try Program.run(["show", try firstRun(), "--json"] + results).checkedJSON()
        let claims = try #require(shown["expectations"] as? [[String: Any]])
        // The first run is of the arm ijepa, which both claims name.
        #expect(claims.map { $0["verdict"] as? String } == ["cannot_tell", "cannot_tell"])
        #expect(try Program.run(["show", try firstRun()] + results).output.contains("claims about this arm"))
    }

    @Test func theLastEvaluationsPredictionsAverageToItsAccuracies() throws {
        let file = try RunFile(path: SmokeRun.results + "/smoke/\(try firstRun())/run.h5")
        for encoder in ["target", "context"] {
            let stored = try #require(try file.predictions(encoder: encoder))
            let table = try file.table("evaluation/\(encoder)")
            #expect(stored.labels.count == 200 && stored.step == 24)
            #expect(stored.classes.count >= 7)
            for probe in stored.classes.keys {
                let right = try #require(stored.correctness(probe))
                #expect(right.reduce(0, +) / 200 == table[probe]?.last, "\(encoder) \(probe)")
            }
        }
    }

    @Test func seriesConfigurationsAndLinksAreExported() throws {
        let out = SmokeRun.results + "/exported"
        let metrics = try Program.run(
            ["export", "smoke", "--metrics", "--format", "csv", "--output", out + "/csv"] + results)
        #expect(metrics.status == 0, "\(metrics.error)")
        let steps = try String(contentsOfFile: out + "/csv/steps.csv", encoding: .utf8).split(separator: "\n")
        // A heading, and 24 steps of three runs.
        #expect(steps.count == 1 + 3 * 24)
        let one = try Program.run(
            ["export", "smoke/\(try firstRun())", "--metrics", "--format", "jsonl", "--output", out] + results)
        #expect(one.output == out + "/metrics.jsonl\n", "\(one.error)")
        let again = try Program.run(
            ["export", "smoke/\(try firstRun())", "--metrics", "--format", "jsonl", "--output", out] + results)
        #expect(again.status == 64)
        let tree = try Program.run(["export", "smoke", "--configurations", "--output", out + "/tree"] + results)
        #expect(tree.output.split(separator: "\n").count == 9, "\(tree.error)")
        // Rebuilt as often as one likes.
        for _ in 0..<2 {
            let links = try Program.run(["export", "smoke", "--links"] + results)
            #expect(links.output == SmokeRun.results + "/smoke/matrix.h5\n", "\(links.error)")
        }
        let matrix = try HDF5File(reading: SmokeRun.results + "/smoke/matrix.h5").root
        let name = try firstRun()
        let target = try #require(try matrix.group("runs").externalTarget(of: name))
        #expect(target.file == "\(name)/run.h5" && target.object == "/")
        #expect(try matrix.dataset("summary/evaluation/target/linear").shape() == [3])
        // Readers elsewhere follow the links.
        let script = """
            import h5py
            with h5py.File("smoke/matrix.h5") as h5:
                print(h5["runs/\(name)/steps/step"].shape)
            """
        let python = try Program.run(["-c", script], executable: "/usr/bin/python3", in: SmokeRun.results)
        #expect(python.output == "(24,)\n", "\(python.error)")
    }

    @Test func everySectionOfTheTableCanBeAskedFor() throws {
        let all = try Program.run(["table", "smoke", "--format", "md", "--section", "all"] + results)
        #expect(all.status == 0, "\(all.error)")
        for text in [
            "significance of the differences", "at equal steps:", "at equal FLOPs", "best evaluation against", "arXiv",
        ] {
            #expect(all.output.contains(text), "\(text)")
        }
        let none = try Program.run(["table", "smoke", "--format", "md", "--section", "none"] + results).output
        #expect(!none.contains("significance of"))
        // One seed: it says so, and gives no p-value.
        #expect(all.output.contains("1 pair is too few for a test") && all.output.contains("n < 3"))
    }

    @Test(arguments: ["text", "md", "csv", "latex", "json"])
    func theTableComesInEveryFormat(format: String) throws {
        let table = try Program.run(["table", "smoke", "--format", format] + results)
        #expect(table.status == 0, "\(table.error)")
        for arm in ["ijepa", "cjepa", "shared"] { #expect(table.output.contains(arm)) }
        let file = SmokeRun.results + "/table-" + format
        let written = try Program.run(["table", "smoke", "--format", format, "--output", file] + results)
        #expect(written.output.isEmpty)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == table.output)
        if format == "json" {
            let rows = try #require(try table.checkedJSON()["rows"] as? [[String: Any]])
            #expect(rows.map { $0["kind"] as? String } == ["arm", "arm", "arm", "initialisation", "raw_pixels"])
        }
    }

    @Test func embeddingsComeInEveryFormatAndPythonReadsThem() throws {
        let name = try firstRun()
        let folder = try TemporaryFolder()
        for (format, file) in [("npz", "e.npz"), ("hdf5", "e.h5"), ("csv", "e.csv"), ("tsv", "projector")] {
            let arguments = [
                "export", "smoke/\(name)", "--embeddings", "--format", format, "--output", folder.path + "/" + file,
            ]
            let export = try Program.run(arguments + results)
            #expect(export.status == 0, "\(export.error)")
            for path in export.output.split(separator: "\n") {
                #expect(FileManager.default.fileExists(atPath: String(path)))
            }
            let again = try Program.run(arguments + results)
            #expect(again.status == 64)
            #expect(again.error.contains("error: already exists\n    → "), "\(again.error)")
        }
        let script = """
            import csv, h5py, numpy
            npz = numpy.load("e.npz")
            features, labels, indices = npz["features"], npz["labels"], npz["indices"]
            assert features.shape == (200, 24) and features.dtype == numpy.float32, features.shape
            assert numpy.isfinite(features).all() and features.std() > 0
            assert labels.shape == indices.shape == (200,)
            assert len(set(indices.tolist())) == 200 and set(labels.tolist()) <= set(range(10))
            with h5py.File("e.h5") as h5:
                for key in ("features", "labels", "indices"):
                    assert (h5[key][:] == npz[key]).all(), key
            rows = list(csv.DictReader(open("e.csv")))
            assert [int(row["index"]) for row in rows] == indices.tolist()
            assert (numpy.array([row["f23"] for row in rows], numpy.float32) == features[:, 23]).all()
            vectors = numpy.loadtxt("projector/vectors.tsv", dtype=numpy.float32, delimiter="\\t")
            assert (vectors == features).all()
            assert len(open("projector/metadata.tsv").readlines()) == 201
            print("read")
            """
        let python = try Program.run(["-c", script], executable: "/usr/bin/python3", in: folder.path)
        #expect(python.output == "read\n", "\(python.error)")
    }

    @Test func aDamagedRunIsANoteInTheTable() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: SmokeRun.results + "/smoke", toPath: folder.path + "/smoke")
        let file = folder.path + "/smoke/" + (try firstRun()) + "/run.h5"
        let url = URL(fileURLWithPath: file)
        try Data(contentsOf: url).prefix(3000).write(to: url)
        let table = try Program.run(["table", "smoke", "--format", "md", "--results", folder.path])
        #expect(table.status == 0, "\(table.error)")
        #expect(table.output.contains("unreadable – \(file): is damaged: it has 3000 bytes"), "\(table.output)")
        #expect(table.output.contains("cjepa"))
    }

    @Test func aDamagedRunIsOneRunMissingForEveryCommand() throws {
        let folder = try TemporaryFolder()
        let results = ["--results", folder.path]
        try FileManager.default.copyItem(atPath: SmokeRun.results + "/smoke", toPath: folder.path + "/smoke")
        let name = try firstRun()
        let directory = folder.path + "/smoke/" + name
        let url = URL(fileURLWithPath: directory + "/run.h5")
        let whole = try Data(contentsOf: url)
        var bytes = whole
        bytes[whole.count / 3] ^= 16
        try bytes.write(to: url)
        let word = "\(url.path): is damaged: its content has the checksum"

        let table = try Program.run(["table", "smoke", "--format", "json"] + results)
        #expect(table.status == 0 && table.error.contains("warning: " + word), "\(table.error)")
        let show = try Program.run(["show", directory, "--json"])
        #expect(show.status == 1 && show.error.contains(word), "\(show.error)")
        #expect((try show.json()["results_problem"] as? String)?.contains(word) == true)
        let status = try Program.run(["status", "smoke", "--json"] + results)
        #expect((try status.checkedJSON()["counts"] as? [String: Int])?["damaged"] == 1)
        let report = try Program.run(["report", "smoke", "--output", folder.path + "/r.html"] + results)
        #expect(report.status == 0 && report.error.contains(word), "\(report.error)")
        let metrics = ["--metrics", "--format", "csv", "--output", folder.path + "/m"]
        let export = try Program.run(["export", "smoke"] + metrics + results)
        #expect(export.status == 0 && export.error.contains(word), "\(export.error)")
        let steps = try String(contentsOfFile: folder.path + "/m/steps.csv", encoding: .utf8)
        #expect(!steps.contains(name) && steps.contains("cjepa"))
        let plan = try Program.run(["plan", smoke, "--json", "--no-calibration"] + results)
        let actions = (try plan.checkedJSON()["runs"] as? [[String: Any]])?.map { $0["action"] as? String }
        #expect(actions == ["damaged", "skip", "skip"] && plan.error.contains(word), "\(plan.error)")
        let run = try Program.run(["run", smoke] + results)
        #expect(run.status == 1 && run.output.contains(word), "\(run.output)")
        #expect(run.output.contains("smoke: 2 skipped, 1 damaged"), "\(run.output)")
        #expect(try Data(contentsOf: url) == bytes)

        // Asked for, it is trained again, and what it was lies in the trash.
        let rerun = try Program.run(["rerun", directory])
        #expect(rerun.status == 0, "\(rerun.error)")
        #expect(try RunFile(path: url.path).isVerified)
    }

    // MARK: Interruptions and damage

    @Test func anInterruptStopsWithCheckpointsAndTheSameCommandGoesOn() throws {
        let folder = try TemporaryFolder()
        // One arm, long enough to be caught at work.
        let options = [smoke, "--results", folder.path, "--set", "training.steps=2000", "--only", "ijepa"]
        let stopped = try Program.run(["run"] + options) { process, errorFile in
            // The evaluation at initialisation is over, so steps are being taken.
            try waitUntil(process) {
                try String(contentsOfFile: errorFile, encoding: .utf8).contains("ijepa-s0: step 0, context encoder")
            }
            Thread.sleep(forTimeInterval: 0.5)
            process.interrupt()
        }
        #expect(stopped.status == 75, "\(stopped.error)")
        #expect(stopped.output.contains("stopped; resume with: cjepa-exp run \(smoke) --results "), "\(stopped.output)")
        let status = try Program.run(["status", folder.path + "/smoke", "--json"]).checkedJSON()
        let counts = try #require(status["counts"] as? [String: Int])
        #expect((counts["interrupted"] ?? 0) > 0)
        #expect(counts["running"] == nil)
        let plan = try Program.run(["plan", "--json", "--no-calibration"] + options).checkedJSON()
        #expect((plan["runs"] as? [[String: Any]])?.map { $0["action"] as? String } == ["resume"])

        // What cannot be gone on from is told, and the run counts as failed.
        let record = try ExperimentRecord.load(fromExperiment: folder.path + "/smoke")
        let run = RunDirectory(path: folder.path + "/smoke/" + (try #require(record.runs.first)).directoryName)
        // The checkpoint of the beginning would do otherwise.
        run.checkpoints.prune(keeping: 1)
        let checkpoint = try #require(run.checkpoints.entries.last).path
        for (file, text) in [(run.resultsFile, "is damaged"), (checkpoint, "is damaged or not a checkpoint")] {
            let url = URL(fileURLWithPath: file)
            let whole = try Data(contentsOf: url)
            try whole.prefix(whole.count / 2).write(to: url)
            let broken = try Program.run(["run"] + options)
            #expect(broken.status == 1)
            #expect(broken.output.contains("\(file): \(text)"), "\(broken.output)")
            #expect(broken.output.contains("to start the run from the beginning"), "\(broken.output)")
            let state = try #require(try run.loadState())
            #expect(state.status == (file == checkpoint ? .failed : .interrupted) && state.pid == nil)
            try whole.write(to: url)
        }
        let resumed = try Program.run(["run"] + options)
        #expect(resumed.status == 0, "\(resumed.error)")
        #expect(resumed.error.contains("ijepa-s0: resumes from step "), "\(resumed.error)")
        #expect(try RunFile(path: run.resultsFile).table("steps")["step"] == (1...2000).map(Double.init))
    }

    @Test func aKilledWorkerIsGoneOnFromWithEveryStepOnce() throws {
        let folder = try TemporaryFolder()
        let steps = 600
        let options = [
            smoke, "--results", folder.path, "--set", "training.steps=\(steps)", "--set", "evaluation.every_steps=200",
            "--set", "resources.checkpoint_minutes=0.001", "--only", "ijepa",
        ]
        func directory() throws -> RunDirectory? {
            try RunDirectory.all(inExperiment: folder.path + "/smoke").first
        }
        var killedAt = 0
        let killed = try Program.run(["run"] + options) { process, _ in
            try waitUntil(process) {
                guard FileManager.default.fileExists(atPath: folder.path + "/smoke"),
                    let state = try directory()?.loadState(), state.status == .running, state.step > 20,
                    let pid = state.pid
                else { return false }
                killedAt = state.step
                return kill(pid, SIGKILL) == 0
            }
        }
        #expect(killedAt > 20 && killedAt < steps)
        #expect(killed.status == 1, "\(killed.error)")
        #expect(killed.output.contains("signal SIGKILL"), "\(killed.output)")
        let run = try #require(try directory())
        #expect(try run.loadState()?.status == .failed)
        let resumed = try Program.run(["run"] + options)
        #expect(resumed.status == 0, "\(resumed.error)")
        #expect(resumed.error.contains("ijepa-s0: resumes from step "), "\(resumed.error)")
        let file = try RunFile(path: run.resultsFile)
        #expect(try file.table("steps")["step"] == (1...steps).map(Double.init))
        #expect(try file.table("evaluation/target")["step"] == [0, 200, 400, 600])
        #expect(file.header.status == .done)
    }
}
