import CPUKernels
import Datasets
import Declarations
import Diagnostics
import ExperimentSpec
import Foundation
import Kernels
import Objectives
import Orchestration
import RunStore
import Safetensors
import Testing
import Training

@testable import Analysis

/// A term and a loss that only these tests know, from the spec to the report.
@Suite struct OpenTermTests {
    private static let catalogue = Catalogue(
        regularizers: Regularizers.standard + [NormTerm.self],
        predictionLosses: PredictionLosses.standard + [LogCosh.self])

    private func withTerm<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Catalogue.$current.withValue(Self.catalogue, operation: body)
    }

    private static let header = """
        question: Does it train?
        seeds: [0]
        data: {dataset: fashion_mnist_sample, train_subset: 64}
        model: {preset: custom, width: 16, depth: 2, heads: 2, image_size: 28, patch_size: 4, channels: 1, init: xavier}
        model.predictor: {width: 8, depth: 1, heads: 2}
        masks.min_keep: 4
        training: {batch_size: 16, steps: 4}
        evaluation: {knn: {k: [5]}, train_images: 100, test_images: 50, linear.epochs: 1}
        diagnostics: {patch_rows: 100, lidar_objects: 10, gradient_norms_every: 2}

        """

    @Test func whatItNeedsOfABatchIsChecked() throws {
        do {
            _ = try load(
                "objective.norm.weight: 1\n", overrides: ["training.batch_size=1", "resources.shards=1"])
            Issue.record("a batch of one was accepted")
        } catch let errors as SpecErrors {
            #expect(errors.errors.first?.message == "Norm term needs a batch of at least 2 images")
        }
    }

    private func load(_ text: String, overrides: [String] = []) throws -> Experiment {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("terms-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("trial.spec")
        try (Self.header + text).write(to: file, atomically: true, encoding: .utf8)
        return try withTerm { try Experiment.load(path: file.path, overrides: overrides) }
    }

    private func configuration(_ text: String) throws -> RunConfiguration {
        try #require(try load(text).runs.first).configuration
    }

    // MARK: Specs

    @Test func aSpecSetsItsKeysAndTheyAreStoredAndReadBack() throws {
        let configuration = try configuration(
            """
            objective: {prediction: log_cosh, norm: {weight: 0.5, level: 2, on: context, weight_schedule: cosine}}
            objective.log_cosh.scale: 0.5
            """)
        try withTerm {
            let term = try #require(configuration.activeTerms.first)
            #expect(configuration.activeTerms.count == 1 && term.declaration.name == "norm")
            #expect((term.regularizer as? NormTerm)?.level == 2)
            #expect((configuration.predictionLoss as? LogCosh)?.scale == 0.5)
            #expect(term.views == .context && term.weight == WeightSchedule(0.5, form: .cosine))
            let data = try JSONEncoder().encode(configuration)
            #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
            #expect(configuration.canonicalJSON().contains(#""norm":{"level":2,"on":"context","weight":0.5,"#))
            #expect(
                configuration.yaml().contains(
                    "  norm:\n    weight: 0.5\n    weight_schedule: cosine\n    level: 2\n    on:"))
        }
    }

    @Test func aTermWithoutAWeightLeavesTheIdentityOfARunAsItWas() throws {
        let plain = try configuration("")
        let unused = try configuration("objective.norm: {level: 7, on: targets}\n")
        let schedule = try configuration("objective.vicreg.weight_schedule: cosine\n")
        let used = try configuration("objective.norm: {weight: 1}\n")
        let other = try configuration("objective.norm: {weight: 1, level: 7}\n")
        let known = plain.configurationHash()
        withTerm {
            #expect(plain.configurationHash() == known)
            #expect(unused.configurationHash() == known && schedule.configurationHash() == known)
            #expect(Set([plain, used, other].map { $0.configurationHash() }).count == 3)
        }
        // Nor is anything written of it.
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let written = try encoder.encode(plain)
        #expect(!String(decoding: written, as: UTF8.self).contains("sigreg"))
        let again = try withTerm { try encoder.encode(plain) }
        #expect(again == written)
        withTerm { #expect(plain.canonicalJSON() == Catalogue.$current.withValue(.standard) { plain.canonicalJSON() }) }
    }

    @Test(arguments: [
        ("objective.norm.weight: -1\n", "objective.norm.weight", "-1 is out of range: must be ≥ 0"),
        ("objective.norm: {weight: 1, radius: 2}\n", "objective.norm.radius", "unknown key"),
        ("objective.norm.on: everything\n", "objective.norm.on", "expected one of predictions, context"),
        ("objective.prediction: log_sinh\n", "objective.prediction", "expected one of smooth_l1, l2, l1, log_cosh"),
        (
            "objective.norm: {weight: 1, projector: {kind: linear, widths: [3, 4]}}\n",
            "objective.norm.projector.widths", "the projector linear takes 1 width, not 2"
        ),
        (
            "objective.norm: {weight: 1, on: targets}\n", "objective.norm.on",
            "the target encoder has no gradient, so Norm term on its features has no effect"
        ),
        (
            "objective.norm: {weight: 1, projector: {kind: shared, shared_with: vicregg}}\n",
            "objective.norm.projector.shared_with", "there is no regulariser vicregg; did you mean vicreg?"
        ),
        (
            "objective.norm: {weight: 1, projector: {shared_with: vicreg}}\n",
            "objective.norm.projector.shared_with", "names vicreg, but the projector is not shared"
        ),
        (
            "objective.norm: {weight: 1, projector: {kind: shared, shared_with: vicreg}}\n",
            "objective.norm.projector.shared_with", "vicreg has no projector of its own"
        ),
    ])
    func mistakesAreRefusedAtTheirKey(text: String, key: String, message: String) throws {
        do {
            _ = try load(text)
            Issue.record("\(text) was accepted")
        } catch let errors as SpecErrors {
            let error = try #require(errors.errors.first)
            #expect(error.keyPath == key && error.message.contains(message), "\(error)")
        }
    }

    @Test func documentationSchemaAndSuggestionsHaveItsKeys() throws {
        try withTerm {
            let table = SpecKey.markdownTable()
            #expect(table.contains("| `objective.norm.level` | number, ≥ 0 | `1` | Mean square that costs nothing. |"))
            #expect(table.contains("| `objective.prediction` | smooth_l1, l2, l1, log_cosh |"))
            let schema = try #require(
                JSONSerialization.jsonObject(with: Data(ExperimentSchema.json().utf8)) as? [String: Any])
            let properties = try #require(schema["properties"] as? [String: Any])
            #expect(properties["objective.norm.on"] != nil)
        }
        do {
            _ = try load("radius: 2\n")
            Issue.record("radius was accepted")
        } catch let errors as SpecErrors {
            #expect(errors.errors.first?.nearest == "objective.norm.level")
        }
        #expect(!SpecKey.markdownTable().contains("objective.norm"))
    }

    @Test func costsCountIt() throws {
        let (plain, used) = (
            try configuration(""),
            try configuration("objective.norm: {weight: 1, projector: {kind: linear, widths: [8]}}\n")
        )
        withTerm {
            let (without, with) = (CostEstimate(plain), CostEstimate(used))
            // 16 images, 4 blocks, a map from 16 to 8: forward and backward.
            #expect(with.flopsPerStep - without.flopsPerStep == Double(3 * 4 * 16 * 2 * 16 * 8 + 7))
            #expect(with.projectorParameters == 16 * 8 && without.projectorParameters == 0)
            #expect(with.memoryBytes > without.memoryBytes)
        }
    }

    // MARK: Training

    private static let data = Result { try DatasetSplits.load(try OpenTermTests().configuration("")) }

    private func train(_ text: String) throws -> Recorder {
        let configuration = try configuration(text)
        return try withTerm {
            let recorder = Recorder()
            let trainer = try Trainer(
                configuration, data: try Self.data.get(), backend: CPUBackend(), threads: 2, recorder: recorder)
            #expect(try trainer.run { false } == .completed)
            return recorder
        }
    }

    @Test func aRunRecordsItsNumbersAndGradientsUnderItsNames() throws {
        let recorder = try train("objective: {prediction: log_cosh, norm: {weight: 0.5, level: 2}}\n")
        let columns = Dictionary(recorder.steps[3].columns) { first, _ in first }
        let (loss, level, size) = (columns["norm_loss"], columns["norm_level"], columns["norm_size"])
        let expected = try #require(level) + 0.5 * (try #require(size))
        #expect(abs(try #require(loss) - expected) <= 1e-12)
        let prediction = try #require(columns["prediction_loss"])
        #expect(abs(try #require(columns["loss"]) - (prediction + 0.5 * expected)) <= 1e-12)
        // VICReg is measured beside it, as in every run.
        #expect(columns["vicreg_variance"]?.isFinite == true)
        #expect(recorder.gradients.map(\.step) == [2, 4])
        let terms = recorder.gradients[0].terms
        #expect(terms.map(\.term) == ["prediction", "norm", "norm_level", "norm_size"])
        #expect(terms.allSatisfy { $0.encoderNorm > 0 })
        withTerm {
            #expect(MetricConvention.of(table: "steps", column: "norm_size")?.text == "mean x²")
            #expect(
                MetricConvention.of(table: "gradients", column: "norm_level_encoder")?.text.contains("level part")
                    == true)
            #expect(MetricConvention.of(table: "steps", column: "prediction_loss")?.text.contains("ln cosh") == true)
        }
    }

    @Test func termsAddUpWhateverElseThereIs() throws {
        let both = "{weight: 0.5, pairs: context_target, projector: {kind: linear, widths: [8]}}"
        let norm = "{weight: 0.25, on: predictions, projector: {kind: shared, shared_with: vicreg}}"
        let step = try train("objective: {vicreg: \(both), norm: \(norm)}\n").steps[0].columns
        let columns = Dictionary(step) { first, _ in first }
        let values = ["loss", "prediction_loss", "vicreg_loss", "norm_loss"].map { columns[$0] ?? .nan }
        #expect(abs(values[0] - (values[1] + 0.5 * values[2] + 0.25 * values[3])) <= 1e-9 * values[0])
        #expect(values.allSatisfy { $0 > 0 })
    }

    @Test func theWeightFollowsItsSchedule() throws {
        let recorder = try train(
            "objective.norm: {weight: 0.5, level: 2, weight_schedule: warmup, weight_warmup: 1}\n")
        for (step, weight) in zip(recorder.steps, [0, 0.125, 0.25, 0.375]) {
            let columns = Dictionary(step.columns) { first, _ in first }
            let norm = try #require(columns["norm_loss"])
            let expected = (columns["prediction_loss"] ?? .nan) + weight * norm
            #expect(norm > 0 && abs((columns["loss"] ?? .nan) - expected) <= 1e-9, "step \(step.step)")
        }
    }

    // MARK: What people see

    @Test func progressAndReportShowIt() throws {
        try withTerm {
            var model = ProgressModel(runCount: 1, startedAt: .now)
            model.apply(.started(job: "a-s0", threads: 1, attempt: 1), at: .now)
            let report = StepReport(step: 1, totalSteps: 4, loss: 1, terms: ["norm_level": 0.25, "norm_loss": 9])
            model.apply(.worker(job: "a-s0", event: .step(report)), at: .now)
            let line = try #require(model.line(of: "a-s0", at: .now))
            #expect(line.contains("level 0.25") && !line.contains("norm_loss"), "\(line)")
        }
    }

    /// A trained run, stored as the program stores it.
    private func stored(_ text: String, in results: String) throws -> String {
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
        for gradients in recorder.gradients {
            writer.append(
                "gradients",
                [("step", Double(gradients.step))]
                    + gradients.terms.map { ("\($0.term)_encoder", $0.term == "norm" ? 1e-9 : $0.encoderNorm) })
        }
        writer.append("evaluation/target", [("step", 4), ("knn_5", 0.5)])
        try writer.commit()
        try ExperimentRecord(
            name: "trial", question: "", expected: "", baseline: run.arm, specPath: "trial.spec", arms: [run.arm],
            runs: [ExperimentRecord.Entry(run)]
        ).save(toExperiment: folder)
        return folder
    }

    @Test func tableReportAndVerdictShowIt() throws {
        let results = FileManager.default.temporaryDirectory.appendingPathComponent("terms-\(UUID())")
        defer { try? FileManager.default.removeItem(at: results) }
        let folder = try stored("objective.norm: {weight: 0.5, level: 2}\n", in: results.path)
        try withTerm {
            let table = try ComparisonTable.load(experimentDirectory: folder, metrics: ["knn_5", "steps.norm_size"])
            #expect(table.rows[0].cells[1].statistics?.mean.isFinite == true)
            let page = try ReportInput.load(experimentDirectory: folder, program: "0").html()
            for text in ["<b>Norm term</b>", "<b>Size part</b>", "<b>Norm term over prediction</b>"] {
                #expect(page.contains(text), "\(text)")
            }
            let file = try RunFile(
                path: folder + "/" + (try load("objective.norm: {weight: 0.5, level: 2}\n").runs[0].directoryName)
                    + "/run.h5")
            var history = RunHistory { try? file.table($0) }
            history.diagnoses = [.init(step: 4, encoders: [])]
            let verdict = RunVerdict(history, thresholds: VerdictThresholds())
            #expect(verdict.current.map(\.finding) == [.inertRegularizer])
            #expect(
                verdict.current.first?.evidence.first?.text.hasPrefix("Norm term's/prediction's gradient norm") == true)
        }
    }
}

private final class Recorder: RunRecorder {
    var steps: [StepRecord] = []
    var gradients: [GradientRecord] = []

    func record(_ step: StepRecord) { steps.append(step) }
    func record(_ record: GradientRecord) { gradients.append(record) }
    func record(_ evaluation: EvaluationRecord) {}
    func record(_ record: EmbeddingRecord) {}
    func record(_ record: DiagnosticsRecord) {}
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) {}
    func enter(phase: String) {}
}
