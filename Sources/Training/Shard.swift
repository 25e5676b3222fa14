import ExperimentSpec
package import Kernels
import Networks
import Objectives
import TensorCore

/// What the forward pass of one shard computed; B is the shard's number of images.
package struct ShardOutputs<Backend: KernelBackend> {
    /// Its images in the batch.
    package let range: Range<Int>
    /// [B, Kc, D].
    package let contextFeatures: Tensor<Backend>
    /// Normalised, all patches, [B, N, D]; none where only those of the blocks were wanted.
    package let targetFeatures: Tensor<Backend>?
    /// [M, B, Kp, D].
    package let predictions: Tensor<Backend>
    /// [M, B, Kp, D].
    package let targets: Tensor<Backend>
}

/// Memory for what the backward pass needs of one part of the batch; one part after the other may use it.
///
/// A shard runs on one thread, whose temporary memory it uses. It leaves pooled features in the step's shared views for
/// the regulariser, and is given their gradient back. It adds to a sum of gradients in its turn.
final class Shard<Backend: KernelBackend>: @unchecked Sendable {
    /// What all shards of a step read.
    struct Common {
        let networks: MethodNetworks
        let objective: StepObjective
        let targetRule: any TargetEncoderRule
        let work: NetworkWork
        let encoderPositions: Tensor<Backend>
        /// Its part of the online parameters.
        let predictorRange: Range<Int>
        /// What the terms of the objective compare.
        let pooled: PooledFeatures<Backend>
        let predictionLoss: any PredictionLossEvaluator<Backend>
    }

    /// The images of the batch that are this shard's in the present round.
    private(set) var range = 0..<0
    let workspace: Workspace<Backend>
    /// Flat, like the online parameters; other shards may add to them too.
    let gradients: GradientSums<Backend>
    /// This shard's part of the batch's mean prediction loss.
    private(set) var predictionLoss = 0.0
    /// What the last passes took.
    private(set) var forwardSeconds = PhaseSeconds()
    private(set) var backwardSeconds = PhaseSeconds()

    /// The shard's copy of its images, where the back end cannot read those of the batch.
    private let ownImages: Tensor<Backend>?
    /// [C, S, S].
    private let imageShape: Shape
    private let used: UsedPatches<Backend>
    private let contextIndices: IndexTensor<Backend>
    private let blockIndices: IndexTensor<Backend>
    private let staging: HostBuffer<Int32>
    private let predictor: any PredictorPasses<Backend>
    private var pass: Pass?

    /// What a forward pass leaves for the backward pass.
    private struct Pass {
        let context: VisionTransformer.Activations<Backend>
        let target: VisionTransformer.Activations<Backend>?
        /// The target encoder's output, its LayerNorm without parameters, and that norm's mean and rstd; [B, N, D], where
        /// anything but the blocks is wanted of them.
        let allTargets: TargetFeatures?
        let predictions, targets, dPredictions: Tensor<Backend>
        /// Where a gradient reaches the targets and is not the negative of the predictions'.
        let dTargets: Tensor<Backend>?
        let blockIndices: IndexTensor<Backend>
    }

    private struct TargetFeatures {
        let features, normalized, mean, rstd: Tensor<Backend>
    }

    /// - Parameter images: Of the largest part that it gets.
    init(
        _ networks: MethodNetworks, images: Int, limits: StepLimits, _ needs: ShardNeeds,
        predictor: any PredictorPasses<Backend>, gradients: GradientSums<Backend>, on backend: Backend
    ) {
        self.predictor = predictor
        self.gradients = gradients
        let encoder = networks.encoder.settings
        let blockElements = limits.blockCount * images * limits.targetCount
        imageShape = Shape(encoder.channels, encoder.imageSize, encoder.imageSize)
        let readsHostMemory = backend.borrow(HostBuffer<Float>(count: 1), at: 0, Shape(1)) != nil
        ownImages =
            readsHostMemory
            ? nil : backend.makeTensor(Shape(images, encoder.channels, encoder.imageSize, encoder.imageSize))
        used = UsedPatches(
            images: images, patches: encoder.patchCount, blockElements: blockElements, on: backend)
        let contextElements = images * limits.contextCount
        contextIndices = IndexTensor(
            buffer: backend.makeIndexBuffer(count: contextElements), shape: Shape(contextElements))
        blockIndices = IndexTensor(buffer: backend.makeIndexBuffer(count: blockElements), shape: Shape(blockElements))
        staging = HostBuffer(count: max(contextElements, blockElements))
        workspace = Workspace(
            backend,
            capacity: Self.workspaceElements(networks, images: images, limits: limits, needs, on: backend).kept)
    }

