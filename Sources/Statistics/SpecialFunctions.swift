import Foundation

/// The functions that distributions are made of, in Double; docs/statistics.md names their sources and accuracy.
package enum SpecialFunctions {
    /// The regularised incomplete beta function I_x(a, b).
    ///
    /// The continued fraction of Abramowitz and Stegun 26.5.8, evaluated by Lentz's method where it converges fast and
    /// by the symmetry I_x(a, b) = 1 − I_{1−x}(b, a) elsewhere.
    ///
    /// - Parameter complement: 1 − x, given apart because the difference loses digits where x is near 1.
    /// - Precondition: a > 0, b > 0, 0 ≤ x ≤ 1.
    package static func incompleteBeta(_ x: Double, complement: Double? = nil, a: Double, b: Double) -> Double {
        let y = complement ?? 1 - x
        precondition(a > 0 && b > 0 && (0...1).contains(x) && (0...1).contains(y), "I_\(x)(\(a), \(b)) is not defined")
        if x == 0 { return 0 }
        if y == 0 { return 1 }
        let logFactor = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y)
        if x < (a + 1) / (a + b + 2) {
            return exp(logFactor) * betaFraction(x, a, b) / a
        }
        return 1 - exp(logFactor) * betaFraction(y, b, a) / b
    }

    /// The continued fraction 1/(1 + d₁/(1 + d₂/(1 + …))) of the incomplete beta function.
    private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        // Stands in for a denominator of zero.
        let tiny = 1e-300
        func guarded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / guarded(1 - (a + b) * x / (a + 1))
        var fraction = d
        // It needs about √max(a, b) terms; the limit is far beyond any sample that is tested here.
        for term in 1...100_000 {
            let m = Double(term)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / guarded(1 + even * d)
            c = guarded(1 + even / c)
            fraction *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / guarded(1 + odd * d)
            c = guarded(1 + odd / c)
            let factor = d * c
            fraction *= factor
            if abs(factor - 1) < 1e-16 { break }
        }
        return fraction
    }

    /// P(Z ≤ z) of the standard normal distribution.
    package static func normalCumulative(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }

    /// The z below which a share `probability` of the standard normal distribution lies; infinite at 0 and 1.
    ///
    /// Acklam's rational approximation (relative error 1.15e-9), then two steps of Halley's method on erfc, which bring
    /// it to the last bits.
    ///
    /// - Precondition: 0 ≤ probability ≤ 1.
    package static func normalQuantile(_ probability: Double) -> Double {
        precondition((0...1).contains(probability), "there is no normal quantile of \(probability)")
        if probability == 0 { return -.infinity }
        if probability == 1 { return .infinity }
        var z = roughNormalQuantile(probability)
        for _ in 0..<2 {
            let error = normalCumulative(z) - probability
            let u = error * (2 * Double.pi).squareRoot() * exp(z * z / 2)
            z -= u / (1 + z * u / 2)
        }
        return z
    }

    private static func roughNormalQuantile(_ p: Double) -> Double {
        func polynomial(_ x: Double, _ coefficients: [Double]) -> Double { coefficients.reduce(0) { $0 * x + $1 } }
        let c = [
            -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838, -2.549732539343734, 4.374664141464968,
            2.938163982698783,
        ]
        let d = [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1]
        func tail(_ p: Double) -> Double {
            let q = (-2 * log(p)).squareRoot()
            return polynomial(q, c) / polynomial(q, d)
        }
        if p < 0.02425 { return tail(p) }
        if p > 1 - 0.02425 { return -tail(1 - p) }
        let a = [
            -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
            -3.066479806614716e+01, 2.506628277459239,
        ]
        let b = [
            -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
            -1.328068155288572e+01, 1,
        ]
        let (q, r) = (p - 0.5, (p - 0.5) * (p - 0.5))
        return q * polynomial(r, a) / polynomial(r, b)
    }
}
