/// The share of test images whose class a task finds from features.
package struct FeatureAccuracy: Sendable, Hashable {
    /// "linear".
    package let name: String
    /// 0...1.
    package let value: Double

    package init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

/// Trained features against those of the same network before training, in rank and in accuracy.
package struct InitialisationFall: Sendable {
    /// Ranks over those at initialisation.
    package let rankMe: Double
    package let effectiveRank: Double
    private let changes: [Change]

    private struct Change {
        let name: String
        let before: Double
        let after: Double
        /// Of the difference, had both been measured on images of their own: more than it is on the same images.
        let standardError: Double

        /// "target: linear 0.412 < 0.438 at initialisation".
        func evidence(_ encoder: String) -> Evidence {
            func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
            return Evidence(text: "\(encoder): \(name) \(short(after)) < \(short(before)) at initialisation")
        }
    }

    /// - Parameters:
    ///   - ranks: RankMe and effective rank, before and after; 0 or NaN where they are not known.
    ///   - accuracies: Those of names that both have are compared.
    ///   - images: Test images behind an accuracy.
    package init(
        rankMe: (before: Double, after: Double), effectiveRank: (before: Double, after: Double),
        before: [FeatureAccuracy], after: [FeatureAccuracy], images: Int
    ) {
        self.rankMe = rankMe.after / rankMe.before
        self.effectiveRank = effectiveRank.after / effectiveRank.before
        let known = Dictionary(before.map { ($0.name, $0.value) }) { first, _ in first }
        changes = after.compactMap { accuracy in
            guard let initial = known[accuracy.name], initial.isFinite, accuracy.value.isFinite, images > 0 else {
                return nil
            }
            let variance = initial * (1 - initial) + accuracy.value * (1 - accuracy.value)
            return Change(
                name: accuracy.name, before: initial, after: accuracy.value,
                standardError: (max(0, variance) / Double(images)).squareRoot())
        }
    }

    /// Either rank below half of that at initialisation, and an accuracy below that at initialisation.
    ///
    /// A rank may fall for a good reason, and an accuracy by chance; both together are directions that were of use.
    package func lostDirections(_ name: String, _ thresholds: VerdictThresholds) -> [Evidence] {
        let lower = changes.filter { $0.after < $0.before }
        guard !lower.isEmpty else { return [] }
        let ranks = [("rankme", rankMe), ("effective_rank", effectiveRank)].filter { $0.1 < thresholds.rankFall }
        guard !ranks.isEmpty else { return [] }
        return ranks.map { .below("\(name): \($0.0)/at initialisation", $0.1, thresholds.rankFall) }
            + lower.map { $0.evidence(name) }
    }

    /// Every accuracy below that at initialisation, and one of them by more than test images explain.
    package func lostAccuracy(_ name: String, _ thresholds: VerdictThresholds) -> [Evidence] {
        guard changes.allSatisfy({ $0.after < $0.before }),
            changes.contains(where: { $0.before - $0.after > thresholds.accuracyErrors * $0.standardError })
        else { return [] }
        return changes.map { $0.evidence(name) }
    }
}
