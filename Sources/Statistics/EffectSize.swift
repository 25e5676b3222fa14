import Foundation

/// How large a paired difference is against its spread, and how small one could have been found.
package enum EffectSize {
    /// Cohen's d of paired differences, mean / sd of the differences (d_z of Lakens, Frontiers in Psychology 4, 2013).
    ///
    /// - Returns: None without spread.
    package static func cohen(_ differences: [Double]) -> Double? {
        guard let moments = Moments(differences), let deviation = moments.standardDeviation, deviation > 0 else {
            return nil
        }
        return moments.mean / deviation
    }

    /// Hedges' g: d_z with the bias of a small sample taken out by the exact factor
    /// J(ν) = Γ(ν/2) / (√(ν/2) Γ((ν − 1)/2)), ν = n − 1 (Hedges, Journal of Educational Statistics 6, 1981).
    ///
    /// - Returns: None with fewer than three pairs, where J is zero, and without spread.
    package static func hedges(_ differences: [Double]) -> Double? {
        guard differences.count >= 3, let d = cohen(differences) else { return nil }
        let freedom = Double(differences.count - 1)
        return d * exp(lgamma(freedom / 2) - lgamma((freedom - 1) / 2)) / (freedom / 2).squareRoot()
    }

    /// Power of the two-sided paired t test at level `alpha`: the chance of p < α where the differences are normal with
    /// a mean of `effect` standard deviations.
    package static func power(ofEffect effect: Double, pairs: Int, alpha: Double = 0.05) -> Double {
        precondition(pairs >= 2, "power with \(pairs) pairs")
        let freedom = Double(pairs - 1)
        let critical = StudentDistribution.quantile(1 - alpha / 2, degreesOfFreedom: freedom)
        // Beyond the distribution's domain the power is 1 to all digits but for one degree of freedom.
        return power(noncentrality: min(37, abs(effect) * Double(pairs).squareRoot()), critical, freedom)
    }

    /// The least standardised difference |mean| / sd that the two-sided paired t test finds with the given power.
    ///
    /// By the noncentral t distribution, solved for the noncentrality δ; the difference is δ / √n. Times the sd of the
    /// differences it is the smallest difference that this number of seeds could have found.
    ///
    /// - Returns: None with fewer than two pairs.
    package static func smallestDetectable(pairs: Int, power wanted: Double = 0.8, alpha: Double = 0.05) -> Double? {
        guard pairs >= 2 else { return nil }
        let freedom = Double(pairs - 1)
        let critical = StudentDistribution.quantile(1 - alpha / 2, degreesOfFreedom: freedom)
        var (low, high) = (0.0, 37.0)
        // For one degree of freedom, the widest case, a power of 0.8 needs δ = 16.4.
        guard power(noncentrality: high, critical, freedom) > wanted else { return nil }
        for _ in 0..<48 {
            let middle = (low + high) / 2
            if power(noncentrality: middle, critical, freedom) < wanted { low = middle } else { high = middle }
        }
        return (low + high) / 2 / Double(pairs).squareRoot()
    }

    /// The fewest pairs with which the two-sided paired t test finds a difference of `effect` standard deviations with the
    /// given power: at least `PairedTest.fewestPairs`.
    ///
    /// - Returns: None where more than `mostPairs` would be needed, or the effect is zero.
    package static func pairsNeeded(toFind effect: Double, power wanted: Double = 0.8, alpha: Double = 0.05) -> Int? {
        let effect = abs(effect)
        guard effect > 0, power(ofEffect: effect, pairs: mostPairs, alpha: alpha) >= wanted else { return nil }
        // Power grows with the number of pairs.
        var (few, many) = (PairedTest.fewestPairs - 1, mostPairs)
        while many - few > 1 {
            let middle = (few + many) / 2
            if power(ofEffect: effect, pairs: middle, alpha: alpha) >= wanted { many = middle } else { few = middle }
        }
        return many
    }

    /// Nobody trains more seeds of an arm.
    package static let mostPairs = 1000

    private static func power(noncentrality: Double, _ critical: Double, _ freedom: Double) -> Double {
        1
            - StudentDistribution.noncentralCumulative(
                critical, degreesOfFreedom: freedom, noncentrality: noncentrality)
            + StudentDistribution.noncentralCumulative(
                -critical, degreesOfFreedom: freedom, noncentrality: noncentrality)
    }
}
