import Masking
import Networks
import Objectives

/// Floating-point operations of one training step, as the public I-JEPA code does it.
///
/// Counted are matrix products, attention's included; a multiplication with its addition is 2. What is done element by
/// element (norms, GELU, softmax, losses, AdamW, moving average) counts nothing. For a batch of B images, N patches,
/// Kc context patches and M blocks of Kp patches:
/// - target encoder: forward over all N patches; backward too where gradients reach it;
/// - context encoder: patch embedding of all N patches (the public code drops the hidden ones after it), blocks over
///   Kc; a backward pass, in which no gradient goes to the images;
/// - predictor: what its kind says, for a transformer its input map over Kc once, every block over M sequences of
///   Kc + Kp tokens, its output map over M · Kp; a backward pass;
/// - regularisers that have a weight: each view's rows through the projector, and their own products, such as the
///   covariance of VICReg.
///
/// The backward pass of a product of two matrices is two products of the same size, one of them only where an operand
/// needs no gradient. An engine that leaves out work whose result nobody reads is not credited with less: these are the
/// operations that the mathematics of the reference asks for, so rates of different engines compare.
package struct StepFLOPs: Hashable, Sendable {
    package var targetForward = 0.0
    package var contextForward = 0.0
    package var predictorForward = 0.0
    /// Projectors, regularisers and a prediction loss that has matrix products, forward and backward.
    package var regularizer = 0.0
    package var predictorBackward = 0.0
    /// Of the context encoder, and of the target encoder where gradients reach it.
    package var encoderBackward = 0.0

    /// All of it.
    package var total: Double {
        targetForward + contextForward + predictorForward + regularizer + predictorBackward + encoderBackward
    }

    /// - Parameters:
    ///   - contextPatches: Kc, and Kp: those of a batch, or expected ones.
    package init(_ configuration: RunConfiguration, contextPatches: Double, targetPatches: Double) {
        let sizes = NetworkSizes(configuration.model)
        let batch = Double(configuration.training.batchSize)
        let patches = Double(sizes.patches)
        let embedding = batch * sizes.embeddingFlops(tokens: patches)
        let contextBlocks = batch * sizes.encoderBlocksFlops(tokens: contextPatches)
        let targetBlocks = batch * sizes.encoderBlocksFlops(tokens: patches)
        targetForward = embedding + targetBlocks
        contextForward = embedding + contextBlocks
        encoderBackward = embedding + 2 * contextBlocks
        if configuration.targetEncoderRule.hasGradient { encoderBackward += embedding + 2 * targetBlocks }
        let blocks = Double(configuration.maskLimits.blocks)
        let predictor = configuration.predictor
        predictorForward =
            batch * predictor.forwardFlops(context: contextPatches, target: targetPatches, blocks: blocks)
        predictorBackward =
            batch * predictor.backwardFlops(context: contextPatches, target: targetPatches, blocks: blocks)
        regularizer = configuration.predictionLoss.flops(
            patches: batch * blocks * targetPatches, width: configuration.model.width)
        for term in configuration.terms where term.weight.weight > 0 {
            let projector = ProjectorSizes(of: term, in: configuration)
            let shape = term.shape(
                in: configuration, targetPatches: Int(targetPatches.rounded()), width: projector.outputWidth)
            regularizer +=
                3 * Double(shape.views * shape.rows) * projector.flopsPerRow + term.regularizer.flops(shape)
        }
    }
}

extension ObjectiveTerm {
    /// - Parameters:
    ///   - targetPatches: Kp.
    ///   - width: Of its views, behind the projector.
    func shape(in configuration: RunConfiguration, targetPatches: Int, width: Int) -> ViewShape {
        ViewShape(
            views: views.count(blocks: configuration.maskLimits.blocks),
            rows: configuration.training.batchSize * views.rowsPerImage(targetPatches: targetPatches), width: width)
    }
}
