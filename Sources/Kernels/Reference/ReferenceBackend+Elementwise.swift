import TensorCore

extension ReferenceBackend {
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func fill(_ x: Tensor<Self>, with value: Scalar) {
        x.hostPointer.update(repeating: value, count: x.count)
    }

    /// y = x.
    package func copy(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.same(x.shape, y.shape, "copy")
        y.hostPointer.update(from: x.hostPointer, count: x.count)
    }

    /// y += alpha · x.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func add(_ x: Tensor<Self>, times alpha: Scalar, to y: Tensor<Self>) {
        ShapeCheck.same(x.shape, y.shape, "add")
        addScaled(x.hostPointer, times: alpha, to: y.hostPointer, count: x.count)
    }

    /// x *= alpha.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func scale(_ x: Tensor<Self>, by alpha: Scalar) {
        let p = x.hostPointer
        for i in 0..<x.count { p[i] *= alpha }
    }

    /// Σ x², summed in Double.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func sumOfSquares(_ x: Tensor<Self>) -> Double {
        let p = x.hostPointer
        var sum = 0.0
        for i in 0..<x.count { sum += Double(p[i]) * Double(p[i]) }
        return sum
    }

    /// y = max(x, 0); NaN stays NaN.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func relu(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.same(x.shape, y.shape, "relu")
        let (from, to) = (x.hostPointer, y.hostPointer)
        for i in 0..<x.count { to[i] = from[i] < 0 ? 0 : from[i] }
    }

    /// dx = dy where x > 0, else 0. `dx` may be `dy`.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func reluBackward(_ x: Tensor<Self>, dy: Tensor<Self>, dx: Tensor<Self>) {
        ShapeCheck.same(x.shape, dy.shape, "reluBackward")
        ShapeCheck.same(x.shape, dx.shape, "reluBackward")
        let (input, from, to) = (x.hostPointer, dy.hostPointer, dx.hostPointer)
        for i in 0..<x.count { to[i] = input[i] > 0 ? from[i] : 0 }
    }
}
