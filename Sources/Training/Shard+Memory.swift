import Objectives
import ExperimentSpec
import Kernels
import Networks
import TensorCore

extension Shard {
    /// Workspace elements of one shard at the largest mask sizes: its own, and temporary memory of its thread.
    static func workspaceElements(
        _ networks: MethodNetworks, images: Int, limits: StepLimits, _ needs: ShardNeeds, on backend: Backend
    ) -> (kept: Int, temporary: Int) {
        let encoder = networks.encoder
        let (patches, width) = (encoder.settings.patchCount, encoder.settings.width)
        let (contextTokens, blockTokens, blocks) = (limits.contextCount, limits.targetCount, limits.blockCount)
        let features = alignedElements(images * patches * width)
        let blockElements = alignedElements(blocks * images * blockTokens * width)
        let contextElements = alignedElements(images * contextTokens * width)
        let normalization = features + 2 * alignedElements(images * patches)
        var (kept, temporary) = ((needs.keepsTargetGradient ? 3 : 2) * blockElements, 0)

        switch needs.targets {
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
        temporary = max(temporary, context.temporary, needs.lossElements)
        let shape = limits.predictionShape(images: images)
        let prediction = networks.predictor.forwardElements(shape, on: backend)
        kept += prediction.kept
        temporary = max(temporary, prediction.temporary)
        backward = max(backward, networks.predictor.backwardElements(shape, on: backend))
        temporary = max(temporary, contextElements + backward)
        if limits.rounds > 1 {
            let views = viewElements(networks, images: images, limits: limits, needs, on: backend)
            (kept, temporary) = (max(kept, views.kept), max(temporary, views.temporary))
        }
        return (kept, temporary)
    }

    /// Workspace elements of `forwardViews`. Features in passing may need more temporary memory than passes that keep.
    private static func viewElements(
        _ networks: MethodNetworks, images: Int, limits: StepLimits, _ needs: ShardNeeds, on backend: Backend
    ) -> (kept: Int, temporary: Int) {
        let (encoder, settings) = (networks.encoder, networks.encoder.settings)
        let context = encoder.featureElements(images: images, tokens: limits.contextCount, on: backend)
        var (kept, temporary) = context
        let prediction = networks.predictor.forwardElements(limits.predictionShape(images: images), on: backend)
        kept += prediction.kept
        temporary = max(temporary, prediction.temporary)
        if needs.targets != .blocks {
            let targets = encoder.featureElements(images: images, tokens: settings.patchCount, on: backend)
            (kept, temporary) = (max(kept, targets.kept), max(temporary, targets.temporary))
        }
        return (kept, temporary)
    }
}

extension StepLimits {
    /// At the largest mask sizes.
    fileprivate func predictionShape(images: Int) -> PredictionShape {
        PredictionShape(
            images: images, contextTokens: contextCount, blocks: blockCount, blockTokens: targetCount)
    }
}

/// What the objective of a step needs in a shard's memory.
struct ShardNeeds {
    let targets: TargetNeeds
    /// Temporary memory of the prediction loss.
    let lossElements: Int
    /// Whether the prediction loss has a gradient with respect to the targets that is kept for the backward pass.
    let keepsTargetGradient: Bool

    init<Backend: KernelBackend>(
        _ rule: any TargetEncoderRule, _ common: Shard<Backend>.Common, _ work: NetworkWork
    ) {
        targets = TargetNeeds(rule, common.objective, work)
        let loss = common.objective.prediction
        keepsTargetGradient = targets == .gradient && !loss.isOfDifferences
        lossElements = loss.elements(
            width: common.networks.encoder.settings.width, hasTargetGradient: keepsTargetGradient)
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

    init(_ rule: any TargetEncoderRule, _ objective: StepObjective, _ work: NetworkWork) {
        if rule.hasGradient {
            self = .gradient
        } else if work == .everything || objective.needsTargets {
            self = .allFeatures
        } else {
            self = .blocks
        }
    }
}
