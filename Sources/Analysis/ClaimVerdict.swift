package import ExperimentSpec
import RunStore
package import Statistics

/// What the results say about one claim of the spec.
package struct ClaimVerdict: Hashable, Encodable, Sendable {
    package enum Outcome: String, Hashable, Encodable, Sendable {
        case supported
        case contradicted
        /// The data leave both open, or there are too few.
        case cannotTell = "cannot_tell"

        package var words: String { self == .cannotTell ? "cannot tell" : rawValue }
    }

    package let expectation: Claim
    /// The claim in words.
    package let claim: String
    /// Whose features it was judged on; none where the claim is not about features.
    package let encoder: String?
    package let outcome: Outcome
    /// Seeds, or pairs of seeds, behind it.
    package let n: Int
    /// In the unit of the stored numbers; none for claims about collapse.
    package let mean: Double?
    /// 95 %, Student, over seeds.
    package let interval: Interval?
    /// Runs of the arm whose features collapsed; for claims about collapse.
    package let collapsed: Int?
    /// Why, with the numbers in the units of the table.
    package let reason: String
    /// Of an open claim about a metric: seeds that with 80 % probability would decide it, besides those there are, where
    /// mean and spread stay as they are; none where that is more than `EffectSize.mostPairs`, or is not known.
    package let moreSeeds: Int?

    /// The reason, and what would decide an open claim.
    package var explanation: String {
        guard outcome == .cannotTell, n >= Self.fewestSeeds, let interval, interval.high > interval.low else {
            return reason
        }
        return reason
            + (moreSeeds.map { "; \(counted($0, "more seed")) would decide this" }
                ?? "; the mean is too near for any number of seeds to decide this")
    }

    /// Seeds that a verdict needs.
    package static let fewestSeeds = PairedTest.fewestPairs

    /// Judges a claim by finished runs.
    ///
    /// A claim about a metric is supported where the whole 95 % interval over seeds lies within its bounds, contradicted
    /// where the whole interval lies outside, and open otherwise. A claim about collapse is supported where every run
    /// is as claimed, contradicted where none is. Either takes three seeds.
    ///
    /// - Parameters:
    ///   - metric: What the claim's metric name stands for; none: no run holds it.
    ///   - table: The encoder that the table is about, which a claim means that names none.
    init(_ expectation: Claim, runs: [RunOutcome], metric: MetricSelector?, encoder table: String = "target") {
        self.expectation = expectation
        let judged = expectation.encoder?.rawValue ?? table
        encoder = if let metric { metric.encoder } else { judged }
        // A metric with a prefix names its encoder itself, and who reads about the target expects nothing else.
        let isNamed = expectation.metric?.prefix { $0 != "@" }.contains(".") == true
        let isPlain = isNamed || encoder == nil || (judged == table && table == "target")
        claim = expectation.text(naming: isPlain ? nil : EvaluationConfiguration.Encoder(rawValue: judged))
        let done = runs.filter(\.isFinished)
        if let collapses = expectation.collapses {
            let mark = CollapseMark(
                done.filter { $0.arm == expectation.arm }, encoder: judged,
                healthy: HealthyArms(done, encoder: judged))
            let (marked, count) = (mark?.markedCount ?? 0, mark?.evidence.count ?? 0)
            (n, mean, interval, collapsed) = (count, nil, nil, marked)
            (outcome, reason) = Self.verdict(onCollapse: collapses, marked: marked, of: count)
            moreSeeds = nil
            return
        }
        collapsed = nil
        let values = metric.map { Self.values(expectation, done, $0) } ?? []
        let moments = Moments(values)
        n = values.count
        mean = moments?.mean
        interval = moments?.studentInterval()
        guard n >= Self.fewestSeeds, let mean, let interval else {
            (outcome, reason) = (
                .cannotTell,
                n > 0
                    ? "\(counted(n, "seed")), but \(Self.fewestSeeds) are needed"
                    : metric == nil && !done.isEmpty
                        ? "no finished run has \(expectation.metric ?? "")" + (isPlain ? "" : " for this encoder")
                        : "no finished runs to judge it by"
            )
            moreSeeds = nil
            return
        }
        let kind = NumberFormat.Kind(
            isAccuracy: metric?.isAccuracy == true, isDifference: expectation.isAboutDifference)
        let digits = NumberFormat.Digits(of: mean, interval, kind)
        let numbers =
            "\(digits.text(mean, isSigned: kind.isDifference))\(kind.suffix), 95 % \(digits.text(interval)), "
            + counted(n, "seed")
        let judgement = Self.verdict(on: expectation, interval)
        (outcome, reason) = (judgement.outcome, "\(numbers): \(judgement.words)".withMinusSigns)
        moreSeeds =
            judgement.outcome == .cannotTell
            ? Self.seedsToDecide(expectation, mean: mean, deviation: moments?.standardDeviation, seeds: n) : nil
    }

    /// Seeds besides those that there are, until the interval excludes the bounds that it contains.
    private static func seedsToDecide(_ claim: Claim, mean: Double, deviation: Double?, seeds: Int) -> Int? {
        guard let deviation, deviation > 0 else { return nil }
        let distances = [claim.atLeast, claim.atMost].compactMap { $0 }.map { abs(mean - $0 * claim.scale) }
        return distances.min().flatMap { EffectSize.pairsNeeded(toFind: $0 / deviation) }.map { max(1, $0 - seeds) }
    }

    private static func verdict(onCollapse claimed: Bool, marked: Int, of count: Int) -> (Outcome, String) {
        let asClaimed = claimed ? marked : count - marked
        let counts = "\(marked) of \(counted(count, "run")) collapsed"
        if count < fewestSeeds { return (.cannotTell, "\(counts), but \(fewestSeeds) seeds are needed") }
        if asClaimed == count { return (.supported, counts) }
        return asClaimed == 0 ? (.contradicted, counts) : (.cannotTell, "\(counts): seeds disagree")
    }

    /// The interval against the bounds, and where it lies in words.
    private static func verdict(on claim: Claim, _ interval: Interval) -> (outcome: Outcome, words: String) {
        let low = claim.atLeast.map { (value: $0 * claim.scale, text: claim.boundText($0)) }
        let high = claim.atMost.map { (value: $0 * claim.scale, text: claim.boundText($0)) }
        if let low, interval.high < low.value { return (.contradicted, "the whole interval lies below \(low.text)") }
        if let high, interval.low > high.value { return (.contradicted, "the whole interval lies above \(high.text)") }
        let inside = [low, high].compactMap { $0 }.filter { $0.value > interval.low && $0.value < interval.high }
        if !inside.isEmpty {
            return (.cannotTell, "the interval contains \(inside.map(\.text).joined(separator: " and "))")
        }
        guard interval.low.isFinite, interval.high.isFinite else { return (.cannotTell, "the interval is not finite") }
        let range =
            if let low, let high {
                "between \(low.text) and \(high.text)"
            } else {
                low.map { "at or above \($0.text)" } ?? high.map { "at or below \($0.text)" } ?? ""
            }
        return (.supported, "the whole interval lies \(range)")
    }

    private static func values(
        _ expectation: Claim, _ runs: [RunOutcome], _ metric: MetricSelector
    ) -> [Double] {
        func values(of arm: String) -> [SeedValue] {
            runs.filter { $0.arm == arm }.sorted { $0.seed < $1.seed }.compactMap { $0.finiteValue(of: metric) }
        }
        let own = values(of: expectation.arm)
        return expectation.minus.map { SeedValue.differences(own, from: values(of: $0)) } ?? own.map(\.value)
    }
}
