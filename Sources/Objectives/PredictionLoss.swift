package import Declarations
package import Kernels

/// A loss between predicted and target features, averaged over a batch.
///
/// A type that conforms, in one file, and its name in `PredictionLosses.standard` are all that a new loss takes. One that is
/// written as an expression (`ExpressionPredictionLoss`) has its gradients from that.
package protocol PredictionLoss: DeclaredOption {
    /// As people write it: "smooth L1".
    static var title: String { get }

    init(_ settings: Settings)

    /// Whether the gradient with respect to the target is the negative of that with respect to the prediction.
    var isOfDifferences: Bool { get }

    /// Workspace elements of one evaluation.
    ///
    /// - Parameters:
    ///   - width: D, numbers of a patch's features.
    ///   - hasTargetGradient: Whether the gradient with respect to the target is wanted.
    func elements(width: Int, hasTargetGradient: Bool) -> Int

    /// Floating-point operations of matrix products, for so many patches, with gradients.
    func flops(patches: Double, width: Int) -> Double

    /// Made once for a run; evaluated at every step, by several threads at once.
    ///
    /// - Parameter width: D, numbers of a patch's features.
    func evaluator<Backend: KernelBackend>(width: Int, on backend: Backend) -> any PredictionLossEvaluator<Backend>

    /// A function of predictions and targets, [n, D] each: their loss times all their numbers, in Double. Evaluations
    /// average it.
    func total(width: Int) -> ([Float], [Float]) -> Double
}

/// A prediction loss on a back end.
package protocol PredictionLossEvaluator<Backend>: Sendable {
    associatedtype Backend: KernelBackend

    /// The mean loss over a batch, of which a shard holds a part.
    ///
    /// - Parameters:
    ///   - prediction, target: Of equal shape, this shard's part; the last extent is D.
    ///   - batchCount: Elements of the whole batch; gradients are those of the batch's mean.
    ///   - gradient: With respect to the prediction; overwritten.
    ///   - targetGradient: With respect to the target; overwritten. None where it is not wanted, or `isOfDifferences`.
    /// - Returns: This shard's share of the batch's mean.
    func evaluate(
        prediction: Tensor<Backend>, target: Tensor<Backend>, batchCount: Int, gradient: Tensor<Backend>,
        targetGradient: Tensor<Backend>?, workspace: Workspace<Backend>
    ) -> Double
}

extension PredictionLoss {
    package static var summary: String { title }
}

/// A loss of single differences that a back end has a kernel for; the mean is over all elements.
package protocol KernelPredictionLoss: PredictionLoss {
    static var kernel: ElementwiseLoss { get }

    /// The loss of one element: what the kernel computes, in plain Swift.
    func value(of difference: Double) -> Double
}

extension KernelPredictionLoss {
    package var isOfDifferences: Bool { true }
    package func elements(width: Int, hasTargetGradient: Bool) -> Int { 0 }
    package func flops(patches: Double, width: Int) -> Double { 0 }

    package func evaluator<Backend: KernelBackend>(
        width: Int, on backend: Backend
    ) -> any PredictionLossEvaluator<Backend> {
        KernelLossEvaluator(kernel: Self.kernel)
    }

    package func total(width: Int) -> ([Float], [Float]) -> Double {
        { predictions, targets in
            var sum = 0.0
            for (prediction, target) in zip(predictions, targets) {
                sum += value(of: Double(prediction) - Double(target))
            }
            return sum
        }
    }
}

private struct KernelLossEvaluator<Backend: KernelBackend>: PredictionLossEvaluator {
    let kernel: ElementwiseLoss

    func evaluate(
        prediction: Tensor<Backend>, target: Tensor<Backend>, batchCount: Int, gradient: Tensor<Backend>,
        targetGradient: Tensor<Backend>?, workspace: Workspace<Backend>
    ) -> Double {
        workspace.backend.elementwiseLoss(
            kernel, prediction: prediction, target: target, scale: Backend.Scalar(1 / Double(batchCount)),
            gradient: gradient) / Double(batchCount)
    }
}
