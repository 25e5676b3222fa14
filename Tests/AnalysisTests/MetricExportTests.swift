import Declarations
import ExperimentSpec
import Foundation
import RunStore
import TestSupport
import Testing

@testable import Analysis

/// Series, configurations and the matrix file, each read by the program that it is for.
@Suite struct MetricExportTests {
    private static let packages = Golden.path("../../.build/python-export")
    static let hasPackages = FileManager.default.fileExists(atPath: packages + "/tensorboard")

    /// Two runs; the second has a column less in one table and numbers that were not measured.
    private static let export = MetricExport(runs: [
        MetricExport.Run(
            name: "ijepa-s0-1a2b3c4d", arm: "ijepa", seed: 0, startedAt: 1_700_000_000,
            tables: [
                "steps": MetricTable(columns: [
                    ("step", [1, 2, 3]), ("loss", [1, 0.5, 1.0 / 3]), ("step_seconds", [2, 1, 1]),
                ]),
                "evaluation/target": MetricTable(columns: [("step", [0, 3]), ("knn_20", [0.5, 0.75])]),
            ]),
        MetricExport.Run(
            name: "c\"jepa, x-s1-5e6f7a8b", arm: "c\"jepa, x", seed: 1, startedAt: 1_700_000_100,
            tables: [
                "steps": MetricTable(columns: [("step", [1, 2]), ("loss", [.nan, -.infinity])])
            ]),
    ])

    @Test func `CRC-32C agrees with the published check value`() {
        #expect(CyclicRedundancyCheck.crc32c(Array("123456789".utf8)) == 0xE306_9283)
    }

