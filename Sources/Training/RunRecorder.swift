package import Diagnostics
package import ExperimentSpec
import Objectives
package import Safetensors

/// What a run reports while it trains; whoever stores results conforms.
///
/// Steps are counted as done: the initialisation is step 0, the first update makes step 1.
package protocol RunRecorder: AnyObject {
    /// After every step.
    func record(_ step: StepRecord) throws
    /// After every evaluation of an encoder.
    func record(_ evaluation: EvaluationRecord) throws
    /// The gradients of the loss terms, where the configuration asks for them; before the record of their step.
    func record(_ gradients: GradientRecord) throws
    /// After every diagnosis: with each evaluation, and where the configuration asks for more.
    func record(_ diagnostics: DiagnosticsRecord) throws
    /// Features of the test images, where they are to be kept.
    func record(_ embeddings: EmbeddingRecord) throws
    /// A state that training can go on from; everything recorded before belongs to it.
    ///
    /// - Parameters:
    ///   - tensors: Valid during the call.
    ///   - counters: What else the trainer needs to go on, as strings.
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) throws
    /// What the run is doing besides steps: "evaluating".
    func enter(phase: String)
}

/// The measurements of one step.
package struct StepRecord: Sendable {
    /// Steps done, this one included.
    package let step: Int
    package let epoch: Int
    package let metrics: StepMetrics
    /// The names of the numbers of the objective's terms.
    package let termColumns: [String]
    /// Weights of this step, of terms whose weights have a schedule.
    package let termWeights: [(String, Double)]
    package let hyperparameters: StepHyperparameters
    /// Kc and Kp of the batch.
    package let contextPatches: Int
    package let targetPatches: Int
    package let imageCount: Int
    package let seconds: Double
    /// Part of `seconds` in which the engine waited for images.
    package let loaderWaitSeconds: Double
    /// Where `seconds` went.
    package let phases: PhaseSeconds

    /// The objective's terms: each one's loss, before its weight, and its parts.
    package var terms: [(String, Double)] { Array(zip(termColumns, metrics.terms.array)) }

    /// By the names of the columns in results.
    package var columns: [(String, Double)] {
        [
            ("step", Double(step)), ("epoch", Double(epoch)), ("loss", metrics.loss),
            ("prediction_loss", metrics.predictionLoss),
        ] + terms + termWeights + [
            ("learning_rate", hyperparameters.learningRate), ("weight_decay", hyperparameters.weightDecay),
            ("momentum", hyperparameters.recordedMomentum),
            ("gradient_norm", metrics.gradientNorm), ("gradient_norm_encoder", metrics.encoderGradientNorm),
            ("gradient_norm_predictor", metrics.predictorGradientNorm),
            ("images_per_second", Double(imageCount) / seconds), ("step_seconds", seconds),
            ("loader_wait_seconds", loaderWaitSeconds), ("context_patches", Double(contextPatches)),
            ("target_patches", Double(targetPatches)),
        ] + StepPhase.allCases.map { ($0.name + "_seconds", phases[$0]) }
    }
}

/// The measurements of one evaluation of one encoder.
package struct EvaluationRecord: Sendable {
    package let step: Int
    package let encoder: EvaluationConfiguration.Encoder
    /// By the names of the columns in results; accuracies are fractions.
    package let metrics: [(name: String, value: Double)]
    /// Of the test features, descending, [D].
    package let singularValues: [Double]
    /// Rows of the tables of details that evaluation tasks declare, in the order of their columns.
    package let details: [(table: String, rows: [[Double]])]
    /// Whether every evaluation task has run.
    package let isComplete: Bool
    package let predictions: TestPredictions
}

/// The class that each probe gives each test image.
package struct TestPredictions: Sendable {
    /// By the names of the accuracies, [n_test] each.
    package let classes: [(name: String, classes: [Int32])]
    /// The images' classes, [n_test].
    package let labels: [Int32]
    /// Where each image stands in the test files, [n_test].
    package let indices: [Int32]
    /// Names of the images' files, [n_test]; none where images only have numbers.
    package var names: [String]?
}

/// The collapse diagnostics of one step.
package struct DiagnosticsRecord: Sendable {
    /// One row of a stored table.
    package struct Table: Sendable {
        /// Below `diagnostics/`: "target/images", "predictions/within", "encoders", "predictor".
        package let name: String
        package let values: [(name: String, value: Double)]
        package let vectors: [(name: String, values: [Double])]
        /// What the elements of a vector belong to, where they have names.
        package let vectorLabels: [String: [String]]

        init(
            name: String, values: [(String, Double)], vectors: [(String, [Double])] = [],
            vectorLabels: [String: [String]] = [:]
        ) {
            self.name = name
            self.values = values.map { (name: $0.0, value: $0.1) }
            self.vectors = vectors.map { (name: $0.0, values: $0.1) }
            self.vectorLabels = vectorLabels
        }

        /// The same numbers under another name.
        func named(_ name: String) -> Table {
            Table(
                name: name, values: values.map { ($0.name, $0.value) }, vectors: vectors.map { ($0.name, $0.values) },
                vectorLabels: vectorLabels)
        }
    }

    package let step: Int
    package let tables: [Table]
}

/// Features of the test images under one encoder.
package struct EmbeddingRecord: Sendable {
    package let step: Int
    package let encoder: EvaluationConfiguration.Encoder
    /// [n, D].
    package let features: FeatureMatrix
    /// [n].
    package let labels: [Int32]
    /// Where each image stands in the test files, [n].
    package let indices: [Int32]
    /// Names of the images' files, [n]; none where images only have numbers.
    package var names: [String]?
}
