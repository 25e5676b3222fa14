import Diagnostics

/// How many runs of an arm collapsed, and what says so.
package struct CollapseMark: Hashable, Encodable, Sendable {
    /// One run's evidence, at its last evaluation.
    package struct Evidence: Hashable, Encodable, Sendable {
        package let seed: Int
        /// RankMe of the pooled test features, at most `width`; none where it is not finite.
        package let rankme: Double?
        package let width: Int
        /// Mean over the features of their standard deviation over images; none where it is not finite.
        package let stdMean: Double?
        /// RankMe / width lies below `rankShareThreshold`: the features span few directions.
        package let lowRank: Bool
        /// `stdMean` lies below `stdThreshold`: the features hardly differ between images.
        package let lowScale: Bool
        /// The features hold NaN or infinity.
        package let nonFinite: Bool
        package let rankShareThreshold: Double
        package let stdThreshold: Double
        /// A rank below half of the run's own at initialisation, with an accuracy below that at initialisation.
        package let belowInitialisation: Bool
        /// RankMe below half of that of healthy arms of the same seed, with an accuracy clearly below theirs.
        package let behindHealthyArms: Bool
        /// What says so, in words.
        let lost: [String]
        let isBehind: [String]

        /// By the run alone, without regard to other arms.
        var isMarkedAlone: Bool { lowRank || lowScale || nonFinite || belowInitialisation }
        package var isMarked: Bool { isMarkedAlone || behindHealthyArms }

        static let rankLost = "rank lost"
        static let behind = "behind"

        /// Words of the label for what it has lost.
        var fallWords: [String] {
            (belowInitialisation ? [Self.rankLost] : []) + (behindHealthyArms ? [Self.behind] : [])
        }

        private enum CodingKeys: CodingKey {
            case seed, rankme, width, stdMean, lowRank, lowScale, nonFinite, rankShareThreshold, stdThreshold
            case belowInitialisation, behindHealthyArms
        }
    }

    /// "no", "collapsed 2/2", "low rank 1/2", "small scale 1/2", "rank lost 2/2", "behind 1/2", "non-finite 1/1": the gravest
    /// finding, and how many of the runs that could be judged have any.
    package let label: String
    package let markedCount: Int
    /// Runs that could be judged, in the order of their seeds.
    package let evidence: [Evidence]

    /// - Parameter healthy: What other arms are judged by; none: they are not.
    /// - Returns: None where no run holds both numbers.
    init?(_ runs: [RunOutcome], encoder: String, healthy: HealthyArms? = nil) {
        evidence = runs.compactMap { Evidence($0, encoder: encoder, healthy: healthy) }.sorted { $0.seed < $1.seed }
        guard !evidence.isEmpty else { return nil }
        markedCount = evidence.count(where: \.isMarked)
        let word: String? =
            if evidence.contains(where: \.nonFinite) {
                "non-finite"
            } else if evidence.contains(where: { $0.lowRank && $0.lowScale }) {
                "collapsed"
            } else if evidence.contains(where: \.lowRank) {
                "low rank"
            } else if evidence.contains(where: \.lowScale) {
                "small scale"
            } else if evidence.contains(where: \.belowInitialisation) {
                Evidence.rankLost
            } else if evidence.contains(where: \.behindHealthyArms) {
                Evidence.behind
            } else {
                nil
            }
        label = word.map { [markedCount, evidence] in "\($0) \(markedCount)/\(evidence.count)" } ?? "no"
    }

    /// "seed 0: RankMe 1.4 of 96 (mark below 4.8), feature std 0.015 (mark below 0.02)", marked runs only.
    var explanation: String {
        evidence.filter(\.isMarked).map { run in
            let rankLimit = plain(run.rankShareThreshold * Double(run.width))
            return "seed \(run.seed): RankMe \(run.rankme.map(plain) ?? "not finite") of \(run.width) "
                + "(threshold \(rankLimit)), feature std \(run.stdMean.map(plain) ?? "not finite") "
                + "(threshold \(plain(run.stdThreshold)))" + (run.lost + run.isBehind).map { ", \($0)" }.joined()
        }.joined(separator: "; ")
    }

    private func plain(_ value: Double) -> String { NumberFormat.significant(value, digits: 2) }
}

extension CollapseMark.Evidence {
    /// - Returns: None where the run holds no rank or no scale.
    init?(_ run: RunOutcome, encoder: String, healthy: HealthyArms?) {
        func last(_ column: String) -> Double? {
            run.value(
                of: MetricSelector(name: column, table: "evaluation/\(encoder)", column: column, reduction: .last))
        }
        guard run.width > 0, let rankme = last("rankme"), let stdMean = last("std_mean") else { return nil }
        let verdict = CollapseVerdict(
            rankMe: rankme, columns: run.width, meanStandardDeviation: stdMean, rankShare: run.collapseRankShare,
            standardDeviation: run.collapseStandardDeviation)
        var (lowRank, lowScale) = (false, false)
        for evidence in verdict.evidence {
            switch evidence {
            case .lowRank: lowRank = true
            case .lowStandardDeviation: lowScale = true
            case .nonFinite: break
            }
        }
        let lost = run.fallFromInitialisation(encoder: encoder)?.lostDirections(encoder, VerdictThresholds()) ?? []
        let behind = verdict.isNonFinite ? [] : healthy?.evidence(against: run, encoder: encoder) ?? []
        self.init(
            seed: run.seed, rankme: rankme.isFinite ? rankme : nil, width: run.width,
            stdMean: stdMean.isFinite ? stdMean : nil, lowRank: lowRank, lowScale: lowScale,
            nonFinite: verdict.isNonFinite, rankShareThreshold: run.collapseRankShare,
            stdThreshold: run.collapseStandardDeviation, belowInitialisation: !lost.isEmpty,
            behindHealthyArms: !behind.isEmpty, lost: lost.map(\.text), isBehind: behind)
    }
}
