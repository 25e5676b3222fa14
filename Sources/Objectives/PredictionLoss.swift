package import Declarations
package import Kernels

/// A loss between predicted and target features, averaged over all elements of a batch.
///
/// A type that conforms, in one file, and its name in `PredictionLosses.standard` are all that a new loss takes.
package protocol PredictionLoss: DeclaredOption {
    /// As people write it: "smooth L1".
    static var title: String { get }

    init(_ settings: Settings)

    /// The loss of one element, by the difference of prediction and target: what `evaluate` computes, in plain Swift.
    func value(of difference: Double) -> Double

    /// The mean loss over all elements of a batch, of which a shard holds a part.
    ///
    /// - Parameters:
    ///   - prediction, target: Of equal shape, this shard's part.
    ///   - batchCount: Elements of the whole batch; the gradient is that of the batch's mean.
    ///   - gradient: With respect to the prediction; overwritten. With respect to the target it is the negative.
    /// - Returns: This shard's share of the batch's mean.
    func evaluate<Backend: KernelBackend>(
        prediction: Tensor<Backend>, target: Tensor<Backend>, batchCount: Int, gradient: Tensor<Backend>,
        on backend: Backend
    ) -> Double
}

/// A prediction loss that a back end has a kernel for.
package protocol KernelPredictionLoss: PredictionLoss {
    static var kernel: ElementwiseLoss { get }
}

extension PredictionLoss {
    package static var summary: String { title }
}

extension KernelPredictionLoss {
    package func evaluate<Backend: KernelBackend>(
        prediction: Tensor<Backend>, target: Tensor<Backend>, batchCount: Int, gradient: Tensor<Backend>,
        on backend: Backend
    ) -> Double {
        backend.elementwiseLoss(
            Self.kernel, prediction: prediction, target: target, scale: Backend.Scalar(1 / Double(batchCount)),
            gradient: gradient) / Double(batchCount)
    }
}