    // MARK: Forward

    /// A part of the batch, where the networks read it.
    private struct Input {
        /// [B, C, S, S].
        let images: Tensor<Backend>
        /// [B, Kc].
        let contextIndices: IndexTensor<Backend>
        /// [M, B, Kp].
        let blockIndices: IndexTensor<Backend>
    }

    /// Everything that the backward pass needs; leaves the pooled features in the views.
    ///
    /// - Parameters:
    ///   - range: The images of the batch to work on.
    ///   - buffer: Holds them; `first` is the image of the batch that stands first in it.
    func forward(
        _ batch: StepBatch, _ range: Range<Int>, from buffer: (images: HostBuffer<Float>, first: Int),
        online: Parameters<Backend>, target: Parameters<Backend>, temporary: Workspace<Backend>, _ common: Common
    ) {
        let backend = workspace.backend
        var stopwatch = PhaseStopwatch()
        let input = begin(batch, range, from: buffer, temporary)
        defer { workspace.borrow(nil) }
        let (images, contextIndices, blockIndices) = (input.images, input.contextIndices, input.blockIndices)
        let encoder = common.networks.encoder
        let blockShape = Shape(batch.blockCount, range.count, batch.targetCount, encoder.settings.width)

        stopwatch.lap(.load)

        // Targets: features of all patches, normalised without parameters, at the places of the blocks.
        let targets = workspace.take(blockShape)
        var targetPass: VisionTransformer.Activations<Backend>?
        var allTargets: TargetFeatures?
        let temporaryMark = temporary.mark
        switch TargetNeeds(common.targetRule, common.objective, common.work) {
        case .blocks:
            // Only the patches that some block uses; where the blocks lie among them was found before.
            used.find(in: batch, range, on: backend)
            let features = encoder.features(
                images, queries: used.queries, parameters: target, positions: common.encoderPositions,
                workspace: temporary, visit: { _, _ in })
            let normalized = normalizeTargets(features, temporary)
            backend.gatherBlocks(
                normalized.normalized.reshaped(Shape(1, used.count, blockShape[3])),
                indices: used.places(blockShape.rows), to: targets.reshaped(Shape(1, 1, blockShape.rows, blockShape[3]))
            )
        case .allFeatures:
            let features = encoder.features(
                images, parameters: target, positions: common.encoderPositions, workspace: workspace,
                visit: { _, _ in })
            let all = normalizeTargets(features, workspace)
            backend.gatherBlocks(all.normalized, indices: blockIndices, to: targets)
            allTargets = all
        case .gradient:
            let pass = encoder.forward(
                images, indices: nil, parameters: target, positions: common.encoderPositions, workspace: workspace)
            let all = normalizeTargets(pass.output, workspace)
            backend.gatherBlocks(all.normalized, indices: blockIndices, to: targets)
            (targetPass, allTargets) = (pass, all)
        }
        temporary.release(to: temporaryMark)
        stopwatch.lap(.targetForward)

        // Context, and predictions of the targets from it.
        let context = encoder.forward(
            images, indices: contextIndices, parameters: online.window(at: 0, count: encoder.layout.count),
            positions: common.encoderPositions, workspace: workspace)
        stopwatch.lap(.contextForward)
        let predictions = predict(context.output, input, online, common)
        stopwatch.lap(.predictorForward)

        let dPredictions = workspace.take(blockShape)
        let hasOwnGradient = targetPass != nil && !common.objective.prediction.isOfDifferences
        let dTargets = hasOwnGradient ? workspace.take(blockShape) : nil
        predictionLoss = common.predictionLoss.evaluate(
            prediction: predictions, target: targets, batchCount: batch.imageCount * blockShape.count / range.count,
            gradient: dPredictions, targetGradient: dTargets, workspace: temporary)
        pass = Pass(
            context: context, target: targetPass, allTargets: allTargets, predictions: predictions,
            targets: targets, dPredictions: dPredictions, dTargets: dTargets, blockIndices: blockIndices)
        pool(predictions, common)
        poolContext(context.output, common)
        if let allTargets { poolTargets(allTargets.features, common) }
        stopwatch.lap(.loss)
        forwardSeconds = stopwatch.seconds
    }

