import Foundation

/// Student's t distribution with ν degrees of freedom: intervals and tests over few seeds.
package enum StudentDistribution {
    /// P(|T| ≥ |t|), the two-sided tail, to full relative precision also where it is tiny.
    package static func twoSidedTail(_ t: Double, degreesOfFreedom: Double) -> Double {
        precondition(degreesOfFreedom > 0, "\(degreesOfFreedom) degrees of freedom")
        if t.isInfinite { return 0 }
        let square = t * t
        let sum = degreesOfFreedom + square
        return SpecialFunctions.incompleteBeta(
            degreesOfFreedom / sum, complement: square / sum, a: degreesOfFreedom / 2, b: 0.5)
    }

    /// P(T ≤ t).
    package static func cumulative(_ t: Double, degreesOfFreedom: Double) -> Double {
        let tail = twoSidedTail(t, degreesOfFreedom: degreesOfFreedom) / 2
        return t > 0 ? 1 - tail : tail
    }

    /// The t below which a share `probability` of the distribution lies.
    ///
    /// - Precondition: 0 < probability < 1.
    package static func quantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
        precondition(probability > 0 && probability < 1, "there is no quantile of \(probability)")
        if probability == 0.5 { return 0 }
        // By the tail that is asked for, so that no digits are lost; the distribution is symmetric.
        let tail = 2 * min(probability, 1 - probability)
        var (low, high) = (0.0, 1.0)
        while twoSidedTail(high, degreesOfFreedom: degreesOfFreedom) > tail { (low, high) = (high, 2 * high) }
        // Each pass halves the bracket: it ends where no double lies between.
        while true {
            let middle = low + (high - low) / 2
            if middle <= low || middle >= high { break }
            if twoSidedTail(middle, degreesOfFreedom: degreesOfFreedom) > tail { low = middle } else { high = middle }
        }
        return probability < 0.5 ? -high : high
    }

    /// P(T′ ≤ t) of the noncentral t distribution with noncentrality δ.
    ///
    /// Lenth's series (Algorithm AS 243, Applied Statistics 38, 1989), summed from its largest terms outward by plain
    /// order of j until the Poisson weights that are left are below 1e-17.
    ///
    /// - Precondition: |δ| ≤ 37, beyond which exp(−δ²/2) is no normal number.
    package static func noncentralCumulative(_ t: Double, degreesOfFreedom: Double, noncentrality: Double) -> Double {
        precondition(
            degreesOfFreedom > 0 && abs(noncentrality) <= 37,
            "noncentral t with ν \(degreesOfFreedom), δ \(noncentrality)")
        if t < 0 {
            return 1 - noncentralCumulative(-t, degreesOfFreedom: degreesOfFreedom, noncentrality: -noncentrality)
        }
        let base = SpecialFunctions.normalCumulative(-noncentrality)
        let square = t * t
        let (x, y) = (square / (square + degreesOfFreedom), degreesOfFreedom / (square + degreesOfFreedom))
        guard x > 0 else { return base }
        let half = noncentrality * noncentrality / 2
        var even = 0.5 * exp(-half)
        var odd = noncentrality * 0.5 * exp(-half) / (2.0.squareRoot() * exp(lgamma(1.5)))
        // What the even terms' weights, which add up to ½, still lack.
        var left = 0.5
        var sum = 0.0
        var j = 0.0
        while true {
            let b = degreesOfFreedom / 2
            sum += even * SpecialFunctions.incompleteBeta(x, complement: y, a: j + 0.5, b: b)
            if odd != 0 { sum += odd * SpecialFunctions.incompleteBeta(x, complement: y, a: j + 1, b: b) }
            left -= even
            j += 1
            if j > half, left < 1e-17 || even < 1e-18 { break }
            even *= half / j
            odd *= half / (j + 0.5)
        }
        return min(1, max(0, base + sum))
    }
}
