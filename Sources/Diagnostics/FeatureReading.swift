/// What a verdict looks at in one matrix of features: its scale and its directions.
package struct FeatureReading: Sendable, Hashable {
    package let rows: Int
    /// D.
    package let columns: Int
    /// Not centred, and centred.
    package let rankMe: Double
    package let effectiveRank: Double
    package let liveDirections: Double
    package let standardDeviation: Double
    package let normalizedStandardDeviation: Double

    /// - Parameter measure: The measures by their names, and `rows` and `width`.
    /// - Returns: None where one is missing, or the counts are none.
    package init?(_ measure: (String) -> Double?) {
        guard let rows = measure("rows"), let width = measure("width"), Self.counts.contains(rows),
            Self.counts.contains(width),
            let rankMe = measure("rankme"), let effectiveRank = measure("effective_rank"),
            let live = measure("live_directions"), let deviation = measure("std_mean"),
            let normalized = measure("normalised_std_mean")
        else { return nil }
        self.rows = Int(rows)
        columns = Int(width)
        self.rankMe = rankMe
        self.effectiveRank = effectiveRank
        liveDirections = live
        standardDeviation = deviation
        normalizedStandardDeviation = normalized
    }

    /// Numbers of rows and columns that a stored number can mean.
    private static let counts = 0.0...0x1p53

    /// - Parameter diagnostics: Of the scope `all`.
    package init(_ diagnostics: FeatureDiagnostics) {
        let measure = { (name: String) in diagnostics[name] ?? .nan }
        rows = diagnostics.rows
        columns = diagnostics.columns
        rankMe = measure("rankme")
        effectiveRank = measure("effective_rank")
        liveDirections = measure("live_directions")
        standardDeviation = measure("std_mean")
        normalizedStandardDeviation = measure("normalised_std_mean")
    }

    /// `normalised_std_mean` · √D: 1 where rows point anywhere, 0 where all point one way, whatever their length.
    package var spread: Double { normalizedStandardDeviation * Double(columns).squareRoot() }

    package var isFinite: Bool {
        [rankMe, effectiveRank, liveDirections, standardDeviation, normalizedStandardDeviation].allSatisfy(\.isFinite)
    }

    // MARK: Judgement

    /// NaN or infinity among the features, or fewer than two rows.
    func nonFinite(_ name: String) -> [Evidence] {
        isFinite ? [] : [Evidence(text: "\(name): not finite, or fewer than two rows")]
    }

    /// Directions that the features can have at all.
    private var attainable: Int { max(1, min(rows - 1, columns)) }

    /// Scale or all directions gone. Ranks of centred features say nothing here: rounding noise has full rank.
    ///
    /// - Parameter hasKnownScale: Whether the features come from a LayerNorm, so that their scale means something by
    ///   itself; if not, only what is left when rows are made equally long counts.
    func completeCollapse(_ name: String, _ thresholds: VerdictThresholds, hasKnownScale: Bool) -> [Evidence] {
        var evidence: [Evidence] = []
        if hasKnownScale, standardDeviation < thresholds.standardDeviation {
            evidence.append(.below("\(name): std_mean", standardDeviation, thresholds.standardDeviation))
        }
        if spread < thresholds.standardDeviation {
            evidence.append(.below("\(name): normalised_std_mean·√D", spread, thresholds.standardDeviation))
        }
        let directions = thresholds.directions(width: attainable)
        if rankMe < directions { evidence.append(.below("\(name): rankme", rankMe, directions)) }
        return evidence
    }

    /// Few directions in use, or far fewer than there were.
    ///
    /// - Parameter peak: The highest ranks before: not centred, centred.
    func dimensionalCollapse(
        _ name: String, _ thresholds: VerdictThresholds, peak: (rankMe: Double, effectiveRank: Double)? = nil
    ) -> [Evidence] {
        var evidence: [Evidence] = []
        // A single dimension has a single direction.
        guard columns > 1 else { return [] }
        let (share, centredShare) = (rankMe / Double(attainable), effectiveRank / Double(attainable))
        if share < thresholds.rankShare { evidence.append(.below("\(name): rankme/D", share, thresholds.rankShare)) }
        if centredShare < thresholds.rankShare {
            evidence.append(.below("\(name): effective_rank/D", centredShare, thresholds.rankShare))
        }
        if liveDirections < thresholds.liveDirections {
            evidence.append(.below("\(name): live_directions", liveDirections, thresholds.liveDirections))
        }
        if let peak {
            let falls = (rankMe / peak.rankMe, effectiveRank / peak.effectiveRank)
            if falls.0 < thresholds.rankFall, falls.1 < thresholds.rankFall {
                evidence.append(.below("\(name): rankme/its highest", falls.0, thresholds.rankFall))
                evidence.append(.below("\(name): effective_rank/its highest", falls.1, thresholds.rankFall))
            }
        }
        return evidence
    }

    /// Nothing left of what differs within an image, or few directions of it; of residuals from the image's mean.
    ///
    /// - Parameter patches: Of the same patches before the mean was taken away.
    func patchCollapse(_ name: String, _ thresholds: VerdictThresholds, patches: FeatureReading) -> [Evidence] {
        var evidence: [Evidence] = []
        let share = standardDeviation / patches.standardDeviation
        if share < thresholds.standardDeviation || standardDeviation == 0 {
            evidence.append(
                .below(
                    "\(name): std_mean within images/of patches", standardDeviation == 0 ? 0 : share,
                    thresholds.standardDeviation))
        }
        let directions = thresholds.directions(width: attainable)
        if rankMe < directions {
            evidence.append(.below("\(name): rankme within images", rankMe, directions))
        } else if columns > 1, rankMe / Double(attainable) < thresholds.rankShare {
            evidence.append(
                .below("\(name): rankme/D within images", rankMe / Double(attainable), thresholds.rankShare))
        }
        return evidence
    }
}
