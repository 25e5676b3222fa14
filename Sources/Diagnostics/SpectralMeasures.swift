#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Measures of a spectrum: singular values or eigenvalues, largest first, none negative.
enum SpectralMeasures {
    /// exp of the entropy of p, p = values / Σ values + epsilon; 0 for a spectrum of zeros.
    ///
    /// On singular values: RankMe (Garrido et al., ICML 2023, which sets epsilon 1e-7) and, on centred ones, the
    /// effective rank of Roy & Vetterli (EUSIPCO 2007).
    static func effectiveRank(_ values: [Double], epsilon: Double) -> Double {
        let sum = values.reduce(0, +)
        if sum == 0 { return 0 }
        var entropy = 0.0
        for value in values {
            let p = value / sum + epsilon
            if p > 0 { entropy -= p * log(p) }
        }
        return sum.isFinite ? exp(entropy) : .nan
    }

    /// (Σ λ)² / Σ λ²; 0 for a spectrum of zeros.
    static func participationRatio(_ eigenvalues: [Double]) -> Double {
        guard let largest = eigenvalues.first, largest > 0 else { return 0 }
        let scaled = eigenvalues.map { $0 / largest }
        let sum = scaled.reduce(0, +)
        return sum * sum / scaled.reduce(0) { $0 + $1 * $1 }
    }

    /// Σ λ / λ₁ (He & Ozay, 2022); 0 for a spectrum of zeros.
    static func normalizedSum(_ eigenvalues: [Double]) -> Double {
        guard let largest = eigenvalues.first, largest > 0 else { return 0 }
        return eigenvalues.reduce(0) { $0 + $1 / largest }
    }

    /// The α of λ_j ∝ j^(−α): weighted least squares of log λ on log j, weights 1/j (Agrawal et al., NeurIPS 2022).
    ///
    /// - Parameter count: How many of the eigenvalues are more than rounding; the others have no logarithm to speak of.
    /// - Returns: NaN with fewer than two eigenvalues.
    static func decayExponent(_ eigenvalues: [Double], count: Int) -> Double {
        decayExponent(eigenvalues, range: 0..<max(count, 0))
    }

    /// The same over the eigenvalues of a range only, counted from 0; j counts from 1.
    static func decayExponent(_ eigenvalues: [Double], range: Range<Int>) -> Double {
        let count = range.count
        guard count >= 2 else { return .nan }
        let x = range.map { log(Double($0 + 1)) }
        let y = range.map { log(eigenvalues[$0]) }
        let weights = range.map { 1 / Double($0 + 1) }
        let total = weights.reduce(0, +)
        let meanX = zip(weights, x).reduce(0) { $0 + $1.0 * $1.1 } / total
        let meanY = zip(weights, y).reduce(0) { $0 + $1.0 * $1.1 } / total
        var (covariance, variance) = (0.0, 0.0)
        for j in 0..<count {
            covariance += weights[j] * (x[j] - meanX) * (y[j] - meanY)
            variance += weights[j] * (x[j] - meanX) * (x[j] - meanX)
        }
        return -covariance / variance
    }

    /// The share of `count` directions whose singular value is at least 0.01 of the largest; 0 for a spectrum of zeros.
    ///
    /// Entropies can look respectable while most of the directions have died: a hundred singular values of a thousandth
    /// of the largest weigh as much as a tenth of it.
    static func liveShare(_ singularValues: [Double], of count: Int) -> Double {
        guard let largest = singularValues.first, largest > 0, count > 0 else { return 0 }
        return Double(singularValues.prefix(count).count { $0 >= 0.01 * largest }) / Double(count)
    }

    /// Below this a singular value of a matrix with `extent` = max(rows, columns) is rounding, and the rank ends.
    static func roundingLevel(_ singularValues: [Double], extent: Int) -> Double {
        (singularValues.first ?? 0) * Double(extent) * 0x1p-52
    }

    /// How many singular values are more than rounding.
    static func significantCount(_ singularValues: [Double], extent: Int) -> Int {
        let level = roundingLevel(singularValues, extent: extent)
        return singularValues.prefix { $0 > level }.count
    }

    /// σ₁ / σ_min; infinite where the smallest is rounding, NaN for a matrix of zeros.
    static func conditionNumber(_ singularValues: [Double], extent: Int) -> Double {
        guard let largest = singularValues.first, let smallest = singularValues.last, largest > 0 else { return .nan }
        return smallest > roundingLevel(singularValues, extent: extent) ? largest / smallest : .infinity
    }
}
