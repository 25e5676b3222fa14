import CKernels
package import Kernels

extension CPUBackend {
    package func fill(_ x: Tensor<CPUBackend>, with value: Float) {
        kernels.fill(x.hostPointer, x.count, value)
    }

    /// y = x.
    package func copy(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        reference.copy(x.onReference, to: y.onReference)
    }

    /// y += alpha · x.
    package func add(_ x: Tensor<CPUBackend>, times alpha: Float, to y: Tensor<CPUBackend>) {
        ShapeCheck.same(x.shape, y.shape, "add")
        kernels.add(x.hostPointer, alpha, y.hostPointer, x.count)
    }

    /// x *= alpha.
    package func scale(_ x: Tensor<CPUBackend>, by alpha: Float) {
        kernels.scale(x.hostPointer, alpha, x.count)
    }

    /// Σ x², in sixteen partial sums in Double.
    package func sumOfSquares(_ x: Tensor<CPUBackend>) -> Double {
        kernels.sum_of_squares(x.hostPointer, x.count)
    }

    /// y = max(x, 0); NaN stays NaN.
    package func relu(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.same(x.shape, y.shape, "relu")
        kernels.relu(x.hostPointer, y.hostPointer, x.count)
    }

    /// dx = dy where x > 0, else 0. `dx` may be `dy`.
    package func reluBackward(_ x: Tensor<CPUBackend>, dy: Tensor<CPUBackend>, dx: Tensor<CPUBackend>) {
        ShapeCheck.same(x.shape, dy.shape, "reluBackward")
        ShapeCheck.same(x.shape, dx.shape, "reluBackward")
        kernels.relu_backward(x.hostPointer, dy.hostPointer, dx.hostPointer, x.count)
    }
}
