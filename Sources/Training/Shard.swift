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
    /// Normalised, all patches, [B, N, D].
    package let targetFeatures: Tensor<Backend>
    /// [M, B, Kp, D].
    package let predictions: Tensor<Backend>
    /// [M, B, Kp, D].
    package let targets: Tensor<Backend>
}

/// One part of the batch on its way through the networks, with memory and gradients of its own.
///
/// A shard runs on one thread. It leaves pooled features in the step's shared views for the regulariser, and is given
/// their gradient back.
final class Shard<Backend: KernelBackend>: @unchecked Sendable {
    /// What all shards of a step read.
    struct Common {
        let networks: MethodNetworks
        let objective: StepObjective
        let targetRule: TargetRule
        let encoderPositions: Tensor<Backend>
        let predictorPositions: Tensor<Backend>?
        /// Pooled features that the regulariser compares, [M or 2, B, D].
        let views: Tensor<Backend>
        let dViews: Tensor<Backend>
    }

    /// The images of the batch that are this shard's.
    let range: Range<Int>
    let workspace: Workspace<Backend>
    /// Flat, like the online parameters.
    let gradients: Tensor<Backend>
    /// This shard's part of the batch's mean prediction loss.
    private(set) var predictionLoss = 0.0

    private let images: Tensor<Backend>
    private let contextIndices: IndexTensor<Backend>
    private let blockIndices: IndexTensor<Backend>
    private let staging: HostBuffer<Int32>
    private var pass: Pass?

    /// What a forward pass leaves for the backward pass.
    private struct Pass {
        let context: VisionTransformer.Activations<Backend>
        let target: VisionTransformer.Activations<Backend>?
        /// The target encoder's output, [B, N, D], its LayerNorm without parameters, and that norm's mean and rstd.
        let targetFeatures, normalizedTargets, targetMean, targetRstd: Tensor<Backend>
        let predicted: Predictor.Activations<Backend>?
        let predictions, targets, dPredictions: Tensor<Backend>
        let blockIndices: IndexTensor<Backend>
    }

    init(_ networks: MethodNetworks, range: Range<Int>, limits: StepLimits, rule: TargetRule, on backend: Backend) {
        self.range = range
        let encoder = networks.encoder.settings
        let blockElements = limits.blockCount * range.count * limits.targetCount
        gradients = backend.makeTensor(Shape(networks.count))
        images = backend.makeTensor(Shape(range.count, encoder.channels, encoder.imageSize, encoder.imageSize))
        let contextElements = range.count * limits.contextCount
        contextIndices = IndexTensor(
            buffer: backend.makeIndexBuffer(count: contextElements), shape: Shape(contextElements))
        blockIndices = IndexTensor(buffer: backend.makeIndexBuffer(count: blockElements), shape: Shape(blockElements))
        staging = HostBuffer(count: max(contextElements, blockElements))
        workspace = Workspace(
            backend,
            capacity: Self.workspaceElements(
                networks, images: range.count, limits: limits, rule: rule, on: backend))
    }

    // MARK: Forward

