package import Declarations

/// Everything that decides the result of one run: an arm of the matrix with its seed, every default filled in.
///
/// Keys in a spec and in stored JSON are the snake_case of these names. Defaults are the paper's where it gives them.
package struct RunConfiguration: Codable, Hashable, Sendable {
    package var data = DataConfiguration()
    package var model = ModelConfiguration()
    package var optimizer = OptimizerConfiguration()
    package var schedule = ScheduleConfiguration()
    package var training = TrainingConfiguration()
    package var evaluation = EvaluationConfiguration()
    package var diagnostics = DiagnosticsConfiguration()
    package var seed: Int = 0
    /// Values of keys that parts of the method declare, by path, where they are not the default.
    package var declared: [String: SpecValue] = [:]
    package var resources = ResourceConfiguration()

    package init() {}
}

/// What is taken of the data set; which one that is stands in the keys that data sets declare.
package struct DataConfiguration: Codable, Hashable, Sendable {
    /// How many training images to train on (a seeded choice, the same for every seed of an experiment); none: all.
    package var trainSubset: Int?
    /// Random resized crop: share of the area, and aspect ratio.
    package var cropScale = [0.3, 1.0]
    package var cropAspect = [0.75, 4.0 / 3.0]
    /// Images that the data set has when it is complete; none: not compared.
    package var expectedTrainImages: Int?
    package var expectedTestImages: Int?

    package init() {}
}

package struct ModelConfiguration: Codable, Hashable, Sendable {
    package enum Initialization: String, Codable, CaseIterable, Sendable {
        /// Truncated normal of std 0.02, as the public I-JEPA code.
        case truncatedNormal = "trunc_normal"
        /// Xavier-uniform on every linear map, as MAE; starts better on small images.
        case xavier
    }

    package enum Preset: String, Codable, CaseIterable, Sendable {
        case tiny = "vit_tiny"
        case small = "vit_small"
        case base = "vit_base"
        case large = "vit_large"
        case custom
    }

    /// Which networks start from weights that were trained before.
    package enum WeightPart: String, Codable, CaseIterable, Sendable {
        case encoder
        case predictor
        case both
    }

    /// Sets width, depth, heads and the predictor's depth; keys beside it override.
    package var preset: Preset = .tiny
    package var width = 192
    package var depth = 12
    package var heads = 3
    package var mlpRatio = 4.0
    package var imageSize = 224
    package var patchSize = 16
    package var channels = 3
    package var initialization: Initialization = .truncatedNormal
    /// Divides attention projection and second MLP weights by sqrt(2 · layer) at initialisation.
    package var rescaleInitialization = false
    /// File or folder of weights that training starts from; none: from initial values.
    package var weights: String?
    package var weightPart: WeightPart = .encoder
    /// Which of a file's encoders.
    package var weightEncoder: EvaluationConfiguration.Encoder = .target
    /// Checksum of the weights' content; filled in when a spec is read.
    package var weightContent: String?

    package init() {}
}

package struct OptimizerConfiguration: Codable, Hashable, Sendable {
    package enum DecaySchedule: String, Codable, CaseIterable, Sendable {
        case cosine
        case linear
    }

    package var betas = [0.9, 0.999]
    package var epsilon = 1e-8
    /// Start and end.
    package var weightDecay = [0.04, 0.4]
    package var weightDecaySchedule: DecaySchedule = .cosine
    /// Largest allowed global gradient norm; none: no clipping.
    package var clipNorm: Double?

    package init() {}
}

package struct ScheduleConfiguration: Codable, Hashable, Sendable {
    package var startLearningRate = 1e-4
    package var learningRate = 1e-3
    package var finalLearningRate = 1e-6
    /// Share of all steps that the linear warm-up takes (the paper: 15 of 600 epochs).
    package var warmup = 0.025
    /// All schedules are stretched to this many times the training's length (`ipe_scale`).
    package var stretch = 1.0

    package init() {}
}

