import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Analysis

/// From files that the store wrote to tables and embeddings.
@Suite struct LoadingTests {
    private static let started = Date(timeIntervalSince1970: 1_700_000_000)

    /// Two arms with two seeds, of which one failed and one never started, and a raw-pixel floor.
    private func inExperiment(_ body: (String) throws -> Void) throws {
        try inTemporaryFolder { results in
            let folder = results + "/demo"
            var runs: [PlannedRun] = []
            for (arm, knn) in [("ijepa", 0.68), ("vicreg", 0.70)] {
                for seed in 0..<2 {
                    var configuration = RunConfiguration()
                    configuration.model.width = 4
                    configuration.seed = seed
                    let run = PlannedRun(
                        arm: arm, seed: seed, configuration: configuration, differences: ["arm": arm],
                        configurationHash: arm == "ijepa" ? "aaaaaaaabbbb" : "ccccccccdddd")
                    runs.append(run)
                    guard arm == "ijepa" || seed == 0 else { continue }
                    let isFailed = arm == "ijepa" && seed == 1
                    try write(run, to: folder, knn: knn, status: isFailed ? .failed : .done)
                }
            }
            try ExperimentRecord(
                name: "demo", question: "Does VICReg help?", expected: "A little.", baseline: "ijepa",
                specPath: "demo.spec", arms: ["ijepa", "vicreg"], runs: runs.map(ExperimentRecord.Entry.init)
            ).save(toExperiment: folder)
            try Floors(dataset: "fashion_mnist", nTrain: 10, nTest: 3, metrics: ["pixel_knn_20": 0.829])
                .save(to: Floors.path(inExperiment: folder, hash: "12345678"))
            try body(folder)
        }
    }

