/// Whether features have collapsed, and what says so.
///
/// Probes do not show collapse, since they rescale what is left, and neither measure shows all of it alone: features can
/// shrink to almost nothing and keep their rank (rounding noise has full rank once the mean is gone), or keep their
/// scale along one direction. So scale and rank are judged together, and each is evidence by itself: the spread over
/// images (mean per-dimension std) and the share of the dimensions in use (RankMe over D).
package struct CollapseVerdict: Sendable, Hashable, CustomStringConvertible {
    package enum Evidence: Sendable, Hashable {
        /// RankMe / D lies below the threshold.
        case lowRank(share: Double, threshold: Double)
        /// The mean per-dimension std lies below the threshold.
        case lowStandardDeviation(Double, threshold: Double)
        /// The features hold NaN or infinity, or are fewer than two.
        case nonFinite
    }

    /// Everything that speaks for collapse; none: healthy.
    package let evidence: [Evidence]

    package var isCollapsed: Bool { !evidence.isEmpty }
    package var isNonFinite: Bool { evidence.contains(.nonFinite) }

    /// - Parameters:
    ///   - rankMe: Of features that are not centred.
    ///   - columns: Width D of the features.
    ///   - meanStandardDeviation: `std_mean`.
    ///   - rankShare: RankMe / D below this is evidence (`diagnostics.collapse_rank_share`).
    ///   - standardDeviation: A mean std below this is evidence (`diagnostics.collapse_standard_deviation`).
    package init(
        rankMe: Double, columns: Int, meanStandardDeviation: Double, rankShare: Double, standardDeviation: Double
    ) {
        precondition(columns > 0, "features of width \(columns) cannot be judged")
        guard rankMe.isFinite, meanStandardDeviation.isFinite else {
            evidence = [.nonFinite]
            return
        }
        var evidence: [Evidence] = []
        let share = rankMe / Double(columns)
        if share < rankShare { evidence.append(.lowRank(share: share, threshold: rankShare)) }
        if meanStandardDeviation < standardDeviation {
            evidence.append(.lowStandardDeviation(meanStandardDeviation, threshold: standardDeviation))
        }
        self.evidence = evidence
    }

    /// The verdict on diagnostics of either scope.
    package init(_ diagnostics: FeatureDiagnostics, rankShare: Double, standardDeviation: Double) {
        self.init(
            rankMe: diagnostics["rankme"] ?? .nan, columns: diagnostics.columns,
            meanStandardDeviation: diagnostics["std_mean"] ?? .nan, rankShare: rankShare,
            standardDeviation: standardDeviation)
    }

    /// "healthy", "non-finite", or "collapsed" with the evidence.
    package var description: String {
        if isNonFinite { return "non-finite" }
        if evidence.isEmpty { return "healthy" }
        let reasons = evidence.map { evidence in
            switch evidence {
            case .lowRank(let share, let threshold): "RankMe/D \(Self.short(share)) < \(Self.short(threshold))"
            case .lowStandardDeviation(let value, let threshold):
                "mean std \(Self.short(value)) < \(Self.short(threshold))"
            case .nonFinite: "non-finite"
            }
        }
        return "collapsed (" + reasons.joined(separator: ", ") + ")"
    }

    /// Two significant digits or more, without trailing noise.
    private static func short(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return "\(value)" }
        var factor = 1.0
        while abs(value) * factor < 10, factor < 1e15 { factor *= 10 }
        return "\((value * factor).rounded() / factor)"
    }
}
