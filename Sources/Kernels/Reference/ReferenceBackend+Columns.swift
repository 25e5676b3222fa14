import TensorCore

extension ReferenceBackend {
    /// mean[j] = Σᵢ x[i, j] / n; variance[j] = Σᵢ (x[i, j] − mean[j])² / (n − correction).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func columnMoments(_ x: Tensor<Self>, correction: Int, mean: Tensor<Self>, variance: Tensor<Self>) {
        ShapeCheck.columnMoments(x: x.shape, correction: correction, mean: mean.shape, variance: variance.shape)
        let (rows, columns) = (x.shape[0], x.shape[1])
        for j in 0..<columns {
            let (center, squares) = moments(ofColumn: x.hostPointer + j, rows: rows, stride: columns)
            mean.hostPointer[j] = Scalar(center)
            variance.hostPointer[j] = Scalar(squares / Double(rows - correction))
        }
    }

    /// The mean of a column and the sum of squared distances from it, in Double.
    private func moments(
        ofColumn x: UnsafeMutablePointer<Scalar>, rows: Int, stride: Int
    ) -> (mean: Double, squares: Double) {
        var sum = 0.0
        for i in 0..<rows { sum += Double(x[i * stride]) }
        let center = sum / Double(rows)
        var squares = 0.0
        for i in 0..<rows { squares += (Double(x[i * stride]) - center) * (Double(x[i * stride]) - center) }
        return (center, squares)
    }

    /// y[i, j] = (x[i, j] − mean[j]) · factor[j], factor 1 if none. `y` may be `x`.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func normalizeColumns(
        _ x: Tensor<Self>, mean: Tensor<Self>, factor: Tensor<Self>?, to y: Tensor<Self>
    ) {
        ShapeCheck.normalizeColumns(x: x.shape, mean: mean.shape, factor: factor?.shape, y: y.shape)
        let columns = x.shape[1]
        let (px, pMean, pFactor, py) = (x.hostPointer, mean.hostPointer, factor?.hostPointer, y.hostPointer)
        for i in 0..<x.shape[0] {
            for j in 0..<columns {
                py[i * columns + j] = (px[i * columns + j] - pMean[j]) * (pFactor?[j] ?? 1)
            }
        }
    }

    /// y[i, j] += x[i, j] · factor[j].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func addColumns(_ x: Tensor<Self>, times factor: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.addColumns(x: x.shape, factor: factor.shape, y: y.shape)
        let columns = x.shape[1]
        let (px, pFactor, py) = (x.hostPointer, factor.hostPointer, y.hostPointer)
        for i in 0..<x.shape[0] {
            for j in 0..<columns { py[i * columns + j] += px[i * columns + j] * pFactor[j] }
        }
    }

    /// For each column: rstd = 1 / √(Σ (x − mean)² / n + ε), y = (x − mean) · rstd · gamma + beta (Ioffe & Szegedy,
    /// 2015, with batch statistics).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func batchNorm(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, beta: Tensor<Self>?, epsilon: Scalar,
        mean: Tensor<Self>, rstd: Tensor<Self>, to y: Tensor<Self>
    ) {
        ShapeCheck.batchNorm(
            x: x.shape, gamma: gamma?.shape, beta: beta?.shape, mean: mean.shape, rstd: rstd.shape, y: y.shape)
        let (rows, columns) = (x.shape[0], x.shape[1])
        let (pGamma, pBeta) = (gamma?.hostPointer, beta?.hostPointer)
        for j in 0..<columns {
            let (column, out) = (x.hostPointer + j, y.hostPointer + j)
            let (center, squares) = moments(ofColumn: column, rows: rows, stride: columns)
            let scale = 1 / (squares / Double(rows) + Double(epsilon)).squareRoot()
            mean.hostPointer[j] = Scalar(center)
            rstd.hostPointer[j] = Scalar(scale)
            for i in 0..<rows {
                let normalized = Scalar((Double(column[i * columns]) - center) * scale)
                out[i * columns] = normalized * (pGamma?[j] ?? 1) + (pBeta?[j] ?? 0)
            }
        }
    }

    /// With x̂ = (x − mean) · rstd, for each column:
    /// dx = gamma · rstd · (dy − Σ dy / n − x̂ · Σ (dy · x̂) / n); dGamma += Σ dy · x̂; dBeta += Σ dy.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func batchNormBackward(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, mean: Tensor<Self>, rstd: Tensor<Self>, dy: Tensor<Self>,
        dx: Tensor<Self>, dGamma: Tensor<Self>?, dBeta: Tensor<Self>?
    ) {
        ShapeCheck.batchNormBackward(
            x: x.shape, gamma: gamma?.shape, mean: mean.shape, rstd: rstd.shape, dy: dy.shape, dx: dx.shape,
            dGamma: dGamma?.shape, dBeta: dBeta?.shape)
        let (rows, columns) = (x.shape[0], x.shape[1])
        for j in 0..<columns {
            let (column, gradient, out) = (x.hostPointer + j, dy.hostPointer + j, dx.hostPointer + j)
            let (center, scale) = (Double(mean.hostPointer[j]), Double(rstd.hostPointer[j]))
            var (sum, projection) = (0.0, 0.0)
            for i in 0..<rows {
                let g = Double(gradient[i * columns])
                sum += g
                projection += g * (Double(column[i * columns]) - center) * scale
            }
            let factor = Double(gamma?.hostPointer[j] ?? 1) * scale
            for i in 0..<rows {
                let normalized = (Double(column[i * columns]) - center) * scale
                let g = Double(gradient[i * columns])
                out[i * columns] = Scalar(factor * (g - (sum + normalized * projection) / Double(rows)))
            }
            dGamma?.hostPointer[j] += Scalar(projection)
            dBeta?.hostPointer[j] += Scalar(sum)
        }
    }
}