    private func write(_ run: PlannedRun, to folder: String, knn: Double, status: RunStatus) throws {
        let directory = RunDirectory(path: folder + "/" + run.directoryName)
        let plan = RunPlan(
            experiment: "demo", question: "Does VICReg help?", baseline: "ijepa", specPath: "demo.spec", run: run)
        try directory.save(plan)
        try directory.save(
            RunState(
                status: status, step: 12, totalSteps: 12, host: "here", startedAt: Self.started,
                updatedAt: Self.started, exitReason: status == .failed ? "non-finite loss at step 12" : "completed"))
        guard status == .done else { return }
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: RunHeader(plan, status: .done), configuration: run.configuration)
        for step in [0, 12] {
            let trained = step == 0 ? 0.5 : knn + Double(run.seed) / 100
            for encoder in ["target", "context"] {
                writer.append(
                    "evaluation/\(encoder)",
                    [("step", Double(step)), ("knn_20", trained), ("rankme", 3), ("std_mean", 0.3)])
            }
        }
        for step in 1...12 {
            writer.append(
                "steps",
                [
                    ("step", Double(step)), ("loss", 1 / Double(step)), ("step_seconds", 2),
                    ("loader_wait_seconds", step == 3 ? 1.2 : 0),
                ])
        }
        for (step, scale) in [(6, Float(1)), (12, 2)] {
            writer.setMatrix(
                RunFormat.embeddings(encoder: "target", step: step), rows: 3, columns: 4,
                (0..<12).map { Float($0) * scale }, attributes: [:])
        }
        writer.setIntegers("embeddings/labels", [9, 0, 3])
        writer.setIntegers("embeddings/indices", [0, 1, 2])
        try writer.commit()
    }

    @Test func `An experiment on disk becomes its table`() throws {
        try inExperiment { folder in
            let table = try ComparisonTable.load(experimentDirectory: folder)
            #expect(table.experiment == "demo")
            // Of the default metrics those that are stored, in their order.
            #expect(table.columns.map(\.name) == ["loss", "knn_20", "rankme", "std_mean"])
            #expect(table.rows.map(\.label) == ["ijepa", "vicreg", "at initialisation", "raw pixels"])
            #expect(table.rows.map { $0.cells[1].statistics?.mean } == [0.68, 0.70, 0.5, 0.829])
            #expect(table.rows.map(\.done) == [1, 1, 1, nil])
            let difference = try #require(table.rows[1].cells[1].difference)
            #expect(abs(difference.mean - 0.02) <= 1e-12)
            #expect(table.rows[0].collapse?.label == "no")
            #expect(table.rows[0].collapse?.evidence[0].width == 4)
            #expect(
                table.notes == [
                    "ijepa, seed 1: failed – non-finite loss at step 12.", "vicreg, seed 1: not started.",
                ])
        }
    }

    @Test func `The wait for images is a column that can be asked for`() throws {
        try inExperiment { folder in
            let table = try ComparisonTable.load(experimentDirectory: folder, metrics: ["steps.loader_wait_share"])
            // 1.2 s of 24 s.
            #expect(abs((table.rows[0].cells[0].statistics?.mean ?? .nan) - 0.05) <= 1e-12)
            #expect(table.legend.contains { $0.hasPrefix("loader_wait_share: share of all step time") })
            #expect(!table.columns[0].isAccuracy)
        }
    }

    @Test(arguments: ["truncated", "empty", "one bit", "missing", "another run's"])
    func `A damaged results file makes its run missing, with file and remedy in a note`(damage: String) throws {
        try inExperiment { folder in
            let file = folder + "/vicreg-s0-cccccccc/run.h5"
            if damage == "missing" {
                try FileManager.default.removeItem(atPath: file)
            } else if damage == "another run's" {
                try FileManager.default.removeItem(atPath: file)
                try FileManager.default.copyItem(atPath: folder + "/ijepa-s0-aaaaaaaa/run.h5", toPath: file)
            } else {
                var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                if damage == "one bit" { bytes[bytes.count - 9] ^= 4 }
                try bytes.prefix(damage == "empty" ? 0 : damage == "truncated" ? bytes.count / 2 : bytes.count)
                    .write(to: URL(fileURLWithPath: file))
            }
            var remarks = ResultsRemarks()
            let table = try ComparisonTable.load(experimentDirectory: folder) { remarks.add($0) }
            #expect(table.arms.map(\.done) == [1, 0])
            #expect(table.rows[0].cells[1].statistics?.mean == 0.68)
            #expect(table.rows[1].cells[1].statistics == nil)
            let note = try #require(table.notes.first { $0.hasPrefix("vicreg, seed 0: unreadable – \(file)") })
            #expect(
                note.contains(
                    damage == "missing"
                        ? "`cjepa-exp run` trains the run again"
                        : "`cjepa-exp rerun \((file as NSString).deletingLastPathComponent)`"))
            #expect(remarks.lines.count == 1 && note.contains(remarks.lines[0]))
            for format in TableFormat.allCases { #expect(try !table.text(as: format).isEmpty) }
        }
    }

    @Test func `Damage takes one run from an export, the links and the report, and nothing else`() throws {
        try inExperiment { folder in
            let damaged = folder + "/vicreg-s0-cccccccc"
            let url = URL(fileURLWithPath: damaged + "/run.h5")
            var bytes = try Data(contentsOf: url)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: url)
            let whole = folder + "/ijepa-s0-aaaaaaaa"

            var remarks = ResultsRemarks()
            let export = try MetricExport(runDirectories: [whole, damaged], in: folder) { remarks.add($0) }
            #expect(export.runs.map(\.name) == ["ijepa-s0-aaaaaaaa"])
            _ = try MatrixFile.build(experimentDirectory: folder) { remarks.add($0) }
            let input = try ReportInput.load(experimentDirectory: folder, program: "test") { remarks.add($0) }
            #expect(input.runs.map { $0.problem == nil } == [true, true, false, true])
            #expect(input.maps.map(\.arm) == ["ijepa"])
            #expect(input.html().contains("is damaged: its content has the checksum"))
            // However often the file was opened.
            #expect(remarks.lines.count == 1 && remarks.lines[0].hasPrefix("\(url.path): is damaged"))
            #expect(throws: RunStoreError.self) { try MetricExport(runDirectories: [damaged], in: damaged) }
            #expect(throws: RunStoreError.self) {
                try EmbeddingSet.load(runDirectory: damaged, encoder: "target", step: nil)
            }
        }
    }

    @Test func `A file without checksum is read, and one line says so`() throws {
        try inExperiment { folder in
            for run in ["ijepa-s0-aaaaaaaa", "vicreg-s0-cccccccc"] {
                // What an earlier version wrote is the same without the first block.
                let url = URL(fileURLWithPath: folder + "/" + run + "/run.h5")
                try Data(contentsOf: url).dropFirst(512).write(to: url)
            }
            var remarks = ResultsRemarks()
            let table = try ComparisonTable.load(experimentDirectory: folder) { remarks.add($0) }
            #expect(table.arms.map(\.done) == [1, 1])
            #expect(
                remarks.lines == [
                    "\(folder)/ijepa-s0-aaaaaaaa/run.h5 and 1 more: written by an earlier version without a checksum, "
                        + "read unverified"
                ])
        }
    }

    @Test func `Only floors that the record names are shown, and a damaged one is a note`() throws {
        try inExperiment { folder in
            var record = try ExperimentRecord.load(fromExperiment: folder)
            let other = Floors.path(inExperiment: folder, hash: "99999999")
            try Floors(dataset: "fashion_mnist", nTrain: 20, nTest: 3, metrics: ["pixel_knn_20": 0.9]).save(to: other)
            func labels() throws -> [String] {
                try ComparisonTable.load(experimentDirectory: folder).floors.map(\.label)
                    .filter { $0.hasPrefix("raw") }
            }
            // A record that is older than its list of floors.
            #expect(
                try labels() == [
                    "raw pixels: fashion_mnist, 10 training images", "raw pixels: fashion_mnist, 20 training images",
                ])
            record.floors = ["floors-99999999.json", "floors-not-computed-yet.json"]
            try record.save(toExperiment: folder)
            #expect(try labels() == ["raw pixels"])
            try Data("{".utf8).write(to: URL(fileURLWithPath: other))
            #expect(try labels().isEmpty)
            let notes = try ComparisonTable.load(experimentDirectory: folder).notes
            #expect(notes.last?.hasPrefix("Raw pixels: \(other) cannot be read (") == true)
        }
    }

    @Test func `Metrics can be chosen, and unknown ones are refused with the nearest`() throws {
        try inExperiment { folder in
            let table = try ComparisonTable.load(
                experimentDirectory: folder, metrics: ["context.knn_20", "steps.loss@last", "knn_20@gain"])
            let cells = table.rows[0].cells.map { $0.statistics?.mean ?? .nan }
            #expect(cells[0] == 0.68)
            #expect(cells[1] == 1.0 / 12)
            #expect(abs(cells[2] - 0.18) <= 1e-12)
            #expect {
                _ = try ComparisonTable.load(experimentDirectory: folder, metrics: ["knn_21"])
            } throws: {
                ($0 as? AnalysisError)?.remedy == "Did you mean “knn_20”?"
            }
        }
    }

    @Test(arguments: ["target", "context"])
    func `Every format says on which encoder the claims are judged`(encoder: String) throws {
        try inExperiment { folder in
            var record = try ExperimentRecord.load(fromExperiment: folder)
            record.expectations = [
                Claim(arm: "vicreg", minus: "ijepa", metric: "knn_20", atLeast: 1, unit: .points),
                Claim(arm: "vicreg", encoder: .context, collapses: false),
                Claim(arm: "vicreg", metric: "mean_cosine", atLeast: 0),
            ]
            try record.save(toExperiment: folder)
            let table = try ComparisonTable.load(experimentDirectory: folder, encoder: encoder)
            #expect(table.verdicts.map(\.encoder) == [encoder, "context", encoder])
            let heading = "Claims of the spec, judged on the \(encoder) encoder"
            #expect(table.markdown().contains(heading + ":\n"))
            #expect(table.latex().contains("\\caption{\(heading)}"))
            #expect(table.markdown().contains("vicreg does not collapse (context encoder)"))
            #expect(table.markdown().contains("vicreg − ijepa in knn_20 (context encoder)") == (encoder == "context"))
            #expect(table.verdicts[2].reason.hasPrefix("no finished run has mean_cosine"))
            let page = try ReportInput.load(experimentDirectory: folder, encoder: encoder, program: "1").html()
            #expect(page.contains(heading))
            #expect(
                try ComparisonTable.verdicts(experimentDirectory: folder).map(\.encoder) == [
                    "target", "context", "target",
                ])
        }
    }

    @Test func `Embeddings are those of the step asked for, and of the last otherwise`() throws {
        try inExperiment { folder in
            let run = folder + "/ijepa-s0-aaaaaaaa"
            let last = try EmbeddingSet.load(runDirectory: run, encoder: "target", step: nil)
            #expect(last.step == 12)
            #expect(last.features == (0..<12).map { Float($0) * 2 })
            #expect(last.labels.map(last.labelName) == ["Ankle boot", "T-shirt/top", "Dress"])
            #expect(last.run == "ijepa-s0-aaaaaaaa")
            let early = try EmbeddingSet.load(runDirectory: run, encoder: "target", step: 6)
            #expect(early.features == (0..<12).map(Float.init))
        }
    }

    @Test(arguments: [("context", nil), ("target", 7)])
    func `Embeddings that are not there are answered with those that are`(encoder: String, step: Int?) throws {
        try inExperiment { folder in
            #expect {
                _ = try EmbeddingSet.load(runDirectory: folder + "/ijepa-s0-aaaaaaaa", encoder: encoder, step: step)
            } throws: {
                ($0 as? AnalysisError)?.remedy == "Available: target at step 6, target at step 12"
            }
        }
    }

    @Test func `A run that stored nothing is said to be unfinished`() throws {
        try inExperiment { folder in
            #expect {
                _ = try EmbeddingSet.load(runDirectory: folder + "/ijepa-s1-aaaaaaaa", encoder: "target", step: nil)
            } throws: {
                ($0 as? AnalysisError)?.code == .unusableResults
            }
        }
    }
}