    func forward(
        _ batch: StepBatch, online: Parameters<Backend>, target: Parameters<Backend>, _ common: Common
    ) {
        let backend = workspace.backend
        workspace.reset()
        backend.fill(gradients, with: 0)
        upload(batch)
        let contextIndices = contextIndices.window(at: 0, Shape(range.count, batch.contextCount))
        let blockIndices = blockIndices.window(at: 0, Shape(batch.blockCount, range.count, batch.targetCount))
        let encoder = common.networks.encoder
        let patchCount = encoder.settings.patchCount
        let width = encoder.settings.width

        // Targets: features of all patches, normalised without parameters, at the places of the blocks.
        var targetPass: VisionTransformer.Activations<Backend>?
        let targetFeatures: Tensor<Backend>
        if common.targetRule == .sharedWithGradient {
            let pass = encoder.forward(
                images, indices: nil, parameters: target, positions: common.encoderPositions, workspace: workspace)
            targetPass = pass
            targetFeatures = pass.output
        } else {
            targetFeatures = encoder.features(
                images, parameters: target, positions: common.encoderPositions, workspace: workspace)
        }
        let rows = Shape(range.count * patchCount)
        let (mean, rstd) = (workspace.take(rows), workspace.take(rows))
        let normalized = workspace.take(targetFeatures.shape)
        backend.layerNorm(
            targetFeatures, gamma: nil, beta: nil, epsilon: Backend.Scalar(TrainingStep<Backend>.targetNormEpsilon),
            mean: mean, rstd: rstd, to: normalized)
        let blockShape = Shape(batch.blockCount, range.count, batch.targetCount, width)
        let targets = workspace.take(blockShape)
        backend.gatherBlocks(normalized, indices: blockIndices, to: targets)

        // Context, and predictions of the targets from it.
        let context = encoder.forward(
            images, indices: contextIndices, parameters: online.window(at: 0, count: encoder.layout.count),
            positions: common.encoderPositions, workspace: workspace)
        var predicted: Predictor.Activations<Backend>?
        let predictions: Tensor<Backend>
        if let predictor = common.networks.predictor, let positions = common.predictorPositions {
            let section = section("predictor", common)
            let pass = predictor.forward(
                context: context.output, contextIndices: contextIndices, blockIndices: blockIndices,
                parameters: online.window(at: section.offset, count: section.layout.count), positions: positions,
                workspace: workspace)
            predicted = pass
            predictions = pass.output
        } else {
            predictions = broadcastMean(of: context.output, to: blockShape)
        }

        let dPredictions = workspace.take(blockShape)
        predictionLoss = common.objective.prediction.evaluate(
            prediction: predictions, target: targets,
            batchCount: batch.blockCount * batch.imageCount * batch.targetCount * width, gradient: dPredictions,
            on: backend)
        pass = Pass(
            context: context, target: targetPass, targetFeatures: targetFeatures, normalizedTargets: normalized,
            targetMean: mean, targetRstd: rstd, predicted: predicted, predictions: predictions, targets: targets,
            dPredictions: dPredictions, blockIndices: blockIndices)
        pool(common)
    }

    /// What the last forward pass computed, until the backward pass.
    var outputs: ShardOutputs<Backend>? {
        pass.map {
            ShardOutputs(
                range: range, contextFeatures: $0.context.output, targetFeatures: $0.normalizedTargets,
                predictions: $0.predictions, targets: $0.targets)
        }
    }

