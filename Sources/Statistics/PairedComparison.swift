import Synchronization

/// What paired differences from a baseline say: size, intervals, tests, and what so few pairs could have shown.
///
/// Every part that too few pairs or a missing spread leaves undefined is absent; `remark` says which and why.
package struct PairedComparison: Hashable, Sendable, Encodable {
    package let pairs: Int
    package let mean: Double
    package let standardDeviation: Double?
    /// 95 %, Student.
    package let studentInterval: Interval?
    /// 95 %, bias-corrected and accelerated bootstrap over pairs.
    package let bootstrapInterval: Interval?
    /// Two-sided p-value of the paired t test.
    package let studentP: Double?
    /// Two-sided p-value of the exact sign-flip test.
    package let signFlipP: Double?
    /// Cohen's d_z, and Hedges' g: d_z without the bias of small samples.
    package let cohenD: Double?
    package let hedgesG: Double?
    /// The smallest difference that a two-sided paired t test at α 0.05 finds with power 0.8 at this number of pairs and
    /// this spread.
    package let smallestDetectable: Double?
    /// Why something is missing or cannot be read as usual; none where nothing is.
    package let remark: String?

    /// - Parameters:
    ///   - differences: One for each pair, finite; at least one.
    ///   - seed: Of the bootstrap.
    package init?(_ differences: [Double], seed: UInt64 = 0) {
        guard let moments = Moments(differences) else { return nil }
        pairs = moments.count
        mean = moments.mean
        standardDeviation = moments.standardDeviation
        studentInterval = moments.studentInterval()
        bootstrapInterval = BootstrapInterval.ofMean(differences, seed: seed)
        studentP = PairedTest.student(differences)
        signFlipP = PairedTest.signFlip(differences, seed: seed)
        cohenD = pairs >= PairedTest.fewestPairs ? EffectSize.cohen(differences) : nil
        hedgesG = EffectSize.hedges(differences)
        let unit = pairs >= PairedTest.fewestPairs ? DetectableEffects.effect(pairs: pairs) : nil
        smallestDetectable = unit.flatMap { unit in moments.standardDeviation.map { unit * $0 } }
        remark = Self.remark(pairs: pairs, deviation: moments.standardDeviation)
    }

    private static func remark(pairs: Int, deviation: Double?) -> String? {
        if pairs < PairedTest.fewestPairs {
            return "\(pairs) \(pairs == 1 ? "pair is" : "pairs are") too few for a test, which needs "
                + "\(PairedTest.fewestPairs) seeds that both arms have"
        }
        if deviation == 0 {
            return "The differences of all \(pairs) pairs are equal, so there is no spread to test against"
        }
        let least = PairedTest.leastSignFlip(pairs: pairs)
        guard least > 0.05 else { return nil }
        return "With \(pairs) pairs the sign-flip test cannot go below \(least); reaching 0.05 takes 6 seeds"
    }
}

/// Standardised detectable differences by number of pairs, worked out once each.
private enum DetectableEffects {
    private static let known = Mutex<[Int: Double]>([:])

    static func effect(pairs: Int) -> Double? {
        known.withLock { known in
            if let value = known[pairs] { return value }
            let value = EffectSize.smallestDetectable(pairs: pairs)
            known[pairs] = value
            return value
        }
    }
}