    /// Leaves the same pooled features in the views as `forward`, and nothing else; what the views do not need is not
    /// computed.
    func forwardViews(
        _ batch: StepBatch, _ range: Range<Int>, from buffer: (images: HostBuffer<Float>, first: Int),
        online: Parameters<Backend>, target: Parameters<Backend>, temporary: Workspace<Backend>, _ common: Common
    ) {
        let input = begin(batch, range, from: buffer, temporary)
        defer { workspace.borrow(nil) }
        let encoder = common.networks.encoder
        if common.objective.needsTargets {
            let mark = workspace.mark
            poolTargets(
                encoder.features(
                    input.images, parameters: target, positions: common.encoderPositions, workspace: workspace,
                    visit: { _, _ in }), common)
            workspace.release(to: mark)
        }
        let context = encoder.features(
            input.images, indices: input.contextIndices,
            parameters: online.window(at: 0, count: encoder.layout.count), positions: common.encoderPositions,
            workspace: workspace, visit: { _, _ in })
        poolContext(context, common)
        guard common.objective.needsPredictions else { return }
        pool(predict(context, input, online, common), common)
    }

    /// [M, B, Kp, D].
    private func predict(
        _ context: Tensor<Backend>, _ input: Input, _ online: Parameters<Backend>, _ common: Common
    ) -> Tensor<Backend> {
        predictor.forward(
            context: context, contextIndices: input.contextIndices, blockIndices: input.blockIndices,
            parameters: online.window(at: common.predictorRange.lowerBound, count: common.predictorRange.count),
            workspace: workspace, work: common.work)
    }

    /// Takes up a part of the batch, with a thread's temporary memory until that is given back.
    private func begin(
        _ batch: StepBatch, _ range: Range<Int>, from buffer: (images: HostBuffer<Float>, first: Int),
        _ temporary: Workspace<Backend>
    ) -> Input {
        self.range = range
        pass = nil
        workspace.reset()
        temporary.reset()
        workspace.borrow(temporary)
        return Input(
            images: upload(batch, from: buffer),
            contextIndices: contextIndices.window(at: 0, Shape(range.count, batch.contextCount)),
            blockIndices: blockIndices.window(at: 0, Shape(batch.blockCount, range.count, batch.targetCount)))
    }

    /// LayerNorm of target features, without parameters.
    private func normalizeTargets(_ features: Tensor<Backend>, _ workspace: Workspace<Backend>) -> TargetFeatures {
        let rows = Shape(features.shape.rows)
        let (mean, rstd) = (workspace.take(rows), workspace.take(rows))
        let normalized = workspace.take(features.shape)
        workspace.backend.layerNorm(
            features, gamma: nil, beta: nil, epsilon: Backend.Scalar(TrainingStep<Backend>.targetNormEpsilon),
            mean: mean, rstd: rstd, to: normalized)
        return TargetFeatures(features: features, normalized: normalized, mean: mean, rstd: rstd)
    }

    /// What the last forward pass computed, until the backward pass.
    var outputs: ShardOutputs<Backend>? {
        pass.map {
            ShardOutputs(
                range: range, contextFeatures: $0.context.output, targetFeatures: $0.allTargets?.normalized,
                predictions: $0.predictions, targets: $0.targets)
        }
    }

