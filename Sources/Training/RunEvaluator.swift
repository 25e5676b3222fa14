package import Datasets
import Diagnostics
import Evaluation
package import ExperimentSpec
package import Kernels
import Masking
import Networks
import Safetensors
import TensorCore

/// Evaluates the encoders of a run: probes, diagnostics, and the predictor's skill.
package final class RunEvaluator<Backend: KernelBackend> {
    private let settings: RunSettings
    private let backend: Backend
    private let data: DatasetSplits
    private let extractor: FeatureExtractor<Backend>
    private let evaluator: Evaluator<Backend>
    private let labels: ProbeLabels
    private let diagnostics: RunDiagnostics<Backend>
    private let initial: InitialEvaluations?

    /// Test images that the predictor is measured on, whatever the batch size.
    static var skillImages: Int { RunDiagnostics<Backend>.predictedImages }

    /// - Parameters:
    ///   - data: The whole data set; the configuration says how much of it is used.
    ///   - initial: What other runs found of the same encoder at initialisation; none: it is measured in any case.
    /// - Throws: `DatasetError`.
    package init(
        _ settings: RunSettings, data: DatasetSplits, backend: Backend, threads: Int,
        initial: InitialEvaluations? = nil
    ) throws {
        self.settings = settings
        self.initial = initial
        self.backend = backend
        let evaluation = settings.configuration.evaluation
        let limited = try data.evaluated(evaluation)
        self.data = limited
        extractor = FeatureExtractor(settings.networks.encoder, backend: backend, threads: threads)
        evaluator = Evaluator(
            backend: backend, tasks: settings.configuration.evaluationTasks, threads: threads)
        let purpose = "kNN and the linear probe"
        labels = ProbeLabels(
            train: try limited.train.labels(for: purpose), test: try limited.test.labels(for: purpose))
        diagnostics = try RunDiagnostics(
            settings, test: limited.test, extractor: extractor, backend: backend, threads: threads)
    }

    /// The test features of an encoder and what they are worth.
    package struct Outcome {
        package let record: EvaluationRecord
        package let embeddings: EmbeddingRecord
    }

    /// The diagnostics alone, without probes.
    package func diagnose(state: TrainingState<Backend>, step: TrainingStep<Backend>) throws -> DiagnosticsRecord {
        try diagnostics.measure(
            state: state, known: [:], predictions: try diagnostics.predictions(state: state, step: step))
    }

    /// Probes and diagnostics.
    ///
    /// - Parameters:
    ///   - encoders: Encoders with equal parameters share one pass.
    ///   - isIntermediate: Whether tasks that do not run at intermediate evaluations are left out.
    package func evaluate(
        _ encoders: [EvaluationConfiguration.Encoder], state: TrainingState<Backend>, step: TrainingStep<Backend>,
        isIntermediate: Bool
    ) throws -> (outcomes: [Outcome], diagnostics: DiagnosticsRecord) {
        let predictions = try diagnostics.predictions(state: state, step: step)
        let key = state.step == 0 && !encoders.isEmpty ? initial.map { ($0, self.key(state, of: $0)) } : nil
        var claim = key.flatMap { initial, key in initial.claim(key) }
        let stored = key.flatMap { initial, key in initial.load(key) }
        if stored != nil { claim = nil }
        var shared = stored.map(Probed.init)
        var known: [EvaluationConfiguration.Encoder: FeatureExtractor<Backend>.Features] = [:]
        let outcomes = try encoders.map { encoder in
            let measured: Probed
            if state.encodersAreEqual, let shared {
                measured = shared
            } else {
                measured = try probe(state.parameters(of: encoder), isIntermediate: isIntermediate)
                shared = measured
            }
            known[encoder] = measured.test
            return Outcome(
                record: EvaluationRecord(
                    step: state.step, encoder: encoder,
                    metrics: measured.result.metrics + measured.measures + predictions.skill.metrics,
                    singularValues: measured.spectrum, details: measured.result.details,
                    isComplete: measured.result.isComplete,
                    predictions: TestPredictions(
                        classes: measured.result.predictions, labels: labels.test, indices: data.test.sourceIndices,
                        names: data.test.names)),
                embeddings: EmbeddingRecord(
                    step: state.step, encoder: encoder, features: measured.test.last, labels: labels.test,
                    indices: data.test.sourceIndices, names: data.test.names))
        }
        let found = try diagnostics.measure(
            state: state, known: known, predictions: predictions, targetTables: stored?.tables)
        if let (initial, key) = key, stored == nil, let shared {
            initial.save(shared.evaluation(tables: found.tables.filter { $0.name.hasPrefix("target/") }), key)
        }
        withExtendedLifetime(claim) {}
        return (outcomes, found)
    }

    private func key(_ state: TrainingState<Backend>, of initial: InitialEvaluations) -> String {
        let weights = backend.values(of: state.target).withUnsafeBytes { XXH64.checksum(of: $0) }
        return initial.key(settings.configuration, weights: weights)
    }

    /// What the features of one encoder are worth.
    private struct Probed {
        let result: EvaluationResult
        let measures: [(name: String, value: Double)]
        let spectrum: [Double]
        /// Of the test images.
        let test: FeatureExtractor<Backend>.Features

        init(
            result: EvaluationResult, measures: [(name: String, value: Double)], spectrum: [Double],
            test: FeatureExtractor<Backend>.Features
        ) {
            self.result = result
            self.measures = measures
            self.spectrum = spectrum
            self.test = test
        }

        init(_ stored: InitialEvaluation) {
            self.init(
                result: stored.result, measures: stored.measures, spectrum: stored.spectrum,
                test: FeatureExtractor<Backend>.Features(
                    last: stored.test, lastFour: FeatureMatrix(rows: 0, columns: 0, values: []),
                    patches: stored.patches))
        }

        func evaluation(tables: [DiagnosticsRecord.Table]) -> InitialEvaluation {
            InitialEvaluation(
                result: result, measures: measures, spectrum: spectrum, test: test.last, patches: test.patches,
                tables: tables)
        }
    }

    private func probe(_ parameters: Parameters<Backend>, isIntermediate: Bool) throws -> Probed {
        let train = try extractor.features(of: data.train, 0..<data.train.count, parameters: parameters)
        let test = try diagnostics.testFeatures(parameters)
        let result = evaluator.evaluate(
            [
                ProbeFeatures(name: FeatureKind.lastLayer.rawValue, train: train.last, test: test.last),
                ProbeFeatures(name: FeatureKind.lastFour.rawValue, train: train.lastFour, test: test.lastFour),
            ], labels: labels, isIntermediate: isIntermediate)
        let measures = FeatureDiagnostics(
            test.last, scope: .all, seed: UInt64(truncatingIfNeeded: settings.configuration.seed))
        return Probed(
            result: result, measures: measures.metrics, spectrum: measures.singularValues, test: test)
    }

    /// R² of the predictions on test images, on masks that are the same at every evaluation.
    func predictorSkill(
        state: TrainingState<Backend>, step: TrainingStep<Backend>
    ) throws -> [(name: String, value: Double)] {
        try diagnostics.predictions(state: state, step: step).skill.metrics
    }
}

extension DatasetSplits {
    /// The images that the evaluations of a run look at; the training images are those that probes are fitted to.
    package func evaluated(_ evaluation: EvaluationConfiguration) throws -> DatasetSplits {
        DatasetSplits(
            train: try (probe ?? train).limited(to: evaluation.trainImages),
            test: try test.limited(to: evaluation.testImages))
    }

    /// A seeded choice of each split, the same for every run; all images where there is no limit or it is larger.
    package func limited(train trainCount: Int?, test testCount: Int?) throws -> DatasetSplits {
        DatasetSplits(
            train: try train.limited(to: trainCount), test: try test.limited(to: testCount), probe: probe)
    }
}

extension ImageDataset {
    func limited(to wanted: Int?) throws -> ImageDataset {
        guard let wanted, wanted < count else { return self }
        return try subset(count: wanted, seed: 0)
    }
}
