package import Kernels
import TensorCore

extension CPUBackend {
    /// C = alpha · op(A) · op(B) + beta · C; C is not read where beta is 0.
    package func multiply(
        _ a: Tensor<CPUBackend>, transposed transposeA: Bool, _ b: Tensor<CPUBackend>, transposed transposeB: Bool,
        alpha: Float, beta: Float, to c: Tensor<CPUBackend>
    ) {
        ShapeCheck.multiply(a.shape, transposed: transposeA, b.shape, transposed: transposeB, c: c.shape)
        matrixProduct(
            a.hostPointer, transposed: transposeA, b.hostPointer, transposed: transposeB,
            n: c.shape[0], k: transposeA ? a.shape[0] : a.shape[1], d: c.shape[1], alpha: alpha, beta: beta,
            to: c.hostPointer)
    }
}
