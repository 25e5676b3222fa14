import Datasets
import Evaluation
import Masking
import Networks
import Objectives

/// What a run is expected to cost, from its configuration alone.
///
/// Parameters are exact. FLOPs count matrix products; those of a step are `StepFLOPs` of the expected masks.
package struct CostEstimate: Hashable, Sendable {
    /// Parameters of the encoder (the target encoder has as many), of the predictor and of the projector.
    package let encoderParameters: Int
    package let predictorParameters: Int
    package let projectorParameters: Int
    /// Expected patches of a context, Kc, and of a target block, Kp.
    package let contextPatches: Double
    package let targetPatches: Double
    /// One training step.
    package let flopsPerStep: Double
    /// One encoder's features of one image, forward only.
    package let flopsPerFeature: Double
    /// The evaluation tasks of the run.
    package let tasks: [TaskCost]
    package let steps: Int
    /// Evaluations, initialisation and end included; encoders that they look at (those with equal parameters share one
    /// pass: at initialisation, and always where the target encoder is the context encoder).
    package let evaluations: Int
    package let evaluationPasses: Int
    /// Images whose features one pass needs; crops for LiDAR count as images.
    package let imagesPerPass: Int
    /// Images whose features diagnoses without an evaluation need.
    package let diagnosedImages: Int
    /// Passes for the gradient norms of loss terms, each about a step.
    package let gradientPasses: Int
    /// The test images among them.
    package let testImages: Int
    /// Numbers of one image.
    private let pixels: Int
    /// Peak resident memory of the run's processes with `resources.threads` threads (none: one), bytes. Workspaces count
    /// as planned, for the largest masks.
    package let memoryBytes: Int
    /// The part of it that the step's passes work in: activations of all shards, and temporary memory of threads.
    package let stepMemoryBytes: Int
    /// Results file and checkpoints while it trains, bytes, before compression.
    package let diskBytes: Int
    /// Memory of the floors of the run's data, the tasks on raw pixels.
    package let floorsMemoryBytes: Int
    /// What stays of them after the run: the results and one checkpoint.
    package let storedBytes: Int

    package var parameters: Int { encoderParameters + predictorParameters + projectorParameters }
    /// Everything: training, evaluations and probes.
    package var totalFlops: Double {
        Double(steps + gradientPasses) * flopsPerStep
            + Double(evaluationPasses * imagesPerPass + diagnosedImages) * flopsPerFeature + probeFlops
    }
    private var probeFlops: Double { tasks.reduce(0) { $0 + Double($1.count) * $1.flops } }

    /// What one evaluation task costs a run.
    package struct TaskCost: Hashable, Sendable {
        /// "knn".
        package let name: String
        /// Floating-point operations of the task on one encoder's features.
        package let flops: Double
        /// How often it runs.
        package let count: Int
        /// Numbers that it looks at of each image: how raw pixels compare with those.
        let columns: Int
        let hasFloor: Bool
    }

    /// The cost of a task; none where the run does not have it.
    package func task(_ name: String) -> TaskCost? { tasks.first { $0.name == name } }

    /// - Parameters:
    ///   - configuration: Resolved: steps are known.
    ///   - trainImages: In the data set, and `testImages`; for data sets that are not known. Default: 60,000 and 10,000.
    package init(_ configuration: RunConfiguration, trainImages: Int? = nil, testImages: Int? = nil) {
        let known = configuration.imageCollection.knownSizes
        let (allTrain, allTest) = (trainImages ?? known?.train ?? 60_000, testImages ?? known?.test ?? 10_000)
        let evaluation = configuration.evaluation
        let allProbed = known?.probe ?? allTrain
        let probeTrain = min(evaluation.trainImages ?? allProbed, allProbed)
        let probeTest = min(evaluation.testImages ?? allTest, allTest)
        let sizes = NetworkSizes(
            configuration.model, precision: configuration.training.precision,
            recomputes: configuration.resources.recompute)
        encoderParameters = sizes.encoderParameters
        predictorParameters = configuration.predictor.layout.parameterCount
        let owners = configuration.terms.filter { $0.weight.weight > 0 && [.linear, .mlp].contains($0.projector.kind) }
        projectorParameters = owners.reduce(0) { $0 + ProjectorSizes(of: $1, in: configuration).parameters }
        (contextPatches, targetPatches) = configuration.expectedPatches

        flopsPerStep =
            StepFLOPs(configuration, contextPatches: contextPatches, targetPatches: targetPatches).total
        let diagnostics = configuration.diagnostics
        let crops = min(diagnostics.lidarObjects, probeTest) * diagnostics.lidarViews
        imagesPerPass = probeTrain + probeTest + crops
        self.testImages = probeTest
        pixels = configuration.model.channels * configuration.model.imageSize * configuration.model.imageSize
        flopsPerFeature = sizes.encoderFlops(tokens: Double(sizes.patches))
        steps = configuration.training.steps ?? 0
        let every = evaluation.everySteps
        evaluations = 2 + (every > 0 ? max(0, (steps - 1) / every) : 0)
        let hasOwnTarget = configuration.targetEncoderRule.hasOwnParameters
        let encoders = hasOwnTarget ? evaluation.encoders.count : min(1, evaluation.encoders.count)
        evaluationPasses = 1 + (evaluations - 1) * encoders
        let probed = EvaluationSizes(
            trainImages: probeTrain, testImages: probeTest, width: configuration.model.width,
            depth: configuration.model.depth)
        // Of data sets whose classes are not known by heart, as many as ImageNet has.
        floorsMemoryBytes =
            FloorsSize(
                configuration, trainImages: probeTrain, testImages: probeTest,
                classes: configuration.classNames?.count ?? (known == nil ? 1000 : 10)
            ).bytes
        let passes = evaluationPasses
        tasks = configuration.evaluationTasks.map { task in
            TaskCost(
                name: task.declaration.name, flops: task.task.flops(probed),
                count: task.isIntermediate ? passes : 1 + encoders,
                columns: probed.columns(of: task.declaration.features), hasFloor: task.declaration.hasFloor)
        }

        let diagnoses =
            (diagnostics.everySteps > 0 ? max(0, (steps - 1) / diagnostics.everySteps) : 0) + diagnostics.atSteps.count
        diagnosedImages = diagnoses * (hasOwnTarget ? 2 : 1) * (probeTest + crops)
        let terms = configuration.activeTerms
        // With the prediction loss's own.
        let norms = terms.isEmpty ? 0 : terms.reduce(1) { $0 + $1.gradientCount }
        gradientPasses = diagnostics.gradientNormsEvery > 0 ? steps / diagnostics.gradientNormsEvery * norms : 0

        let networks = encoderParameters + predictorParameters + projectorParameters
        let target = hasOwnTarget ? encoderParameters : 0
        let step = Self.stepFloats(configuration, sizes)
        stepMemoryBytes = Int(min(4 * step, 1e18))
        memoryBytes = Self.memoryBytes(
            configuration, sizes, networks: networks, target: target, step: step, images: allTrain + allTest,
            probed: probed)
        let checkpoint = 4 * Double(3 * networks + target)
        let results = Self.resultsBytes(configuration, evaluations: evaluations, testImages: probeTest)
        // A new one is whole before the oldest goes.
        diskBytes = Self.bytes(results + Double(configuration.resources.checkpointsKept + 1) * checkpoint)
        storedBytes = Self.bytes(results + checkpoint)
    }

    // MARK: Time

    /// Seconds of the run: steps, evaluations and what frames them.
    package func seconds(_ pace: RunPace) -> Double {
        let pass = Double(imagesPerPass) * pace.feature + pace.diagnostics
        let probes = tasks.reduce(0) { $0 + Double($1.count) * (pace.tasks[$1.name] ?? 0) }
        return pace.start + Double(steps + gradientPasses) * pace.step + Double(evaluationPasses) * pass
            + Double(diagnosedImages) * pace.feature + probes + Double(evaluations) * pace.skill
    }

    /// Seconds of the floors of the run's data, the tasks on raw pixels.
    package func floorsSeconds(_ pace: RunPace) -> Double {
        tasks.filter(\.hasFloor).reduce(pace.start) { seconds, task in
            seconds + (pace.tasks[task.name] ?? 0) * Double(pixels) / Double(max(task.columns, 1))
        }
    }

    // MARK: Memory and disk

    /// Program, libraries and their buffers.
    private static let baseBytes = 80.0 * 1_048_576
    /// Of an image on disk: its name, its class and its place.
    private static let indexBytes = 128.0
    /// Test images that the predictor is measured on.
    private static let predictedImages = 512
    /// Images that go through an encoder at once on one thread when features are extracted.
    private static let featureChunk = 32

    /// Everything that is there at the same time at the worst moment, an evaluation or a checkpoint: the step keeps its
    /// memory throughout.
    private static func memoryBytes(
        _ configuration: RunConfiguration, _ sizes: NetworkSizes, networks: Int, target: Int, step: Double, images: Int,
        probed: EvaluationSizes
    ) -> Int {
        let probedImages = probed.trainImages + probed.testImages
        let (model, resources) = (configuration.model, configuration.resources)
        let lanes = Lanes(configuration)
        let threads = Double(resources.threads ?? 1)
        let imageValues = Double(model.channels * model.imageSize * model.imageSize)
        // Weights, two moments, the target encoder; a sum of gradients for every four shards.
        let state = Double(3 * networks + target)
        // Several rounds need one more sum.
        let sums = (lanes.shards + 3) / 4 + (resources.accumulate > 1 ? 1 : 0)
        var floats = state + Double(sums * networks) + step
        // Packed copies in bfloat16: for products with the weights and with their transposes; the target's for the first.
        if configuration.training.precision == .bf16 { floats += Double(networks) + Double(target) / 2 }
        // Four rounds' images are prepared, and one round's test images.
        floats += Double(5 * lanes.shards * lanes.images) * imageValues
        let masks = configuration.maskLimits
        floats += regularizerValues(configuration, masks)
        // All ranks have that; rank 0 alone evaluates and writes checkpoints.
        let ranks = Double(resources.ranks)
        floats *= ranks
        // Feature extraction has a lane for each thread, with its images twice, and normalised and averaged outputs.
        let features = sizes.featureValues(images: featureChunk)
        let outputs = featureChunk * (sizes.patches * (model.width + 2) + model.width)
        floats +=
            threads * (Double(features.kept + features.temporary + outputs) + 2 * Double(featureChunk) * imageValues)
        // Pooled features of the last layer and of the last four, and what the task that needs most makes of them.
        let columns = Double(probed.columns(of: FeatureKind.allCases))
        let tasks = configuration.evaluationTasks.map {
            $0.task.elements(probed, threads: resources.threads ?? 1)
        }
        // The evaluation's features, and besides them the context encoder's of the test images with the patches of both
        // encoders and of the predictions; pairs of rows in Double for each thread that measures.
        let patches = Double(6 * configuration.diagnostics.patchRows * model.width)
        let diagnosed = patches + threads * Double(2 * 2048 * model.width)
        let probes = Double(probedImages) * columns + (tasks.max() ?? 0) + diagnosed
        // The predictions of test images, before rows of them are chosen.
        let predicted = min(predictedImages, configuration.training.batchSize, probed.testImages)
        floats += Double(predicted * masks.blocks * masks.targetCount * model.width)
        // A checkpoint is written tensor by tensor, which takes nothing to speak of.
        floats += probes
        // Images as the data set has them, whatever they are resized to; those on disk are read where they are needed.
        let storedValues = configuration.storedGeometry.map { Double($0.count) } ?? imageValues
        let stored = Double(images) * (configuration.imageCollection.isInMemory ? storedValues : indexBytes)
        return Int(min(ranks * (baseBytes + stored) + 4 * floats, 1e18))
    }

    /// Shards that one process has in memory at once, and images of each.
    private struct Lanes {
        let shards, images: Int

        /// Sums of gradients are of four shards; rounds and ranks share out sums.
        init(_ configuration: RunConfiguration) {
            let (batch, resources) = (configuration.training.batchSize, configuration.resources)
            let all = min(resources.shards, batch)
            let perRound = ((all + 3) / 4 + resources.accumulate - 1) / resources.accumulate
            shards = min(all, 4 * ((perRound + resources.ranks - 1) / resources.ranks))
            images = (batch + all - 1) / all
        }
    }

    /// Pooled features of the batch with their gradient, and what the regularisers and their projectors keep of them.
    private static func regularizerValues(_ configuration: RunConfiguration, _ masks: MaskLimits) -> Double {
        let (batch, width) = (configuration.training.batchSize, configuration.model.width)
        let measured = configuration.measuredTerms
        func isNeeded(_ source: TermViews.Source) -> Bool { measured.contains { $0.views.includes(source) } }
        var rows = isNeeded(.predictions) ? masks.blocks : 0
        if isNeeded(.context) || isNeeded(.targets) { rows += 2 }
        if isNeeded(.patches) { rows += masks.blocks * masks.targetCount }
        let largest = measured.map { term in
            let widths = term.weight.weight > 0 ? configuration.projector(of: term)?.settings.widths ?? [] : []
            let output = widths.last ?? width
            let shape = term.shape(in: configuration, targetPatches: masks.targetCount, width: output)
            let isCopied = measured.count > 1 || term.views.isScattered
            return shape.views * shape.rows * (5 * widths.dropLast().reduce(0, +) + 2 * output)
                + term.regularizer.elements(shape) + (isCopied ? 2 * shape.views * shape.rows * width : 0)
        }.max()
        return Double(2 * rows * batch * width + (largest ?? 0))
    }

    /// Shards keep what the backward pass needs, threads have memory for the rest.
    private static func stepFloats(_ configuration: RunConfiguration, _ sizes: NetworkSizes) -> Double {
        let lanes = Lanes(configuration)
        let step = stepValues(configuration, sizes, images: lanes.images)
        let threads = min(configuration.resources.threads ?? 1, lanes.shards)
        return Double(lanes.shards) * Double(step.kept) + Double(threads) * Double(step.temporary)
    }

    /// Values of a shard's forward and backward pass, for the largest Kc and Kp that may be drawn.
    private static func stepValues(
        _ configuration: RunConfiguration, _ sizes: NetworkSizes, images: Int
    ) -> PassValues {
        let (model, masks) = (configuration.model, configuration.maskLimits)
        let (patches, width) = (sizes.patches, model.width)
        let (context, target, blocks) = (masks.contextCount, masks.targetCount, masks.blocks)
        let blockValues = images * blocks * target * width

        // Target blocks and the predictions' gradient.
        let loss = configuration.predictionLoss
        let hasGradient = configuration.targetEncoderRule.hasGradient
        let keepsTargetGradient = hasGradient && !loss.isOfDifferences
        var values = PassValues(kept: (keepsTargetGradient ? 3 : 2) * blockValues)
        let normalization = images * patches * (width + 2)
        if hasGradient {
            let pass = sizes.encoderValues(images: images, tokens: patches)
            values.kept += pass.kept + normalization
            values.temporary = blockValues + 2 * images * patches * width + pass.temporary
        } else if needsAllTargets(configuration) {
            let pass = sizes.featureValues(images: images)
            values.kept += pass.kept + normalization
            values.temporary = pass.temporary
        } else {
            let chosen = images * min(patches, blocks * target)
            let pass = sizes.featureValues(images: images, chosen: chosen)
            values.temporary = pass.kept + max(pass.temporary, chosen * (width + 2))
        }
        let contextPass = sizes.encoderValues(images: images, tokens: context)
        values.kept += contextPass.kept
        var backward = contextPass.temporary
        let prediction = configuration.predictor.values(
            PredictionShape(images: images, contextTokens: context, blocks: blocks, blockTokens: target),
            isNarrow: configuration.training.precision == .bf16)
        values.kept += prediction.kept
        backward = max(backward, prediction.temporary)
        values.temporary = max(
            values.temporary, images * context * width + backward,
            loss.elements(width: width, hasTargetGradient: keepsTargetGradient))
        if configuration.resources.accumulate > 1 {
            // Features in passing, for the regulariser.
            let pass = sizes.featureValues(
                images: images, tokens: needsAllTargets(configuration) ? patches : context)
            values.temporary = max(values.temporary, pass.temporary)
        }
        return values
    }

    /// Whether features of all patches are targets.
    private static func needsAllTargets(_ configuration: RunConfiguration) -> Bool {
        configuration.targetEncoderRule.hasGradient
            || configuration.measuredTerms.contains { $0.views.includes(.targets) }
    }

    /// Test embeddings and the series of numbers.
    private static func resultsBytes(_ configuration: RunConfiguration, evaluations: Int, testImages: Int) -> Double {
        let diagnostics = configuration.diagnostics
        let (model, encoders) = (configuration.model, configuration.evaluation.encoders.count)
        let stored = diagnostics.storeEmbeddings ? 1 + diagnostics.embeddingsAtSteps.count : 0
        let embeddings = Double(stored * encoders) * 4 * Double(testImages) * Double(model.width)
        let columns = configuration.measuredTerms.reduce(23) { $0 + 1 + $1.declaration.parts.count }
        let series = Double(8 * columns) * Double(configuration.training.steps ?? 0)
        let evaluationRows = Double(8 * encoders) * Double(evaluations) * Double(columns + model.width)
        return embeddings + series + evaluationRows
    }

    /// A number of bytes that a sum of many of them does not overflow.
    private static func bytes(_ count: Double) -> Int { Int(min(count, 1e18)) }
}

extension PlannedRun {
    package var cost: CostEstimate { CostEstimate(configuration) }
}
