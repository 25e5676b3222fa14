import TensorCore

extension ReferenceBackend {
    /// For each row: mean = Σ x / D, rstd = 1 / √(Σ (x − mean)² / D + ε), y = (x − mean) · rstd · gamma + beta
    /// (Ba, Kiros & Hinton, 2016).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func layerNorm(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, beta: Tensor<Self>?, epsilon: Scalar,
        mean: Tensor<Self>, rstd: Tensor<Self>, to y: Tensor<Self>
    ) {
        ShapeCheck.layerNorm(
            x: x.shape, gamma: gamma?.shape, beta: beta?.shape, mean: mean.shape, rstd: rstd.shape, y: y.shape)
        let (rows, width) = (x.shape.rows, x.shape.columns)
        let (pMean, pRstd) = (mean.hostPointer, rstd.hostPointer)
        let (pGamma, pBeta) = (gamma?.hostPointer, beta?.hostPointer)
        for r in 0..<rows {
            let (row, out) = (x.hostPointer + r * width, y.hostPointer + r * width)
            var sum = 0.0
            for j in 0..<width { sum += Double(row[j]) }
            let center = sum / Double(width)
            var squares = 0.0
            for j in 0..<width { squares += (Double(row[j]) - center) * (Double(row[j]) - center) }
            let scale = 1 / (squares / Double(width) + Double(epsilon)).squareRoot()
            pMean[r] = Scalar(center)
            pRstd[r] = Scalar(scale)
            for j in 0..<width {
                let normalized = Scalar((Double(row[j]) - center) * scale)
                out[j] = normalized * (pGamma?[j] ?? 1) + (pBeta?[j] ?? 0)
            }
        }
    }

    /// With x̂ = (x − mean) · rstd and g = dy · gamma, for each row:
    /// dx += rstd · (g − Σ g / D − x̂ · Σ (g · x̂) / D); dGamma += Σ_rows dy · x̂; dBeta += Σ_rows dy.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func layerNormBackward(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, mean: Tensor<Self>, rstd: Tensor<Self>, dy: Tensor<Self>,
        dx: Tensor<Self>, dGamma: Tensor<Self>?, dBeta: Tensor<Self>?
    ) {
        ShapeCheck.layerNormBackward(
            x: x.shape, gamma: gamma?.shape, mean: mean.shape, rstd: rstd.shape, dy: dy.shape, dx: dx.shape,
            dGamma: dGamma?.shape, dBeta: dBeta?.shape)
        let (rows, width) = (x.shape.rows, x.shape.columns)
        let (pMean, pRstd, pGamma) = (mean.hostPointer, rstd.hostPointer, gamma?.hostPointer)
        let (pdGamma, pdBeta) = (dGamma?.hostPointer, dBeta?.hostPointer)
        for r in 0..<rows {
            let (row, gradient, out) = (
                x.hostPointer + r * width, dy.hostPointer + r * width, dx.hostPointer + r * width
            )
            let (center, scale) = (pMean[r], pRstd[r])
            var (sum, projection) = (0.0, 0.0)
            for j in 0..<width {
                let g = gradient[j] * (pGamma?[j] ?? 1)
                sum += Double(g)
                projection += Double(g * (row[j] - center) * scale)
            }
            let (meanGradient, meanProjection) = (Scalar(sum / Double(width)), Scalar(projection / Double(width)))
            for j in 0..<width {
                let normalized = (row[j] - center) * scale
                let g = gradient[j] * (pGamma?[j] ?? 1)
                out[j] += scale * (g - meanGradient - normalized * meanProjection)
                pdGamma?[j] += gradient[j] * normalized
                pdBeta?[j] += gradient[j]
            }
        }
    }
}