    /// Masks on the device, and the shard's images there: those of the batch themselves where the back end can read them.
    private func upload(
        _ batch: StepBatch, from buffer: (images: HostBuffer<Float>, first: Int)
    ) -> Tensor<Backend> {
        let backend = workspace.backend
        let (contextCount, targetCount) = (batch.contextCount, batch.targetCount)
        let contextElements = range.count * contextCount
        for index in 0..<contextElements {
            staging[index] = batch.context[range.lowerBound * contextCount + index]
        }
        backend.upload(staging, at: 0, to: contextIndices.window(at: 0, Shape(contextElements)))
        let blockElements = range.count * targetCount
        for block in 0..<batch.blockCount {
            let source = (block * batch.imageCount + range.lowerBound) * targetCount
            for index in 0..<blockElements {
                staging[block * blockElements + index] = batch.targets[source + index]
            }
        }
        backend.upload(staging, at: 0, to: blockIndices.window(at: 0, Shape(batch.blockCount * blockElements)))
        let first = (range.lowerBound - buffer.first) * imageShape.count
        let shape = Shape(range.count, imageShape[0], imageShape[1], imageShape[2])
        guard let ownImages else {
            guard let images = backend.borrow(buffer.images, at: first, shape) else {
                preconditionFailure("a back end that reads host memory refuses \(shape)")
            }
            return images
        }
        let images = ownImages.window(at: 0, shape)
        backend.upload(buffer.images, at: first, to: images)
        return images
    }

    /// Block m of [M, B, Kp, D] as [B, Kp, D].
    private func plane(_ block: Int, of x: Tensor<Backend>) -> Tensor<Backend> {
        let shape = Shape(x.shape[1], x.shape[2], x.shape[3])
        return x.window(at: block * shape.count, shape)
    }

    /// This shard's rows of view v of [views, B, D].
    private func rows(ofView view: Int, _ views: Tensor<Backend>) -> Tensor<Backend> {
        let width = views.shape[2]
        return views.window(
            at: (view * views.shape[1] + range.lowerBound) * width, Shape(range.count, width))
    }

    // The pooled features that terms of the objective compare: one view for each block, the context's, the targets'.

    private func pool(_ predictions: Tensor<Backend>, _ common: Common) {
        if let views = common.pooled.predictions?.features {
            for block in 0..<predictions.shape[0] {
                workspace.backend.meanTokens(plane(block, of: predictions), to: rows(ofView: block, views))
            }
        }
        if let patches = common.pooled.patches(targetCount: predictions.shape[2])?.features {
            for block in 0..<predictions.shape[0] {
                workspace.backend.copy(plane(block, of: predictions), to: self.patches(ofBlock: block, patches))
            }
        }
    }

    /// This shard's patches of block m of [M, B, Kp, D], [images, Kp, D].
    private func patches(ofBlock block: Int, _ patches: Tensor<Backend>) -> Tensor<Backend> {
        let (perImage, images) = (patches.shape[2] * patches.shape[3], patches.shape[1])
        return patches.window(
            at: (block * images + range.lowerBound) * perImage,
            Shape(range.count, patches.shape[2], patches.shape[3]))
    }

    private func poolContext(_ features: Tensor<Backend>, _ common: Common) {
        guard let views = common.pooled.encoders?.features else { return }
        workspace.backend.meanTokens(features, to: rows(ofView: 0, views))
    }

    private func poolTargets(_ features: Tensor<Backend>, _ common: Common) {
        guard let views = common.pooled.encoders?.features, views.shape[0] == 2 else { return }
        workspace.backend.meanTokens(features, to: rows(ofView: 1, views))
    }

    // MARK: Backward

    /// Accumulates the gradient that reaches the encoder through the targets, where one does; to be called for every
    /// shard before `backward` is for any. The two add to the same sums, so one shard's second pass through the encoder
    /// would meet the next shard's first.
    func backwardThroughTargets(
        online: Parameters<Backend>, includesPrediction: Bool, pooled: PooledGradients, temporary: Workspace<Backend>,
        _ common: Common
    ) {
        guard let pass, let target = pass.target, let all = pass.allTargets else { return }
        begin(temporary)
        defer { end() }
        let count = common.networks.encoder.layout.count
        var stopwatch = PhaseStopwatch()
        if !includesPrediction {
            workspace.backend.fill(pass.dPredictions, with: 0)
            if let dTargets = pass.dTargets { workspace.backend.fill(dTargets, with: 0) }
        }
        backwardTargets(
            pass, target, all, online.window(at: 0, count: count), gradients.window(at: 0, count: count),
            pooled: pooled, common)
        stopwatch.lap(.encoderBackward)
        backwardSeconds = stopwatch.seconds
    }

