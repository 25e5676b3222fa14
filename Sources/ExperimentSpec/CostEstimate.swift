/// What a run is expected to cost, from its configuration alone.
///
/// Parameters are exact. FLOPs count matrix products (a multiplication with its addition is 2) of a step as the engine
/// does it: the target encoder forward over all N patches, the context encoder over Kc, the predictor over Kc + Kp
/// tokens once per target block; a backward pass costs twice its forward pass. Element-wise work is left out.
package struct CostEstimate: Hashable, Sendable {
    /// Parameters of the encoder (the target encoder has as many), of the predictor and of the projector.
    package let encoderParameters: Int
    package let predictorParameters: Int
    package let projectorParameters: Int
    /// Expected patches of a context, Kc (the smallest of each batch, as all images of a batch are cut to it), and of a
    /// target block, Kp.
    package let contextPatches: Double
    package let targetPatches: Double
    /// One training step.
    package let flopsPerStep: Double
    /// One encoder's features of one image, forward only.
    package let flopsPerFeature: Double
    /// The kNN of one encoder, and one linear probe of it (the whole grid).
    package let flopsPerNeighbours: Double
    package let flopsPerLinearProbe: Double
    package let steps: Int
    /// Evaluations, initialisation and end included; encoders that they look at (those with equal parameters share one
    /// pass: at initialisation, and always where the target encoder is the context encoder); and linear probes.
    package let evaluations: Int
    package let evaluationPasses: Int
    package let linearProbes: Int
    /// Images whose features one pass needs; crops for LiDAR count as images.
    package let imagesPerPass: Int
    /// Images whose features diagnoses without an evaluation need.
    package let diagnosedImages: Int
    /// Passes for the gradient norms of loss terms, each about a step.
    package let gradientPasses: Int
    /// Peak resident memory of the run's process with `resources.threads` threads (none: one), bytes. Workspaces count
    /// as planned, for the largest masks.
    package let memoryBytes: Int
    /// Results file and checkpoint, bytes, before compression.
    package let diskBytes: Int

    package var parameters: Int { encoderParameters + predictorParameters + projectorParameters }
    /// Everything: training, evaluations and probes.
    package var totalFlops: Double {
        Double(steps + gradientPasses) * flopsPerStep
            + Double(evaluationPasses * imagesPerPass + diagnosedImages) * flopsPerFeature + probeFlops
    }
    /// All kNN and linear probes.
    private var probeFlops: Double {
        Double(evaluationPasses) * flopsPerNeighbours + Double(linearProbes) * flopsPerLinearProbe
    }

    /// Seconds of the run from the measured seconds of a step and of one image's features, which run at different
    /// rates; probes are taken to run at the rate of a step.
    package func seconds(perStep: Double, perFeature: Double) -> Double {
        perStep * (Double(steps + gradientPasses) + probeFlops / flopsPerStep)
            + perFeature * Double(evaluationPasses * imagesPerPass + diagnosedImages)
    }

    /// - Parameters:
    ///   - configuration: Resolved: steps are known.
    ///   - trainImages: In the data set, and `testImages`; for data sets that are not known. Default: 60,000 and 10,000.
    package init(_ configuration: RunConfiguration, trainImages: Int? = nil, testImages: Int? = nil) {
        let known = configuration.data.knownSizes
        let (allTrain, allTest) = (trainImages ?? known?.train ?? 60_000, testImages ?? known?.test ?? 10_000)
        let evaluation = configuration.evaluation
        let probeTrain = min(evaluation.trainImages ?? allTrain, allTrain)
        let probeTest = min(evaluation.testImages ?? allTest, allTest)
        let sizes = NetworkSizes(configuration.model)
        let projector = ProjectorSizes(configuration)
        (encoderParameters, predictorParameters) = (sizes.encoderParameters, sizes.predictorParameters)
        projectorParameters = projector.parameters
        (contextPatches, targetPatches) = MaskSimulation.expectedPatches(configuration)

        flopsPerStep = Self.stepFlops(configuration, sizes, projector, context: contextPatches, target: targetPatches)
        let width = Double(configuration.model.width)
        let diagnostics = configuration.diagnostics
        let crops = min(diagnostics.lidarObjects, probeTest) * diagnostics.lidarViews
        imagesPerPass = probeTrain + probeTest + crops
        flopsPerFeature = sizes.encoderFlops(tokens: Double(sizes.patches))
        flopsPerNeighbours = 2 * Double(probeTrain) * Double(probeTest) * width
        // Heads on the last layer and on the last four, each with and without BatchNorm; ten classes. Forward and the
        // weights' gradient, over the images that are not held out; then every image once.
        let heads = Double(evaluation.linear.learningRates.count * evaluation.linear.weightDecays.count)
        let columns = 2 * width * Double(1 + min(4, configuration.model.depth))
        let fitted = Double(evaluation.linear.epochs) * Double(probeTrain) * (1 - evaluation.linear.heldOut)
        let scored = Double(probeTrain) * evaluation.linear.heldOut + Double(probeTest)
        flopsPerLinearProbe = 2 * heads * 10 * columns * (2 * fitted + scored)
        steps = configuration.training.steps ?? 0
        let every = evaluation.everySteps
        evaluations = 2 + (every > 0 ? max(0, (steps - 1) / every) : 0)
        let hasOwnTarget =
            configuration.targetEncoder.kind == .ema || configuration.targetEncoder.kind == .frozen
        let encoders = hasOwnTarget ? evaluation.encoders.count : min(1, evaluation.encoders.count)
        evaluationPasses = 1 + (evaluations - 1) * encoders
        linearProbes = evaluation.linear.intermediate ? evaluationPasses : 1 + encoders

        let diagnoses =
            (diagnostics.everySteps > 0 ? max(0, (steps - 1) / diagnostics.everySteps) : 0) + diagnostics.atSteps.count
        diagnosedImages = diagnoses * (hasOwnTarget ? 2 : 1) * (probeTest + crops)
        let terms = configuration.objective.vicreg
        let passes = terms.weight == 0 ? 0 : 2 + [terms.invariance, terms.variance, terms.covariance].count { $0 > 0 }
        gradientPasses = diagnostics.gradientNormsEvery > 0 ? steps / diagnostics.gradientNormsEvery * passes : 0

        let networks = encoderParameters + predictorParameters + projectorParameters
        let target = hasOwnTarget ? encoderParameters : 0
        memoryBytes = Self.memoryBytes(
            configuration, sizes, networks: networks, target: target, images: allTrain + allTest,
            features: probeTrain + probeTest)
        diskBytes = Self.diskBytes(
            configuration, networks: networks, target: target, evaluations: evaluations, testImages: probeTest)
    }

    // MARK: FLOPs

    private static func stepFlops(
        _ configuration: RunConfiguration, _ sizes: NetworkSizes, _ projector: ProjectorSizes, context: Double,
        target: Double
    ) -> Double {
        let blocks = Double(configuration.masks.targetBlocks)
        let batch = Double(configuration.training.batchSize)
        let targetPasses = configuration.targetEncoder.kind == .sharedWithGradient ? 3.0 : 1.0
        var perImage = targetPasses * sizes.encoderFlops(tokens: Double(sizes.patches))
        perImage += 3 * sizes.encoderFlops(tokens: context)
        if configuration.model.predictor.kind == .transformer {
            perImage += 3 * sizes.predictorFlops(context: context, target: target, blocks: blocks)
        }
        guard configuration.objective.vicreg.weight > 0 else { return batch * perImage }
        let views = configuration.objective.vicreg.pairs == .blocks ? blocks : 2
        let width = Double(projector.outputWidth)
        let perView = batch * (projector.flopsPerRow + 2 * width * width)
        return batch * perImage + 3 * views * perView
    }

    // MARK: Memory and disk

    /// Program, libraries and their buffers.
    private static let baseBytes = 80.0 * 1_048_576
    /// Images that go through an encoder at once on one thread when features are extracted.
    private static let featureChunk = 32.0

    /// Everything that is there at the same time at the worst moment, an evaluation or a checkpoint: the step keeps its
    /// memory throughout.
    private static func memoryBytes(
        _ configuration: RunConfiguration, _ sizes: NetworkSizes, networks: Int, target: Int, images: Int,
        features: Int
    ) -> Int {
        let (model, resources) = (configuration.model, configuration.resources)
        let batch = configuration.training.batchSize
        let shards = min(resources.shards, batch)
        let shardImages = (batch + shards - 1) / shards
        let threads = Double(resources.threads ?? 1)
        let imageValues = Double(model.channels * model.imageSize * model.imageSize)
        // Weights, two moments, the target encoder; a gradient of each shard.
        let state = Double(3 * networks + target)
        var floats = state + Double(shards * networks)
        // Each shard has a workspace for the largest masks and a copy of its images; four batches are prepared.
        floats += Double(shards * shardImages) * (workspaceValues(configuration, sizes) + imageValues)
        floats += Double(4 * batch) * imageValues
        // Feature extraction has a lane for each thread, with its images twice.
        floats += threads * featureChunk * (sizes.featureValues + 2 * imageValues)
        // Pooled features of the last layer and of the last four, and three copies of those that are being probed.
        let columns = Double(min(4, model.depth) * model.width)
        let probed = min(threads, 2) * columns + max(0, min(threads, 4) - 2) * Double(model.width)
        // The evaluation's features, and besides them the context encoder's of the test images with the patches of both
        // encoders and of the predictions; pairs of rows in Double for each thread that measures.
        let patches = Double(6 * configuration.diagnostics.patchRows * model.width)
        let diagnosed = patches + threads * Double(2 * 2048 * model.width)
        let probes = Double(features) * (columns + Double(model.width) + 3 * probed) + diagnosed
        // A checkpoint is the state as bytes, with one network's values beside it.
        floats += max(probes, state + Double(networks))
        // Images of known data sets are 28×28, whatever they are resized to; subsets are copies.
        let storedValues = configuration.data.knownSizes == nil ? imageValues : 28 * 28
        let stored = Double(images + features + (configuration.data.trainSubset ?? 0)) * storedValues
        return Int(min(baseBytes + 4 * floats + stored, 1e18))
    }

    /// Values of one image in a shard's forward and backward pass, for the largest Kc and Kp that may be drawn.
    private static func workspaceValues(_ configuration: RunConfiguration, _ sizes: NetworkSizes) -> Double {
        let (model, masks) = (configuration.model, configuration.masks)
        let (patches, width) = (sizes.patches, model.width)
        let grid = model.imageSize / model.patchSize
        let targets = masks.targetSizes(grid: grid)
        let largestContext = masks.contextSizes(grid: grid).largestArea
        let context = masks.sampler == .ijepa ? largestContext : min(largestContext, patches - targets.smallestArea)
        let (target, blocks) = (targets.largestArea, masks.targetBlocks)

        let contextPass = sizes.encoderValues(tokens: context)
        let predicted =
            model.predictor.kind == .transformer
            ? sizes.predictorValues(context: context, target: target, blocks: blocks)
            : (forward: Double(width * (blocks * target + 1)), backward: Double(2 * width))
        // Targets of all patches and their LayerNorm, then predictions' targets and gradient.
        var kept = Double(patches * (width + 2)) + Double(2 * blocks * target * width)
        var backward = Double(context * width) + max(predicted.backward, contextPass.backward)
        if configuration.targetEncoder.kind == .sharedWithGradient {
            let pass = sizes.encoderValues(tokens: patches)
            kept += pass.forward
            backward = max(backward, Double((blocks * target + 2 * patches) * width) + pass.backward)
        } else {
            kept += Double(patches * width)
        }
        return max(kept + contextPass.forward + predicted.forward + backward, sizes.featureValues)
    }

    /// Test embeddings, the checkpoint (weights, moments, target encoder) and the series of numbers.
    private static func diskBytes(
        _ configuration: RunConfiguration, networks: Int, target: Int, evaluations: Int, testImages: Int
    ) -> Int {
        let diagnostics = configuration.diagnostics
        let (model, encoders) = (configuration.model, configuration.evaluation.encoders.count)
        let stored = diagnostics.storeEmbeddings ? 1 + diagnostics.embeddingsAtSteps.count : 0
        let embeddings = 4 * stored * encoders * testImages * model.width
        let checkpoint = 4 * (3 * networks + target)
        let columns = 20
        let series = 8 * columns * (configuration.training.steps ?? 0)
        let evaluationRows = 8 * evaluations * encoders * (columns + model.width)
        return embeddings + checkpoint + series + evaluationRows
    }
}

extension PlannedRun {
    package var cost: CostEstimate { CostEstimate(configuration) }
}
