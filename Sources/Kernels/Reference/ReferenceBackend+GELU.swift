import TensorCore

extension ReferenceBackend {
    /// pre = x · Wᵀ + b; y = pre · Φ(pre), Φ the standard normal's distribution function (Hendrycks & Gimpel, 2016).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func linearGELU(
        _ x: Tensor<Self>, weight: Tensor<Self>, bias: Tensor<Self>, pre: Tensor<Self>, to y: Tensor<Self>
    ) {
        ShapeCheck.linearGELU(x: x.shape, weight: weight.shape, bias: bias.shape, pre: pre.shape, y: y.shape)
        linear(x, weight: weight, bias: bias, to: pre)
        let (from, to) = (pre.hostPointer, y.hostPointer)
        for i in 0..<pre.count {
            let u = Double(from[i])
            to[i] = Scalar(u * normalDistribution(u))
        }
    }

    /// dx = dy · (Φ(pre) + pre · φ(pre)). `dx` may be `dy`.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func geluBackward(pre: Tensor<Self>, dy: Tensor<Self>, dx: Tensor<Self>) {
        ShapeCheck.same(pre.shape, dy.shape, "geluBackward")
        ShapeCheck.same(pre.shape, dx.shape, "geluBackward")
        let (input, from, to) = (pre.hostPointer, dy.hostPointer, dx.hostPointer)
        for i in 0..<pre.count {
            let u = Double(input[i])
            to[i] = from[i] * Scalar(normalDistribution(u) + u * normalDensity(u))
        }
    }
}
