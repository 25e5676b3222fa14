import TensorCore

extension ReferenceBackend {
    /// x[j, j] = 0.
    package func zeroDiagonal(_ x: Tensor<Self>) {
        ShapeCheck.zeroDiagonal(x: x.shape)
        for j in 0..<x.shape[0] { x.hostPointer[j * x.shape[1] + j] = 0 }
    }

    /// With s_j = √(variance[j] + ε): returns Σ_j max(0, 1 − s_j); factor[j] = −scale / s_j where s_j < 1, else 0.
    package func standardDeviationHinge(
        variance: Tensor<Self>, epsilon: Scalar, scale: Scalar, factor: Tensor<Self>
    ) -> Double {
        ShapeCheck.same(variance.shape, factor.shape, "standardDeviationHinge")
        var sum = 0.0
        for j in 0..<variance.count {
            let deviation = (Double(variance.hostPointer[j]) + Double(epsilon)).squareRoot()
            // Written so that a deviation that is not a number reaches the sum.
            let isOutside = deviation >= 1
            sum += isOutside ? 0 : 1 - deviation
            factor.hostPointer[j] = isOutside ? 0 : Scalar(-Double(scale) / deviation)
        }
        return sum
    }
}
