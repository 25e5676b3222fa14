import Declarations

extension SpecKey {
    /// Every key of a run's configuration, in the order of the documentation.
    package static var all: [SpecKey] { Catalogue.current.keys }

    package static var byPath: [String: SpecKey] { Catalogue.current.keysByPath }

    /// Every prefix that is a group of keys: "objective", "objective.vicreg", …
    package static var groups: Set<String> { Catalogue.current.groups }

    /// The keys of a catalogue.
    ///
    /// - Parameters:
    ///   - data: Keys that data sets declare, and the one that names one.
    ///   - predictors: Keys that predictors declare.
    ///   - masks: Keys that mask samplers declare.
    ///   - objective: Keys that prediction losses and terms of the objective declare.
    ///   - targetEncoder: Keys that rules for the target encoder declare.
    ///   - evaluationTasks: Keys that evaluation tasks declare.
    static func table(
        data: [SpecKey], predictors: [SpecKey], masks: [SpecKey], objective: [SpecKey], targetEncoder: [SpecKey],
        evaluationTasks: [SpecKey]
    ) -> [SpecKey] {
        data + images + model + predictors + masks + objective + targetEncoder + optimizer + schedule + training
            + evaluation + evaluationTasks + diagnostics + resources
    }

    /// Names directly below a group, in order; below "" the outermost groups.
    package static func children(of group: String) -> [String] {
        let prefix = group.isEmpty ? "" : group + "."
        var names: [String] = []
        for key in all where key.path.hasPrefix(prefix) {
            let name = String(key.path.dropFirst(prefix.count).prefix { $0 != "." })
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// Steps and images: far more than a run has, and few enough to multiply.
    private static let maximumCount = 1e9

    /// What is taken of a data set.
    private static let images: [SpecKey] = [
        SpecKey(
            "data.train_subset", \.data.trainSubset,
            "Train on this many images, chosen once, the same for every seed; none: on all.",
            limits: .between(1, maximumCount)),
        SpecKey(
            "data.crop_scale", \.data.cropScale, "Random resized crop: smallest and largest share of the image's area.",
            limits: .positiveShare, count: 2...2),
        SpecKey(
            "data.crop_aspect", \.data.cropAspect,
            "Random resized crop: smallest and largest ratio of width to height.",
            limits: .aspect, count: 2...2),
        SpecKey(
            "data.expected_train_images", \.data.expectedTrainImages,
            "Training images that the data set has when it is complete: another number is refused before anything runs, "
                + "and a plan reckons with it where the data is not there. ImageNet: 1281167.",
            limits: .between(1, maximumCount), isIdentity: false),
        SpecKey(
            "data.expected_test_images", \.data.expectedTestImages,
            "The same of the test images. ImageNet's validation images: 50000.", limits: .between(1, maximumCount),
            isIdentity: false),
    ]

    private static let model: [SpecKey] = [
        SpecKey(
            "model.preset", \.model.preset,
            "Sets width, depth, heads, predictor width and depth; keys given with it, or set later, override it.",
            isIdentity: false
        ),
        SpecKey("model.width", \.model.width, "Encoder width D.", limits: .between(1, 65_536)),
        SpecKey("model.depth", \.model.depth, "Encoder blocks.", limits: .between(1, 1024)),
        SpecKey("model.heads", \.model.heads, "Attention heads H; divides the width.", limits: .between(1, 1024)),
        SpecKey(
            "model.mlp_ratio", \.model.mlpRatio, "Hidden width of a block's MLP, divided by the block's width.",
            limits: .positive(atMost: 64)),
        SpecKey(
            "model.image_size", \.model.imageSize, "Side to which crops are resized, pixels.", limits: .between(1, 8192)
        ),
        SpecKey("model.patch_size", \.model.patchSize, "Side of a patch, pixels.", limits: .between(1, 8192)),
        SpecKey("model.channels", \.model.channels, "Channels of the images.", limits: .between(1, 1024)),
        SpecKey("model.init", \.model.initialization, "Initial weights."),
        SpecKey(
            "model.rescale_init", \.model.rescaleInitialization,
            "Divide attention projections and second MLP weights by sqrt(2 · layer) at initialisation."),
        SpecKey(
            "model.weights", \.model.weights,
            "File or folder of weights that training starts from (docs/weights.md); none: initial values.",
            isIdentity: false, isPath: true),
        SpecKey(
            "model.weights_part", \.model.weightPart, "What is taken of them; the rest starts from initial values.",
            earlierValue: .encoder, isOmittedAtDefault: true, applies: { $0.model.weights != nil }),
        SpecKey(
            "model.weights_encoder", \.model.weightEncoder,
            "Of weights with two encoders, the one that is taken: target is the moving average.", earlierValue: .target,
            isOmittedAtDefault: true, applies: { $0.model.weights != nil && $0.model.weightPart != .predictor }),
        SpecKey(
            "model.weights_content", \.model.weightContent,
            "Checksum of the weights; filled in, and compared where it is given.", isIdentityAtDefault: false,
            applies: { $0.model.weights != nil }),
    ]

    private static let optimizer: [SpecKey] = [
        SpecKey(
            "optimizer.betas", \.optimizer.betas, "AdamW's β₁ and β₂.",
            limits: SpecLimits(minimum: 0, exclusiveMaximum: 1), count: 2...2),
        SpecKey("optimizer.epsilon", \.optimizer.epsilon, "AdamW's ε.", limits: .positive),
        SpecKey(
            "optimizer.weight_decay", \.optimizer.weightDecay, "Weight decay at the first and at the last step.",
            limits: .notNegative, count: 2...2),
        SpecKey(
            "optimizer.weight_decay_schedule", \.optimizer.weightDecaySchedule,
            "How weight decay goes from the first to the last value."),
        SpecKey(
            "optimizer.clip_norm", \.optimizer.clipNorm, "Largest global gradient norm; none: no clipping.",
            limits: .positive),
    ]

    private static let schedule: [SpecKey] = [
        SpecKey(
            "schedule.start_lr", \.schedule.startLearningRate, "Learning rate at the start of the warm-up.",
            limits: .notNegative),
        SpecKey("schedule.lr", \.schedule.learningRate, "Learning rate after the warm-up.", limits: .positive),
        SpecKey(
            "schedule.final_lr", \.schedule.finalLearningRate, "Learning rate at the end of the cosine.",
            limits: .notNegative),
        SpecKey(
            "schedule.warmup", \.schedule.warmup, "Length of the linear warm-up, as a share of all steps.",
            limits: SpecLimits(minimum: 0, exclusiveMaximum: 1)),
        SpecKey(
            "schedule.stretch", \.schedule.stretch, "Schedules are computed for a training this many times as long.",
            limits: .between(1, 1000)),
    ]

    private static let training: [SpecKey] = [
        SpecKey("training.batch_size", \.training.batchSize, "Images per step.", limits: .between(1, 65_536)),
        SpecKey(
            "training.epochs", \.training.epochs,
            "Length in passes over the training images; steps are computed from it.", limits: .between(1, 1_000_000),
            isIdentity: false),
        SpecKey(
            "training.steps", \.training.steps, "Length in steps; instead of epochs.", limits: .between(1, maximumCount)
        ),
        SpecKey(
            "training.precision", \.training.precision,
            "Precision of linear maps and attention; auto: bf16 if the processor multiplies it (AMX, AVX512-BF16), else float32.",
            isIdentityAtDefault: false),
    ]

    private static let evaluation: [SpecKey] = [
        SpecKey(
            "evaluation.every_steps", \.evaluation.everySteps,
            "Steps between evaluations, besides those at initialisation and end; 0: only those two.",
            limits: .between(0, maximumCount)),
        SpecKey("evaluation.encoders", \.evaluation.encoders, "Encoders to evaluate.", count: 1...2),
        SpecKey(
            "evaluation.train_images", \.evaluation.trainImages,
            "Training images whose features the probes see; none: all.", limits: .between(2, maximumCount)),
        SpecKey(
            "evaluation.test_images", \.evaluation.testImages, "Test images to score; none: all.",
            limits: .between(2, maximumCount)),
    ]

    private static let diagnostics: [SpecKey] = [
        SpecKey(
            "diagnostics.embeddings_at_steps", \.diagnostics.embeddingsAtSteps,
            "Steps at which test embeddings are stored, besides the end.", limits: .between(0, maximumCount),
            isIdentity: false),
        SpecKey(
            "diagnostics.store_embeddings", \.diagnostics.storeEmbeddings, "Whether embeddings are stored.",
            isIdentity: false),
        SpecKey(
            "diagnostics.collapse_rank_share", \.diagnostics.collapseRankShare,
            "A run is marked as collapsed if RankMe divided by the width is below this.", limits: .share,
            isIdentity: false
        ),
        SpecKey(
            "diagnostics.collapse_standard_deviation", \.diagnostics.collapseStandardDeviation,
            "A run is marked as collapsed if the mean std of its features is below this.", limits: .notNegative,
            isIdentity: false),
        SpecKey(
            "diagnostics.stop_on_collapse", \.diagnostics.stopOnCollapse,
            "A run ends as `collapsed` after this many marked evaluations in a row; none: it trains to the end.",
            limits: .between(1, 1_000_000)),
        SpecKey(
            "diagnostics.every_steps", \.diagnostics.everySteps,
            "Steps between diagnostics, besides those with every evaluation; 0: no others.",
            limits: .between(0, maximumCount), isIdentity: false),
        SpecKey(
            "diagnostics.at_steps", \.diagnostics.atSteps, "Further steps at which diagnostics are taken.",
            limits: .between(1, maximumCount), isIdentity: false),
        SpecKey(
            "diagnostics.patch_rows", \.diagnostics.patchRows,
            "Size of the seeded sample of patches for patch-level and within-image diagnostics; 0: none of these.",
            limits: .between(0, 10_000_000), isIdentity: false),
        SpecKey(
            "diagnostics.lidar_objects", \.diagnostics.lidarObjects,
            "Test images whose crops LiDAR uses; 0: no LiDAR.", limits: .between(0, 1_000_000), isIdentity: false),
        SpecKey(
            "diagnostics.lidar_views", \.diagnostics.lidarViews, "Crops of each of these images.",
            limits: .between(2, 10_000),
            isIdentity: false),
        SpecKey(
            "diagnostics.gradient_norms_every", \.diagnostics.gradientNormsEvery,
            "Steps between measurements of each loss term's gradient norm, which cost about a step per term; 0: never.",
            limits: .between(0, maximumCount), isIdentity: false),
    ]

    private static let resources: [SpecKey] = [
        SpecKey(
            "resources.threads", \.resources.threads,
            "Compute threads of one run, over all its ranks; none: decided when it starts.",
            limits: .between(1, 1024), isIdentity: false),
        SpecKey(
            "resources.shards", \.resources.shards,
            "Parts of a batch, which are summed in a fixed order; changes results in rounding only.",
            limits: .between(1, 1024)),
        SpecKey(
            "resources.accumulate", \.resources.accumulate,
            "Rounds in which the shards of a batch are processed; memory is needed for one round. Changes no result.",
            limits: .between(1, 1024), isIdentity: false),
        SpecKey(
            "resources.recompute", \.resources.recompute,
            "Keep only the inputs of transformer blocks, and recompute the blocks in the backward pass. Changes no result.",
            isIdentity: false),
        SpecKey(
            "resources.ranks", \.resources.ranks,
            "Processes that train one run together, started through mpirun if more than one. Changes no result.",
            limits: .between(1, 1024), isIdentity: false),
        SpecKey(
            "resources.loader_threads", \.resources.loaderThreads,
            "Threads that prepare images; none: found by measurement while a run trains, one more wherever steps come "
                + "faster with it. Changes no result.", limits: .between(1, 256), isIdentity: false),
        SpecKey(
            "resources.memory_gib", \.resources.memoryGiB, "Memory for all runs together, GiB; none: what is free.",
            limits: .positive(atMost: 1_048_576), isIdentity: false),
        SpecKey(
            "resources.workers", \.resources.workers, "Runs at once; none: as many as fit.", limits: .between(1, 1024),
            isIdentity: false),
        SpecKey(
            "resources.checkpoint_minutes", \.resources.checkpointMinutes, "Minutes between checkpoints.",
            limits: .positive(atMost: 525_600), isIdentity: false),
        SpecKey(
            "resources.checkpoint_steps", \.resources.checkpointSteps,
            "Also write a checkpoint at every multiple of this many steps; none: by minutes alone.",
            limits: .between(1, maximumCount), isIdentity: false),
        SpecKey(
            "resources.checkpoints_kept", \.resources.checkpointsKept,
            "Checkpoints that a run keeps while it trains, in case the last one is damaged; a finished run keeps "
                + "the last one.", limits: .between(1, 1000), isIdentity: false),
        SpecKey(
            "resources.tensorboard", \.resources.tensorboard,
            "Write event files for TensorBoard while a run trains, into its folder `live`.", isIdentity: false),
        SpecKey(
            "resources.json_lines", \.resources.jsonLines,
            "Write the series of a run as JSON lines while it trains, into `live/metrics.jsonl` of its folder.",
            isIdentity: false),
        SpecKey(
            "resources.retries", \.resources.retries,
            "How many times a failed run is tried again, from its checkpoint, with pauses that double.",
            limits: .between(0, 1000), isIdentity: false),
        SpecKey(
            "resources.on_failure", \.resources.onFailure,
            "When a run has failed for good: the others `continue`, or `stop` with a checkpoint and no further run "
                + "starts.", isIdentity: false),
    ]
}
