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

/// One part of the batch on its way through the networks, with memory of its own for what the backward pass needs.
///
/// A shard runs on one thread, whose temporary memory it uses. It leaves pooled features in the step's shared views for
/// the regulariser, and is given their gradient back. It adds to a sum of gradients in its turn.
final class Shard<Backend: KernelBackend>: @unchecked Sendable {
    /// What all shards of a step read.
    struct Common {
        let networks: MethodNetworks
        let objective: StepObjective
        let targetRule: TargetRule
        let work: NetworkWork
        let encoderPositions: Tensor<Backend>
        let predictorPositions: Tensor<Backend>?
        /// Pooled features that the regulariser compares, [M or 2, B, D].
        let views: Tensor<Backend>
        let dViews: Tensor<Backend>
    }

    /// The images of the batch that are this shard's.
    let range: Range<Int>
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
    private let imageShape: Shape
    private let used: UsedPatches<Backend>
    private let contextIndices: IndexTensor<Backend>
    private let blockIndices: IndexTensor<Backend>
    private let staging: HostBuffer<Int32>
    private var pass: Pass?

    /// What a forward pass leaves for the backward pass.
    private struct Pass {
        let context: VisionTransformer.Activations<Backend>
        let target: VisionTransformer.Activations<Backend>?
        /// The target encoder's output, its LayerNorm without parameters, and that norm's mean and rstd; [B, N, D], where
        /// anything but the blocks is wanted of them.
        let allTargets: TargetFeatures?
        let predicted: Predictor.Activations<Backend>?
        let predictions, targets, dPredictions: Tensor<Backend>
        let blockIndices: IndexTensor<Backend>
    }

    private struct TargetFeatures {
        let features, normalized, mean, rstd: Tensor<Backend>
    }

    init(
        _ networks: MethodNetworks, range: Range<Int>, limits: StepLimits, _ needs: TargetNeeds,
        gradients: GradientSums<Backend>, on backend: Backend
    ) {
        self.range = range
        self.gradients = gradients
        let encoder = networks.encoder.settings
        let blockElements = limits.blockCount * range.count * limits.targetCount
        imageShape = Shape(range.count, encoder.channels, encoder.imageSize, encoder.imageSize)
        let readsHostMemory = backend.borrow(HostBuffer<Float>(count: 1), at: 0, Shape(1)) != nil
        ownImages = readsHostMemory ? nil : backend.makeTensor(imageShape)
        used = UsedPatches(
            images: range.count, patches: encoder.patchCount, blockElements: blockElements, on: backend)
        let contextElements = range.count * limits.contextCount
        contextIndices = IndexTensor(
            buffer: backend.makeIndexBuffer(count: contextElements), shape: Shape(contextElements))
        blockIndices = IndexTensor(buffer: backend.makeIndexBuffer(count: blockElements), shape: Shape(blockElements))
        staging = HostBuffer(count: max(contextElements, blockElements))
        workspace = Workspace(
            backend,
            capacity: Self.workspaceElements(networks, images: range.count, limits: limits, needs, on: backend).kept)
    }

    // MARK: Forward

    func forward(
        _ batch: StepBatch, online: Parameters<Backend>, target: Parameters<Backend>, temporary: Workspace<Backend>,
        _ common: Common
    ) {
        let backend = workspace.backend
        var stopwatch = PhaseStopwatch()
        workspace.reset()
        temporary.reset()
        workspace.borrow(temporary)
        defer { workspace.borrow(nil) }
        let images = upload(batch)
        let contextIndices = contextIndices.window(at: 0, Shape(range.count, batch.contextCount))
        let blockIndices = blockIndices.window(at: 0, Shape(batch.blockCount, range.count, batch.targetCount))
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
                workspace: temporary)
            let normalized = normalizeTargets(features, temporary)
            backend.gatherBlocks(
                normalized.normalized.reshaped(Shape(1, used.count, blockShape[3])),
                indices: used.places(blockShape.rows), to: targets.reshaped(Shape(1, 1, blockShape.rows, blockShape[3]))
            )
        case .allFeatures:
            let features = encoder.features(
                images, parameters: target, positions: common.encoderPositions, workspace: workspace)
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
        var predicted: Predictor.Activations<Backend>?
        let predictions: Tensor<Backend>
        if let predictor = common.networks.predictor, let positions = common.predictorPositions {
            let section = section("predictor", common)
            let pass = predictor.forward(
                context: context.output, contextIndices: contextIndices, blockIndices: blockIndices,
                parameters: online.window(at: section.offset, count: section.layout.count), positions: positions,
                workspace: workspace, work: common.work)
            predicted = pass
            predictions = pass.output
        } else {
            predictions = broadcastMean(of: context.output, to: blockShape)
        }
        stopwatch.lap(.predictorForward)

