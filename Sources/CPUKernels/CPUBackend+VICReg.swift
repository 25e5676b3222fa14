package import Kernels

// A few hundred numbers a step: the reference's loops are as good as any.

extension CPUBackend {
    package func zeroDiagonal(_ x: Tensor<CPUBackend>) {
        reference.zeroDiagonal(x.onReference)
    }

    package func standardDeviationHinge(
        variance: Tensor<CPUBackend>, epsilon: Float, scale: Float, factor: Tensor<CPUBackend>
    ) -> Double {
        reference.standardDeviationHinge(
            variance: variance.onReference, epsilon: epsilon, scale: scale, factor: factor.onReference)
    }
}