    private func begin(_ temporary: Workspace<Backend>) {
        temporary.reset()
        workspace.borrow(temporary)
        gradients.turn?.begin()
    }

    private func end() {
        gradients.turn?.finish()
        workspace.borrow(nil)
    }

    /// Accumulates the gradient of the objective, that of its terms through `common.pooled`.
    ///
    /// - Parameters:
    ///   - includesPrediction: Whether the prediction loss counts.
    ///   - pooled: The pooled features with respect to which there is a gradient.
    func backward(
        online: Parameters<Backend>, includesPrediction: Bool, pooled: PooledGradients, temporary: Workspace<Backend>,
        _ common: Common
    ) {
        guard let pass else { preconditionFailure("backward without forward") }
        begin(temporary)
        defer { end() }
        let backend = workspace.backend
        let encoder = common.networks.encoder
        let encoderParameters = online.window(at: 0, count: encoder.layout.count)
        let encoderGradients = gradients.window(at: 0, count: encoder.layout.count)
        var stopwatch = PhaseStopwatch()

        if !includesPrediction { backend.fill(pass.dPredictions, with: 0) }
        if pooled.predictions, let dViews = common.pooled.predictions?.gradient {
            for block in 0..<pass.predictions.shape[0] {
                backend.meanTokensBackward(
                    dy: rows(ofView: block, dViews), dx: plane(block, of: pass.dPredictions))
            }
        }
        if pooled.patches, let dPatches = common.pooled.patches(targetCount: pass.predictions.shape[2])?.gradient {
            for block in 0..<pass.predictions.shape[0] {
                backend.add(
                    patches(ofBlock: block, dPatches), times: 1, to: plane(block, of: pass.dPredictions))
            }
        }
        let dContext = temporary.take(pass.context.output.shape)
        let (start, count) = (common.predictorRange.lowerBound, common.predictorRange.count)
        predictor.backward(
            dy: pass.dPredictions, parameters: online.window(at: start, count: count),
            gradients: gradients.window(at: start, count: count), workspace: workspace, dContext: dContext)
        stopwatch.lap(.predictorBackward)
        if pooled.context, let dViews = common.pooled.encoders?.gradient {
            backend.meanTokensBackward(dy: rows(ofView: 0, dViews), dx: dContext)
        }
        encoder.backward(
            pass.context, dy: dContext, parameters: encoderParameters, gradients: encoderGradients,
            workspace: workspace)
        self.pass = nil
        stopwatch.lap(.encoderBackward)
        backwardSeconds = stopwatch.seconds
    }

    /// The gradient that reaches the encoder through the targets. Of a loss that depends on differences alone it begins as
    /// the negative of the predictions' gradient.
    private func backwardTargets(
        _ pass: Pass, _ target: VisionTransformer.Activations<Backend>, _ all: TargetFeatures,
        _ parameters: Parameters<Backend>, _ gradients: GradientSums<Backend>, pooled: PooledGradients, _ common: Common
    ) {
        let (backend, temporary) = (workspace.backend, workspace.temporary)
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let dTargets = pass.dTargets ?? negative(of: pass.dPredictions)
        let dNormalized = temporary.takeZeroed(all.features.shape)
        backend.gatherBlocksBackward(dy: dTargets, indices: pass.blockIndices, dx: dNormalized)
        let dFeatures = temporary.takeZeroed(all.features.shape)
        backend.layerNormBackward(
            all.features, gamma: nil, mean: all.mean, rstd: all.rstd, dy: dNormalized, dx: dFeatures, dGamma: nil,
            dBeta: nil)
        if pooled.targets, let dViews = common.pooled.encoders?.gradient {
            backend.meanTokensBackward(dy: rows(ofView: 1, dViews), dx: dFeatures)
        }
        common.networks.encoder.backward(
            target, dy: dFeatures, parameters: parameters, gradients: gradients, workspace: workspace)
    }

    private func negative(of x: Tensor<Backend>) -> Tensor<Backend> {
        let negative = workspace.temporary.takeZeroed(x.shape)
        workspace.backend.add(x, times: -1, to: negative)
        return negative
    }
}