package struct TrainingConfiguration: Codable, Hashable, Sendable {
    package enum Precision: String, Codable, CaseIterable, Sendable {
        case float32
        /// bfloat16 operands of linear maps and attention; float32 masters, sums, statistics, losses and optimiser.
        case bf16
        /// Whichever is faster on this processor; never in a resolved configuration.
        case auto
    }

    package var precision: Precision = .float32
    package var batchSize = 128
    /// One of the two; `steps` wins in a resolved configuration (epochs are resolved when the data set is known).
    package var epochs: Int?
    package var steps: Int?

    package init() {}
}

package struct EvaluationConfiguration: Codable, Hashable, Sendable {
    package enum Encoder: String, Codable, CaseIterable, Sendable {
        case target
        case context
    }

    /// Evaluate every so many steps, besides initialisation and end; 0: only those two.
    package var everySteps = 0
    package var encoders: [Encoder] = [.target, .context]
    /// Images for the features of probes; none: all.
    package var trainImages: Int?
    package var testImages: Int?

    package init() {}
}

package struct DiagnosticsConfiguration: Codable, Hashable, Sendable {
    /// Steps at which test embeddings are stored, besides the end.
    package var embeddingsAtSteps: [Int] = []
    package var storeEmbeddings = true
    /// Below this RankMe divided by the width, or this mean feature std, a run is marked as collapsed.
    package var collapseRankShare = 0.05
    package var collapseStandardDeviation = 0.02
    /// A run ends early after so many evaluations in a row with that mark; none: never.
    package var stopOnCollapse: Int?
    /// Diagnostics every so many steps and at these steps, besides every evaluation; 0: not.
    package var everySteps = 0
    package var atSteps: [Int] = []
    /// Patches that patch-level and within-image diagnostics look at; 0: none.
    package var patchRows = 4096
    /// Test images, and crops of each, for LiDAR; 0 objects: no LiDAR.
    package var lidarObjects = 256
    package var lidarViews = 4
    /// Norms of each loss term's gradient every so many steps; 0: never.
    package var gradientNormsEvery = 250

    /// Whether diagnostics are to be taken at a step that has no evaluation.
    package func isDue(at step: Int) -> Bool {
        (everySteps > 0 && step.isMultiple(of: everySteps)) || atSteps.contains(step)
    }

    package init() {}
}

package struct ResourceConfiguration: Codable, Hashable, Sendable {
    /// Compute threads of one run; none: decided by the scheduler. No result depends on it.
    package var threads: Int?
    /// Parts that a batch is split into; fixes the order of summation, so results depend on it (in rounding only).
    package var shards = 4
    /// Rounds in which the shards go through the networks, one round's activations in memory at a time. No result
    /// depends on it.
    package var accumulate = 1
    /// Blocks of the networks keep only their inputs and are run again in the backward pass. No result depends on it.
    package var recompute = false
    /// Processes that train one run together, each a part of every round. No result depends on it.
    package var ranks = 1
    /// Threads that prepare images; none: as many as the run gains from. No result depends on it.
    package var loaderThreads: Int?
    /// Memory for all runs together, GiB; none: what the machine has free.
    package var memoryGiB: Double?
    /// Runs at once; none: as many as cores and memory allow.
    package var workers: Int?
    package var checkpointMinutes = 5.0
    /// A checkpoint also at every multiple of so many steps; none: minutes alone count.
    package var checkpointSteps: Int?
    /// Checkpoints that a run keeps while it trains; of a finished run the last one stays.
    package var checkpointsKept = 2
    /// Event files for TensorBoard are written while the run trains. No result depends on it.
    package var tensorboard = false
    /// So are its series, as JSON lines.
    package var jsonLines = false
    package enum FailurePolicy: String, Codable, CaseIterable, Sendable {
        /// The other runs go on.
        case proceed = "continue"
        /// The other runs stop with a checkpoint, and no further one starts.
        case stop
    }

    /// Failed runs are tried again this often, from their checkpoint.
    package var retries = 0
    /// What the final failure of a run means for the others.
    package var onFailure: FailurePolicy = .proceed

    package init() {}
}
