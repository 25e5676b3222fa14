import CPUKernels
import Datasets
import Declarations
import Diagnostics
import Evaluation
import ExperimentSpec
import Foundation
import Orchestration
import RunStore
import Safetensors
import Testing
import Training

@testable import Analysis

/// An evaluation task that only these tests know, from the spec to the report.
@Suite struct OpenTaskTests {
    private static let catalogue = Catalogue(evaluationTasks: EvaluationTasks.standard + [ClassMean.self])

    private func withTask<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Catalogue.$current.withValue(Self.catalogue, operation: body)
    }

    private static let header = """
        question: Is it evaluated?
        seeds: [0]
        data: {dataset: fashion_mnist_sample, train_subset: 64}
        model: {preset: custom, width: 16, depth: 2, heads: 2, image_size: 28, patch_size: 4, channels: 1, init: xavier}
        model.predictor: {width: 8, depth: 1, heads: 2}
        masks.min_keep: 4
        training: {batch_size: 16, steps: 4}
        evaluation: {every_steps: 2, knn: {k: [5]}, train_images: 100, test_images: 50, linear.epochs: 1}
        diagnostics: {patch_rows: 100, lidar_objects: 10, gradient_norms_every: 0}

        """

    private func load(
        _ text: String, metrics: Claim.MetricLookup = { _, _, _ in .unchecked }
    ) throws -> Experiment {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tasks-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("trial.spec")
        try (Self.header + text).write(to: file, atomically: true, encoding: .utf8)
        return try withTask { try Experiment.load(path: file.path, metricLookup: metrics) }
    }

    private func configuration(_ text: String) throws -> RunConfiguration {
        try #require(try load(text).runs.first).configuration
    }

    private static let used = "evaluation.class_mean: {enabled: true, shots: 5, intermediate: false}\n"

    // MARK: Specs

    @Test func aSpecSetsItsKeysAndTheyAreStoredAndReadBack() throws {
        let configuration = try configuration(Self.used)
        try withTask {
            let task = try #require(configuration.evaluationTasks.last)
            #expect(
                configuration.evaluationTasks.map(\.declaration.name) == ["knn", "linear", "logistic", "class_mean"])
            #expect((task.task as? ClassMean)?.shots == 5 && !task.isIntermediate)
            let data = try JSONEncoder().encode(configuration)
            #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
        }
    }

    @Test func aRunWithoutItKeepsItsIdentity() throws {
        let plain = try configuration("")
        let unused = try configuration("evaluation.class_mean.shots: 7\n")
        let used = try configuration("evaluation.class_mean.enabled: true\n")
        let other = try configuration("evaluation.class_mean: {enabled: true, shots: 7}\n")
        let known = plain.configurationHash()
        withTask {
            #expect(plain.configurationHash() == known && unused.configurationHash() == known)
            #expect(Set([known, used.configurationHash(), other.configurationHash()]).count == 3)
            #expect(!plain.evaluationTasks.contains { $0.declaration.name == "class_mean" })
        }
    }

    @Test(arguments: [
        (
            "evaluation.class_mean: {enabled: true, shots: 101}\n", "evaluation.class_mean.shots",
            "101 shots, but only 100 training features"
        ),
        ("evaluation.class_mean.shots: -1\n", "evaluation.class_mean.shots", "must be ≥ 0"),
        ("evaluation.class_mean.shot: 1\n", "evaluation.class_mean.shot", "unknown key"),
    ])
    func mistakesAreRefusedAtTheirKey(text: String, key: String, message: String) throws {
        do {
            _ = try load(text)
            Issue.record("\(text) was accepted")
        } catch let errors as SpecErrors {
            let error = try #require(errors.errors.first)
            #expect(error.keyPath == key && "\(error)".contains(message), "\(error)")
        }
        // What is not used may be anything.
        _ = try load("evaluation.class_mean.shots: 101\n")
    }

    @Test func claimsKnowItsMetricWhereItIsOn() throws {
        let claim = "expect:\n  - {arm: default, metric: class_mean, at_least: 10, unit: points, source: chance}\n"
        do {
            _ = try load(claim) { metric, encoder, configuration in
                MetricCatalog(of: configuration, encoder: encoder.rawValue).knowledge(of: metric)
            }
            Issue.record("a claim about a metric that no run has was accepted")
        } catch let errors as SpecErrors {
            #expect("\(errors)".contains("no run will have a metric 'class_mean'"), "\(errors)")
        }
    }

    @Test func documentationSchemaAndSuggestionsHaveItsKeys() throws {
        try withTask {
            let row =
                "| `evaluation.class_mean.shots` | whole number, ≥ 0, ≤ 1000 | `0` | Training images of each class"
            #expect(SpecKey.markdownTable().contains(row))
            #expect(SpecKey.markdownTable().contains("Evaluate features by nearest class mean."))
            let schema = try #require(
                JSONSerialization.jsonObject(with: Data(ExperimentSchema.json().utf8)) as? [String: Any])
            let properties = try #require(schema["properties"] as? [String: Any])
            #expect(properties["evaluation.class_mean.enabled"] != nil)
        }
        for (text, nearest) in [
            ("n_shots: 2\n", "evaluation.class_mean.shots"), ("ncm: {}\n", "evaluation.class_mean"),
        ] {
            do {
                _ = try load(text)
                Issue.record("\(text) was accepted")
            } catch let errors as SpecErrors {
                #expect(errors.errors.first?.nearest == nearest)
            }
        }
        #expect(!SpecKey.markdownTable().contains("class_mean"))
    }

    @Test func costsCountIt() throws {
        let (plain, used) = (try configuration(""), try configuration(Self.used))
        withTask {
            let (without, with) = (CostEstimate(plain), CostEstimate(used))
            // At the start for both encoders at once, at the end for each.
            #expect(with.task("class_mean")?.count == 3 && without.task("class_mean") == nil)
            #expect(with.totalFlops - without.totalFlops == Double(3 * 2 * 50 * 10 * 16))
            let pace = RunPace(step: 1, feature: 0, tasks: ["class_mean": 5])
            #expect(with.seconds(pace) - without.seconds(pace) == 15)
        }
    }

    // MARK: Training

    private func train(_ text: String) throws -> EvaluationRecorder {
        let configuration = try configuration(text)
        return try withTask {
            let recorder = EvaluationRecorder()
            let trainer = try Trainer(
                configuration, data: try DatasetSplits.load(configuration), backend: CPUBackend(),
                threads: 2, recorder: recorder)
            #expect(try trainer.run { false } == .completed)
            return recorder
        }
    }

    @Test func itIsEvaluatedAtTheStartAndAtTheEnd() throws {
        let (with, without) = (try train(Self.used).evaluations, try train("").evaluations)
        #expect(with.map(\.step) == [0, 0, 2, 2, 4, 4])
        for (record, plain) in zip(with, without) {
            let names = record.metrics.map(\.name)
            #expect(
                names.prefix(10) == [
                    "knn_5", "linear", "linear_last1", "linear_last1_bn", "linear_last4", "linear_last4_bn",
                    "logistic", "logistic_last1", "logistic_c", "class_mean",
                ])
            // Nothing else changes, not even by a bit.
            let others = record.metrics.filter { $0.name != "class_mean" }
            #expect(others.map(\.name) == plain.metrics.map(\.name))
            #expect(others.map(\.value.bitPattern) == plain.metrics.map(\.value.bitPattern))
            let accuracy = try #require(record.metrics.first { $0.name == "class_mean" }?.value)
            let classes = record.predictions.classes.first { $0.name == "class_mean" }?.classes
            if record.step == 2 {
                #expect(accuracy.isNaN && classes == nil && !record.isComplete)
                continue
            }
            let right = zip(try #require(classes), record.predictions.labels).count { $0 == $1 }
            #expect(accuracy == Double(right) / 50 && accuracy > 0.1 && record.isComplete)
            let details = try #require(record.details.last)
            #expect(details.table == "class_means" && details.rows.map { $0[1] }.max() == 5)
        }
    }

    @Test func rawPixelsAreAFloorForIt() throws {
        let configuration = try configuration(Self.used)
        let data = try DatasetSplits.load(configuration).evaluated(configuration.evaluation)
        let tasks = withTask { configuration.evaluationTasks }
        func pixels(_ count: Int) -> FeatureMatrix {
            FeatureMatrix(rows: count, columns: 3, values: (0..<3 * count).map { Float($0 % 7) })
        }
        let floors = Evaluator(backend: CPUBackend(), tasks: tasks).pixelFloors(
            train: pixels(data.train.count), test: pixels(data.test.count),
            labels: ProbeLabels(train: try data.train.labels(for: "floors"), test: try data.test.labels(for: "floors")))
        #expect(floors["pixel_class_mean"]?.isFinite == true && floors["pixel_linear_raw_bn"] != nil)
    }

    // MARK: What is stored, and what people see

    /// A trained run, stored as the program stores it.
    private func stored(_ text: String, in results: String) throws -> (folder: String, run: String) {
        let run = try #require(try load(text).runs.first)
        let recorder = try train(text)
        let folder = results + "/trial"
        let directory = RunDirectory(path: folder + "/" + run.directoryName)
        let plan = RunPlan(experiment: "trial", question: "", baseline: run.arm, specPath: "trial.spec", run: run)
        try directory.save(plan)
        try directory.save(
            RunState(status: .done, step: 4, totalSteps: 4, host: "here", startedAt: .now, updatedAt: .now))
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: RunHeader(plan, status: .done), configuration: run.configuration)
        for step in recorder.steps { writer.append("steps", step.columns) }
        for record in recorder.evaluations {
            let encoder = record.encoder.rawValue
            writer.append(
                "evaluation/\(encoder)", [("step", Double(record.step))] + record.metrics.map { ($0.name, $0.value) })
            for (name, rows) in record.details {
                let columns = MetricConvention.details(name).map(\.name)
                for row in rows {
                    writer.append("\(name)/\(encoder)", [("step", Double(record.step))] + Array(zip(columns, row)))
                }
            }
        }
        try writer.commit()
        try ExperimentRecord(
            name: "trial", question: "", expected: "", baseline: run.arm, specPath: "trial.spec", arms: [run.arm],
            runs: [ExperimentRecord.Entry(run)]
        ).save(toExperiment: folder)
        return (folder, directory.resultsFile)
    }

    @Test func storeTableReportAndProgressShowIt() throws {
        let results = FileManager.default.temporaryDirectory.appendingPathComponent("tasks-\(UUID())")
        defer { try? FileManager.default.removeItem(at: results) }
        try withTask {
            let (folder, path) = try stored(Self.used, in: results.path)
            let convention = try #require(MetricConvention.of(table: "evaluation/target", column: "class_mean"))
            #expect(convention.unit == "fraction" && convention.text.contains("nearest mean"))
            #expect(MetricConvention.of(table: "class_means/target", column: "images")?.unit == "image")
            #expect(MetricConvention.of(table: "class_means/target", column: "step")?.unit == "step")
            #expect(try RunFile(path: path).table("class_means/target")["class"]?.count == 20)
            let table = try ComparisonTable.load(experimentDirectory: folder, metrics: ["class_mean", "knn_5"])
            #expect(table.rows[0].cells[0].statistics?.mean.isFinite == true && table.columns[0].isAccuracy)
            #expect(
                table.legend.contains("class_mean: accuracy of the nearest class mean of the features, in %."))
            #expect(
                try ComparisonTable.load(experimentDirectory: folder, metrics: []).columns.map(\.name)
                    .contains("class_mean"))
            let page = try ReportInput.load(experimentDirectory: folder, program: "0").html()
            for text in ["<b>Nearest class mean</b>", "<b>Linear probe</b>", "<b>5-NN</b>"] {
                #expect(page.contains(text), "\(text)")
            }
            var model = ProgressModel(runCount: 1, startedAt: .now)
            model.apply(.started(job: "a-s0", threads: 1, attempt: 1), at: .now)
            model.apply(
                .worker(
                    job: "a-s0", event: .evaluation(step: 0, encoder: "target", metrics: ["class_mean": 0.25])),
                at: .now)
            #expect(model.line(of: "a-s0", at: .now)?.contains("mean 25.0 %") == true)
        }
        #expect(MetricConvention.of(table: "evaluation/target", column: "class_mean") == nil)
    }
}

private final class EvaluationRecorder: RunRecorder {
    var steps: [StepRecord] = []
    var evaluations: [EvaluationRecord] = []

    func record(_ step: StepRecord) { steps.append(step) }
    func record(_ evaluation: EvaluationRecord) { evaluations.append(evaluation) }
    func record(_ record: GradientRecord) {}
    func record(_ record: EmbeddingRecord) {}
    func record(_ record: DiagnosticsRecord) {}
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) {}
    func enter(phase: String) {}
}