    private func upload(_ batch: StepBatch) {
        let backend = workspace.backend
        let perImage = images.count / range.count
        backend.upload(batch.images, at: range.lowerBound * perImage, to: images)
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
            backend.meanTokens(pass.targetFeatures, to: rows(ofView: 1, common.views))
        }
    }

    // MARK: Backward

    /// Accumulates the gradient of the objective, the regulariser's through `common.dViews`.
    ///
    /// - Parameters:
    ///   - includesPrediction: Whether the prediction loss counts.
    ///   - regularized: Whether the regulariser does.
    func backward(online: Parameters<Backend>, includesPrediction: Bool, regularized: Bool, _ common: Common) {
        guard let pass else { preconditionFailure("backward without forward") }
        let backend = workspace.backend
        let encoder = common.networks.encoder
        let encoderParameters = online.window(at: 0, count: encoder.layout.count)
        let encoderGradients = gradients.window(at: 0, Shape(encoder.layout.count))

        if !includesPrediction { backend.fill(pass.dPredictions, with: 0) }
        if let target = pass.target {
            backwardTargets(pass, target, encoderParameters, encoderGradients, regularized: regularized, common)
        }
        if regularized && common.objective.pairs == .blocks {
            for block in 0..<pass.predictions.shape[0] {
                backend.meanTokensBackward(
                    dy: rows(ofView: block, common.dViews), dx: plane(block, of: pass.dPredictions))
            }
        }
        let dContext = workspace.take(pass.context.output.shape)
        if let predictor = common.networks.predictor, let predicted = pass.predicted {
            let section = section("predictor", common)
            predictor.backward(
                predicted, dy: pass.dPredictions,
                parameters: online.window(at: section.offset, count: section.layout.count),
                gradients: gradients.window(at: section.offset, Shape(section.layout.count)), workspace: workspace,
                dContext: dContext)
        } else {
            broadcastMeanBackward(pass.dPredictions, dContext: dContext)
        }
        if regularized && common.objective.pairs == .contextTarget {
            backend.meanTokensBackward(dy: rows(ofView: 0, common.dViews), dx: dContext)
        }
        encoder.backward(
            pass.context, dy: dContext, parameters: encoderParameters, gradients: encoderGradients,
            workspace: workspace)
        self.pass = nil
    }

    /// The gradient that reaches the encoder through the targets; the loss depends on differences alone, so it begins
    /// as the negative of the predictions' gradient.
    private func backwardTargets(
        _ pass: Pass, _ target: VisionTransformer.Activations<Backend>, _ parameters: Parameters<Backend>,
        _ gradients: Tensor<Backend>, regularized: Bool, _ common: Common
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let dTargets = workspace.takeZeroed(pass.dPredictions.shape)
        backend.add(pass.dPredictions, times: -1, to: dTargets)
        let dNormalized = workspace.takeZeroed(pass.targetFeatures.shape)
        backend.gatherBlocksBackward(dy: dTargets, indices: pass.blockIndices, dx: dNormalized)
        let dFeatures = workspace.takeZeroed(pass.targetFeatures.shape)
        backend.layerNormBackward(
            pass.targetFeatures, gamma: nil, mean: pass.targetMean, rstd: pass.targetRstd, dy: dNormalized,
            dx: dFeatures, dGamma: nil, dBeta: nil)
        if regularized && common.objective.pairs == .contextTarget {
            backend.meanTokensBackward(dy: rows(ofView: 1, common.dViews), dx: dFeatures)
        }
        common.networks.encoder.backward(
            target, dy: dFeatures, parameters: parameters, gradients: gradients, workspace: workspace)
    }

    private func broadcastMeanBackward(_ dPredictions: Tensor<Backend>, dContext: Tensor<Backend>) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let shape = dPredictions.shape
        let perImage = Shape(shape[1], shape[3])
        let (dMean, part) = (workspace.takeZeroed(perImage), workspace.take(perImage))
        for block in 0..<shape[0] {
            backend.meanTokens(plane(block, of: dPredictions), to: part)
            backend.add(part, times: Backend.Scalar(shape[2]), to: dMean)
        }
        backend.fill(dContext, with: 0)
        backend.meanTokensBackward(dy: dMean, dx: dContext)
    }

    // MARK: Memory

    /// Workspace elements of one shard's forward and backward pass at the largest mask sizes.
    static func workspaceElements(
        _ networks: MethodNetworks, images: Int, limits: StepLimits, rule: TargetRule, on backend: Backend
    ) -> Int {
        let encoder = networks.encoder
        let (patches, width) = (encoder.settings.patchCount, encoder.settings.width)
        let (contextTokens, blockTokens, blocks) = (limits.contextCount, limits.targetCount, limits.blockCount)
        let features = alignedElements(images * patches * width)
        let blockElements = alignedElements(blocks * images * blockTokens * width)
        let contextElements = alignedElements(images * contextTokens * width)
        let pooled = alignedElements(images * width)
        var (kept, peak) = (0, 0)
        func pass(_ elements: (kept: Int, peak: Int)) {
            peak = max(peak, kept + elements.peak)
            kept += elements.kept
        }

        let learnsTargets = rule == .sharedWithGradient
        if learnsTargets {
            pass(encoder.forwardElements(images: images, tokens: patches, on: backend))
        } else {
            // All but its features is given back before anything else is taken.
            pass((features, encoder.featureElements(images: images, tokens: patches, on: backend)))
        }
        kept += features + 2 * alignedElements(images * patches) + blockElements
        pass(encoder.forwardElements(images: images, tokens: contextTokens, on: backend))
        if let predictor = networks.predictor {
            pass(
                predictor.forwardElements(
                    images: images, contextTokens: contextTokens, blocks: blocks, blockTokens: blockTokens,
                    on: backend))
        } else {
            kept += blockElements + pooled
        }
        kept += blockElements
        if learnsTargets {
            let backward = encoder.backwardElements(images: images, tokens: patches, on: backend)
            peak = max(peak, kept + blockElements + 2 * features + backward)
        }
        let predictorBackward =
            networks.predictor.map {
                $0.backwardElements(
                    images: images, contextTokens: contextTokens, blocks: blocks, blockTokens: blockTokens,
                    on: backend)
            } ?? 2 * pooled
        let contextBackward = encoder.backwardElements(images: images, tokens: contextTokens, on: backend)
        return max(peak, kept + contextElements + max(predictorBackward, contextBackward))
    }
}