        let dPredictions = workspace.take(blockShape)
        predictionLoss = common.objective.prediction.evaluate(
            prediction: predictions, target: targets, batchCount: batch.imageCount * blockShape.count / range.count,
            gradient: dPredictions, on: backend)
        pass = Pass(
            context: context, target: targetPass, allTargets: allTargets, predicted: predicted,
            predictions: predictions, targets: targets, dPredictions: dPredictions, blockIndices: blockIndices)
        pool(common)
        stopwatch.lap(.loss)
        forwardSeconds = stopwatch.seconds
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
    private func upload(_ batch: StepBatch) -> Tensor<Backend> {
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
        let first = range.lowerBound * (imageShape.count / range.count)
        guard let ownImages else {
            guard let images = backend.borrow(batch.images, at: first, imageShape) else {
                preconditionFailure("a back end that reads host memory refuses \(imageShape)")
            }
            return images
        }
        backend.upload(batch.images, at: first, to: ownImages)
        return ownImages
    }

    /// The mean context feature of each image at every place of `shape`, [M, B, Kp, D].
    private func broadcastMean(of context: Tensor<Backend>, to shape: Shape) -> Tensor<Backend> {
        let backend = workspace.backend
        let result = workspace.takeZeroed(shape)
        let mean = workspace.take(Shape(shape[1], shape[3]))
        backend.meanTokens(context, to: mean)
        backend.scale(mean, by: Backend.Scalar(shape[2]))
        for block in 0..<shape[0] {
            backend.meanTokensBackward(dy: mean, dx: plane(block, of: result))
        }
        return result
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

    private func section(_ name: String, _ common: Common) -> MethodNetworks.Section {
        guard let section = common.networks.section(name) else { preconditionFailure("no network \(name)") }
        return section
    }

    /// Writes the pooled features that the regulariser compares.
    private func pool(_ common: Common) {
        guard let pass else { return }
        let backend = workspace.backend
        switch common.objective.pairs {
        case .blocks:
            for block in 0..<pass.predictions.shape[0] {
                backend.meanTokens(plane(block, of: pass.predictions), to: rows(ofView: block, common.views))
            }
        case .contextTarget:
            backend.meanTokens(pass.context.output, to: rows(ofView: 0, common.views))
            if let all = pass.allTargets { backend.meanTokens(all.features, to: rows(ofView: 1, common.views)) }
        }
    }

    // MARK: Backward

    /// Accumulates the gradient that reaches the encoder through the targets, where one does; to be called for every
    /// shard before `backward` is for any. The two add to the same sums, so one shard's second pass through the encoder
    /// would meet the next shard's first.
    func backwardThroughTargets(
        online: Parameters<Backend>, includesPrediction: Bool, regularized: Bool, temporary: Workspace<Backend>,
        _ common: Common
    ) {
        guard let pass, let target = pass.target, let all = pass.allTargets else { return }
        begin(temporary)
        defer { end() }
        let count = common.networks.encoder.layout.count
        var stopwatch = PhaseStopwatch()
        if !includesPrediction { workspace.backend.fill(pass.dPredictions, with: 0) }
        backwardTargets(
            pass, target, all, online.window(at: 0, count: count), gradients.window(at: 0, count: count),
            regularized: regularized, common)
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

    /// Accumulates the gradient of the objective, the regulariser's through `common.dViews`.
    ///
    /// - Parameters:
    ///   - includesPrediction: Whether the prediction loss counts.
    ///   - regularized: Whether the regulariser does.
    func backward(
        online: Parameters<Backend>, includesPrediction: Bool, regularized: Bool, temporary: Workspace<Backend>,
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
        if regularized && common.objective.pairs == .blocks {
            for block in 0..<pass.predictions.shape[0] {
                backend.meanTokensBackward(
                    dy: rows(ofView: block, common.dViews), dx: plane(block, of: pass.dPredictions))
            }
        }
        let dContext = temporary.take(pass.context.output.shape)
        if let predictor = common.networks.predictor, let predicted = pass.predicted {
            let section = section("predictor", common)
            predictor.backward(
                predicted, dy: pass.dPredictions,
                parameters: online.window(at: section.offset, count: section.layout.count),
                gradients: gradients.window(at: section.offset, count: section.layout.count), workspace: workspace,
                dContext: dContext)
        } else {
            broadcastMeanBackward(pass.dPredictions, dContext: dContext)
        }
        stopwatch.lap(.predictorBackward)
        if regularized && common.objective.pairs == .contextTarget {
            backend.meanTokensBackward(dy: rows(ofView: 0, common.dViews), dx: dContext)
        }
        encoder.backward(
            pass.context, dy: dContext, parameters: encoderParameters, gradients: encoderGradients,
            workspace: workspace)
        self.pass = nil
        stopwatch.lap(.encoderBackward)
        backwardSeconds = stopwatch.seconds
    }

    /// The gradient that reaches the encoder through the targets; the loss depends on differences alone, so it begins
    /// as the negative of the predictions' gradient.
    private func backwardTargets(
        _ pass: Pass, _ target: VisionTransformer.Activations<Backend>, _ all: TargetFeatures,
        _ parameters: Parameters<Backend>, _ gradients: GradientSums<Backend>, regularized: Bool, _ common: Common
    ) {
        let (backend, temporary) = (workspace.backend, workspace.temporary)
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let dTargets = temporary.takeZeroed(pass.dPredictions.shape)
        backend.add(pass.dPredictions, times: -1, to: dTargets)
        let dNormalized = temporary.takeZeroed(all.features.shape)
        backend.gatherBlocksBackward(dy: dTargets, indices: pass.blockIndices, dx: dNormalized)
        let dFeatures = temporary.takeZeroed(all.features.shape)
        backend.layerNormBackward(
            all.features, gamma: nil, mean: all.mean, rstd: all.rstd, dy: dNormalized, dx: dFeatures, dGamma: nil,
            dBeta: nil)
        if regularized && common.objective.pairs == .contextTarget {
            backend.meanTokensBackward(dy: rows(ofView: 1, common.dViews), dx: dFeatures)
        }
        common.networks.encoder.backward(
            target, dy: dFeatures, parameters: parameters, gradients: gradients, workspace: workspace)
    }

    private func broadcastMeanBackward(_ dPredictions: Tensor<Backend>, dContext: Tensor<Backend>) {
        let (backend, temporary) = (workspace.backend, workspace.temporary)
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let shape = dPredictions.shape
        let perImage = Shape(shape[1], shape[3])
        let (dMean, part) = (temporary.takeZeroed(perImage), temporary.take(perImage))
        for block in 0..<shape[0] {
            backend.meanTokens(plane(block, of: dPredictions), to: part)
            backend.add(part, times: Backend.Scalar(shape[2]), to: dMean)
        }
        backend.fill(dContext, with: 0)
        backend.meanTokensBackward(dy: dMean, dx: dContext)
    }

    // MARK: Memory

    /// Workspace elements of one shard at the largest mask sizes: its own, and temporary memory of its thread.
    static func workspaceElements(
        _ networks: MethodNetworks, images: Int, limits: StepLimits, _ needs: TargetNeeds, on backend: Backend
    ) -> (kept: Int, temporary: Int) {
        let encoder = networks.encoder
        let (patches, width) = (encoder.settings.patchCount, encoder.settings.width)
        let (contextTokens, blockTokens, blocks) = (limits.contextCount, limits.targetCount, limits.blockCount)
        let features = alignedElements(images * patches * width)
        let blockElements = alignedElements(blocks * images * blockTokens * width)
        let contextElements = alignedElements(images * contextTokens * width)
        let pooled = alignedElements(images * width)
        let normalization = features + 2 * alignedElements(images * patches)
        var (kept, temporary) = (2 * blockElements, 0)

        switch needs {
        case .blocks:
            let chosen = images * min(patches, blocks * blockTokens)
            let part = encoder.featureElements(images: images, tokens: patches, chosen: chosen, on: backend)
            let normalized = alignedElements(chosen * width) + 2 * alignedElements(chosen)
            temporary = part.kept + max(part.temporary, normalized)
        case .allFeatures:
            let part = encoder.featureElements(images: images, tokens: patches, on: backend)
            kept += part.kept + normalization
            temporary = part.temporary
        case .gradient:
            let part = encoder.forwardElements(images: images, tokens: patches, on: backend)
            let backward = encoder.backwardElements(images: images, tokens: patches, on: backend)
            kept += part.kept + normalization
            temporary = max(part.temporary, blockElements + 2 * features + backward)
        }
        let context = encoder.forwardElements(images: images, tokens: contextTokens, on: backend)
        kept += context.kept
        var backward = encoder.backwardElements(images: images, tokens: contextTokens, on: backend)
        temporary = max(temporary, context.temporary)
        if let predictor = networks.predictor {
            let part = predictor.forwardElements(
                images: images, contextTokens: contextTokens, blocks: blocks, blockTokens: blockTokens, on: backend)
            kept += part.kept
            temporary = max(temporary, part.temporary)
            backward = max(
                backward,
                predictor.backwardElements(
                    images: images, contextTokens: contextTokens, blocks: blocks, blockTokens: blockTokens,
                    on: backend))
        } else {
            kept += blockElements + pooled
            backward = max(backward, 2 * pooled)
        }
        return (kept, max(temporary, contextElements + backward))
    }
}

/// What a step needs of the target encoder.
enum TargetNeeds {
    /// Features of the patches that some block uses.
    case blocks
    /// Features of all patches.
    case allFeatures
    /// The same, and a gradient through them.
    case gradient

    init(_ rule: TargetRule, _ objective: StepObjective, _ work: NetworkWork) {
        if rule == .sharedWithGradient {
            self = .gradient
        } else if work == .everything || objective.pairs == .contextTarget {
            self = .allFeatures
        } else {
            self = .blocks
        }
    }
}