    @Test func `CSV and JSON lines hold every row of every run`() throws {
        try inTemporaryFolder { folder in
            let files = try Self.export.write(.csv, to: folder, replacing: false)
            #expect(files.map { ($0 as NSString).lastPathComponent } == ["evaluation-target.csv", "steps.csv"])
            #expect(
                try String(contentsOfFile: files[1], encoding: .utf8) == """
                    run,arm,seed,step,loss,step_seconds
                    ijepa-s0-1a2b3c4d,ijepa,0,1.0,1.0,2.0
                    ijepa-s0-1a2b3c4d,ijepa,0,2.0,0.5,1.0
                    ijepa-s0-1a2b3c4d,ijepa,0,3.0,0.3333333333333333,1.0
                    "c""jepa, x-s1-5e6f7a8b","c""jepa, x",1,1.0,,
                    "c""jepa, x-s1-5e6f7a8b","c""jepa, x",1,2.0,-inf,

                    """)
            let lines = try String(
                contentsOfFile: Self.export.write(.jsonl, to: folder, replacing: false)[0], encoding: .utf8
            ).split(separator: "\n")
            let objects = try lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
            #expect(objects.count == 7)
            #expect(objects[0]?["table"] as? String == "evaluation/target" && objects[0]?["knn_20"] as? Double == 0.5)
            #expect(objects[5]?["arm"] as? String == "c\"jepa, x" && objects[5]?["loss"] == nil)
            #expect(objects[6]?["loss"] as? String == "-inf")
        }
    }

    @Test(arguments: MetricFormat.allCases)
    func `What exists stays unless told otherwise`(format: MetricFormat) throws {
        try inTemporaryFolder { folder in
            let files = try Self.export.write(format, to: folder + "/made", replacing: false)
            #expect(files.allSatisfy { FileManager.default.fileExists(atPath: $0) })
            #expect {
                _ = try Self.export.write(format, to: folder + "/made", replacing: false)
            } throws: {
                ($0 as? AnalysisError)?.code == .outputExists
            }
            #expect(try Self.export.write(format, to: folder + "/made", replacing: true) == files)
        }
    }

    /// A column of more than one row group, texts with several bytes a letter, and more columns than a short list holds.
    private func writeLargeParquet(to path: String) throws {
        let rows = ParquetFile.rowsOfGroup + 10
        var columns: [(name: String, values: ParquetFile.Column)] = [
            ("text", .texts((0..<rows).map { "größe \($0 % 7)" })), ("integer", .int64s((0..<rows).map { $0 - 5 })),
        ]
        for column in 0..<20 {
            columns.append(("d\(column)", .doubles((0..<rows).map { Double($0) / Double(column + 1) })))
        }
        try ParquetFile.write(columns, metadata: [("key", "value")], to: path)
    }

    /// Five steps, then from the second one again, with other numbers, to the fourth.
    private func writeLiveEvents(to folder: String) throws {
        var resources = ResourceConfiguration()
        resources.tensorboard = true
        func table(_ losses: [Double]) -> [String: MetricTable] {
            ["steps": MetricTable(columns: [("step", losses.indices.map { Double($0 + 1) }), ("loss", losses)])]
        }
        let attempts: [(step: Int, before: [Double], after: [Double])] = [
            (0, [], [1, 2, 3, 4, 5]), (2, [1, 2], [1, 2, 30, 40]),
        ]
        for (step, before, after) in attempts {
            let live = LiveMetrics(
                resources, in: RunDirectory(path: folder), startedAt: Date(timeIntervalSince1970: 0), step: step,
                tables: table(before)
            ) { Issue.record("\($0)") }
            try #require(live).write(table(after))
        }
    }

    @Test(
        .enabled(
            if: hasPackages,
            "tensorboard, pyarrow and silx are not in .build/python-export: run make test once with a network"))
    func `tensorboard, pyarrow and silx read what was written`() throws {
        try inTemporaryFolder { folder in
            for format in [MetricFormat.parquet, .tensorboard] {
                _ = try Self.export.write(format, to: "\(folder)/\(format.rawValue)", replacing: false)
            }
            try writeLiveEvents(to: folder)
            try writeLargeParquet(to: folder + "/large.parquet")
            let set = EmbeddingSet(
                features: [0, -1.5, 1 / 3, 1e-30], width: 2, labels: [9, 0], indices: [7, 8],
                labelNames: RunConfiguration().classNames, experiment: "demo", run: "r", encoder: "target", step: 3)
            _ = try EmbeddingFormat.parquet.write(set, to: folder + "/embeddings.parquet", replacing: false)
            try writeExperiment(to: folder + "/demo")
            _ = try MatrixFile.build(experimentDirectory: folder + "/demo")
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [Golden.path("../Python/test_metric_export.py"), folder]
            var environment = ProcessInfo.processInfo.environment
            environment["PYTHONPATH"] = Self.packages
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
            process.environment = environment
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(text)")
            #expect(text.contains("read: parquet tensorboard live matrix nxdata"), "\(text)")
        }
    }

    @Test func `Configurations become a tree that the program reads again`() throws {
        try inTemporaryFolder { folder in
            try writeExperiment(to: folder + "/demo")
            let files = try ConfigurationTree.write(
                experimentDirectory: folder + "/demo", to: folder + "/tree", replacing: false)
            #expect(files.count == 6)
            let run = folder + "/tree/vicreg-s1-ccccdddd/.hydra"
            let overrides = try String(contentsOfFile: run + "/overrides.yaml", encoding: .utf8)
            #expect(overrides == "- \"objective.vicreg.weight=0.001\"\n- seed=1\n")
            let spec = folder + "/again.spec"
            try FileManager.default.copyItem(atPath: run + "/config.yaml", toPath: spec)
            let again = try Experiment.load(path: spec, fileExists: { _ in true })
            #expect(again.runs.map { $0.configuration.value(of: "objective.vicreg.weight") } == [0.001])
            #expect(again.runs.map(\.seed) == [1])
        }
    }

    @Test func `A plan that cannot be read leaves one run out of the configurations`() throws {
        try inTemporaryFolder { folder in
            try writeExperiment(to: folder + "/demo")
            try Data("{".utf8).write(to: URL(fileURLWithPath: folder + "/demo/ijepa-s0-aaaabbbb/plan.json"))
            var remarks = ResultsRemarks()
            let files = try ConfigurationTree.write(
                experimentDirectory: folder + "/demo", to: folder + "/tree", replacing: false
            ) { remarks.add($0) }
            #expect(files.count == 3 && files.allSatisfy { $0.contains("vicreg-s1-ccccdddd") })
            #expect(remarks.lines.count == 1 && remarks.lines[0].contains("ijepa-s0-aaaabbbb/plan.json"))
            try Data("{".utf8).write(to: URL(fileURLWithPath: folder + "/demo/vicreg-s1-ccccdddd/plan.json"))
            #expect(throws: RunStoreError.self) {
                try ConfigurationTree.write(
                    experimentDirectory: folder + "/demo", to: folder + "/none", replacing: false)
            }
        }
    }

    /// Two finished runs of three steps with their record.
    private func writeExperiment(to folder: String) throws {
        let runs = [("ijepa", 0, 0.0, "aaaabbbb"), ("vicreg", 1, 0.001, "ccccdddd")].map { arm, seed, weight, hash in
            var configuration = RunConfiguration()
            configuration.training.steps = 3
            configuration.training.batchSize = 32
            configuration.model.width = 24
            configuration.model.depth = 2
            configuration.model.imageSize = 28
            configuration.model.patchSize = 4
            configuration.model.channels = 1
            configuration.set("masks.min_keep", to: 4)
            configuration.seed = seed
            configuration.set("objective.vicreg.weight", to: .number(weight))
            return PlannedRun(
                arm: arm, seed: seed, configuration: configuration,
                differences: ["objective.vicreg.weight": "\(weight)"], configurationHash: hash)
        }
        for run in runs {
            let directory = RunDirectory(path: folder + "/" + run.directoryName)
            let plan = RunPlan(experiment: "demo", question: "?", baseline: "ijepa", specPath: "demo.spec", run: run)
            try directory.save(plan)
            let writer = try RunWriter.create(
                at: directory.resultsFile, header: RunHeader(plan, status: .done), configuration: run.configuration)
            for step in 1...3 {
                writer.append("steps", ["step": Double(step), "loss": 1 / Double(step), "step_seconds": 1])
            }
            for step in [0, 3] {
                writer.append("evaluation/target", ["step": Double(step), "knn_20": 0.5 + Double(step) / 10])
            }
            try writer.commit()
        }
        try ExperimentRecord(
            name: "demo", question: "?", expected: "", baseline: "ijepa", specPath: "demo.spec",
            arms: ["ijepa", "vicreg"], runs: runs.map(ExperimentRecord.Entry.init)
        ).save(toExperiment: folder)
    }
}
