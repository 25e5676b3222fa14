package import Kernels

extension ElementwiseLoss {
    /// The mean loss over all elements of a batch, of which a shard holds a part.
    ///
    /// - Parameters:
    ///   - prediction, target: Of equal shape, this shard's part.
    ///   - batchCount: Elements of the whole batch; the gradient is that of the batch's mean.
    ///   - gradient: With respect to the prediction; overwritten. With respect to the target it is the negative.
    /// - Returns: This shard's share of the batch's mean.
    package func evaluate<Backend: KernelBackend>(
        prediction: Tensor<Backend>, target: Tensor<Backend>, batchCount: Int, gradient: Tensor<Backend>,
        on backend: Backend
    ) -> Double {
        backend.elementwiseLoss(
            self, prediction: prediction, target: target, scale: Backend.Scalar(1 / Double(batchCount)),
            gradient: gradient) / Double(batchCount)
    }
}
