import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    /// For each row: y = (x − mean) · rstd · gamma + beta.
    package func layerNorm(
        _ x: Tensor<CPUBackend>, gamma: Tensor<CPUBackend>?, beta: Tensor<CPUBackend>?, epsilon: Float,
        mean: Tensor<CPUBackend>, rstd: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.layerNorm(
            x: x.shape, gamma: gamma?.shape, beta: beta?.shape, mean: mean.shape, rstd: rstd.shape, y: y.shape)
        kernels.layer_norm(
            x.hostPointer, x.shape.rows, x.shape.columns, gamma?.hostPointer, beta?.hostPointer, epsilon,
            mean.hostPointer, rstd.hostPointer, y.hostPointer)
    }

    /// dx += the gradient; dGamma and dBeta accumulate.
    package func layerNormBackward(
        _ x: Tensor<CPUBackend>, gamma: Tensor<CPUBackend>?, mean: Tensor<CPUBackend>, rstd: Tensor<CPUBackend>,
        dy: Tensor<CPUBackend>, dx: Tensor<CPUBackend>, dGamma: Tensor<CPUBackend>?, dBeta: Tensor<CPUBackend>?
    ) {
        ShapeCheck.layerNormBackward(
            x: x.shape, gamma: gamma?.shape, mean: mean.shape, rstd: rstd.shape, dy: dy.shape, dx: dx.shape,
            dGamma: dGamma?.shape, dBeta: dBeta?.shape)
        kernels.layer_norm_backward(
            x.hostPointer, x.shape.rows, x.shape.columns, gamma?.hostPointer, mean.hostPointer, rstd.hostPointer,
            dy.hostPointer, dx.hostPointer, dGamma?.hostPointer, dBeta?.hostPointer)
    }
}
