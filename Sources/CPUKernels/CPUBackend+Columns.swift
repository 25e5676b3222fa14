import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    /// mean[j] = Σᵢ x[i, j] / n; variance[j] = Σᵢ (x[i, j] − mean[j])² / (n − correction), summed in Double.
    package func columnMoments(
        _ x: Tensor<CPUBackend>, correction: Int, mean: Tensor<CPUBackend>, variance: Tensor<CPUBackend>
    ) {
        ShapeCheck.columnMoments(x: x.shape, correction: correction, mean: mean.shape, variance: variance.shape)
        kernels.column_moments(
            x.hostPointer, x.shape[0], x.shape[1], Double(x.shape[0] - correction), mean.hostPointer,
            variance.hostPointer)
    }

    /// y[i, j] = (x[i, j] − mean[j]) · factor[j], factor 1 if none. `y` may be `x`.
    package func normalizeColumns(
        _ x: Tensor<CPUBackend>, mean: Tensor<CPUBackend>, factor: Tensor<CPUBackend>?, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.normalizeColumns(x: x.shape, mean: mean.shape, factor: factor?.shape, y: y.shape)
        kernels.normalize_columns(
            x.hostPointer, x.shape[0], x.shape[1], mean.hostPointer, factor?.hostPointer, nil, nil, y.hostPointer)
    }

    /// y[i, j] += x[i, j] · factor[j].
    package func addColumns(_ x: Tensor<CPUBackend>, times factor: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.addColumns(x: x.shape, factor: factor.shape, y: y.shape)
        kernels.add_columns(x.hostPointer, x.shape[0], x.shape[1], factor.hostPointer, y.hostPointer)
    }

    /// For each column: rstd = 1 / √(variance + ε), y = (x − mean) · rstd · gamma + beta.
    package func batchNorm(
        _ x: Tensor<CPUBackend>, gamma: Tensor<CPUBackend>?, beta: Tensor<CPUBackend>?, epsilon: Float,
        mean: Tensor<CPUBackend>, rstd: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.batchNorm(
            x: x.shape, gamma: gamma?.shape, beta: beta?.shape, mean: mean.shape, rstd: rstd.shape, y: y.shape)
        let (rows, columns) = (x.shape[0], x.shape[1])
        kernels.column_moments(x.hostPointer, rows, columns, Double(rows), mean.hostPointer, rstd.hostPointer)
        let factor = rstd.hostPointer
        for j in 0..<columns { factor[j] = 1 / (factor[j] + epsilon).squareRoot() }
        kernels.normalize_columns(
            x.hostPointer, rows, columns, mean.hostPointer, factor, gamma?.hostPointer, beta?.hostPointer,
            y.hostPointer)
    }

    /// dx overwritten; dGamma, dBeta accumulate.
    package func batchNormBackward(
        _ x: Tensor<CPUBackend>, gamma: Tensor<CPUBackend>?, mean: Tensor<CPUBackend>, rstd: Tensor<CPUBackend>,
        dy: Tensor<CPUBackend>, dx: Tensor<CPUBackend>, dGamma: Tensor<CPUBackend>?, dBeta: Tensor<CPUBackend>?
    ) {
        ShapeCheck.batchNormBackward(
            x: x.shape, gamma: gamma?.shape, mean: mean.shape, rstd: rstd.shape, dy: dy.shape, dx: dx.shape,
            dGamma: dGamma?.shape, dBeta: dBeta?.shape)
        kernels.batch_norm_backward(
            x.hostPointer, x.shape[0], x.shape[1], gamma?.hostPointer, mean.hostPointer, rstd.hostPointer,
            dy.hostPointer, dx.hostPointer, dGamma?.hostPointer, dBeta?.hostPointer)
    }
}
