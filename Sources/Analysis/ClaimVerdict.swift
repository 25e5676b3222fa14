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
    package let outcome: Outcome
    /// Seeds, or pairs of seeds, behind it.
    package let n: Int
    /// In the unit of the stored numbers; none for claims about collapse.
    package let mean: Double?
    /// 95 %, Student, over seeds.
    package let interval: Interval?
    /// Runs of the arm whose features collapsed; for claims about collapse.
    package let collapsed: Int?
    /// Why, with the numbers.
    package let reason: String

    /// Seeds that a verdict needs.
    package static let fewestSeeds = PairedTest.fewestPairs

    /// Judges a claim by finished runs.
    ///
    /// A claim about a metric is supported where the whole 95 % interval over seeds lies within its bounds, contradicted
    /// where the whole interval lies outside, and open otherwise. A claim about collapse is supported where every run
    /// is as claimed, contradicted where none is. Either takes three seeds.
    ///
    /// - Parameter metric: What the claim's metric name stands for; none: no run holds it.
    init(_ expectation: Claim, runs: [RunOutcome], metric: MetricSelector?) {
        self.expectation = expectation
        claim = expectation.text
        let done = runs.filter(\.isFinished)
        if let collapses = expectation.collapses {
            let own = done.filter { $0.arm == expectation.arm }
            let mark = CollapseMark(own, encoder: expectation.encoder.rawValue)
            let (marked, judged) = (mark?.markedCount ?? 0, mark?.evidence.count ?? 0)
            (n, mean, interval, collapsed) = (judged, nil, nil, marked)
            let asClaimed = collapses ? marked : judged - marked
            let counts = "\(marked) of \(counted(judged, "run")) collapsed"
            if judged < Self.fewestSeeds {
                (outcome, reason) = (.cannotTell, "\(counts); \(Self.fewestSeeds) seeds are needed")
            } else if asClaimed == judged {
                (outcome, reason) = (.supported, counts)
            } else if asClaimed == 0 {
                (outcome, reason) = (.contradicted, counts)
            } else {
                (outcome, reason) = (.cannotTell, "\(counts): seeds disagree")
            }
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
                n == 0 ? "no finished runs to judge by" : "\(counted(n, "seed")), and \(Self.fewestSeeds) are needed"
            )
            return
        }
        let low = expectation.atLeast.map { $0 * expectation.scale } ?? -.infinity
        let high = expectation.atMost.map { $0 * expectation.scale } ?? .infinity
        let isPercent = metric?.isAccuracy == true
        let format = { (value: Double) in NumberFormat.estimate(value, isPercent: isPercent) }
        reason =
            "\(format(mean)), 95 % [\(format(interval.low)), \(format(interval.high))]\(isPercent ? " points" : ""), "
            + counted(n, "seed")
        if interval.low >= low, interval.high <= high {
            outcome = .supported
        } else if interval.high < low || interval.low > high {
            outcome = .contradicted
        } else {
            outcome = .cannotTell
        }
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
