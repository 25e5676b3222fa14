/// Where a measure begins to speak for a finding; docs/diagnostics.md gives the reasons.
package struct VerdictThresholds: Sendable, Hashable {
    /// Rank over width (`diagnostics.collapse_rank_share`).
    package var rankShare: Double
    /// Std of features of unit scale (`diagnostics.collapse_standard_deviation`).
    package var standardDeviation: Double
    /// RankMe; where it is lower, hardly a second direction is left.
    package var directions = 2.0
    /// Share of directions that are alive.
    package var liveDirections = 0.25
    /// Rank over its highest value before, and over that at initialisation.
    package var rankFall = 0.5
    /// Standard errors over test images by which an accuracy must lie below that at initialisation.
    package var accuracyErrors = 2.0
    /// Loss over that of the first diagnosis; a loss above this has not fallen.
    package var lossFall = 0.8
    /// R² against the targets' mean at each position; a predictor below this knows no more than that mean.
    package var skill = 0.05
    /// Movement of the target encoder's weights over that of the context encoder's.
    package var movement = 1e-3
    /// Norm of the regulariser's gradient over that of the prediction's.
    package var gradient = 0.01

    package init(rankShare: Double = 0.05, standardDeviation: Double = 0.02) {
        self.rankShare = rankShare
        self.standardDeviation = standardDeviation
    }

    /// `directions`, and for narrow features, whose rank is never much higher, less; a single dimension has a single
    /// direction.
    func directions(width: Int) -> Double { width > 1 ? min(directions, 1 + 0.1 * Double(width - 1)) : 0 }

    /// Names and values as they are stored.
    package var all: [(name: String, value: Double)] {
        [
            ("rank_share", rankShare), ("standard_deviation", standardDeviation), ("directions", directions),
            ("live_directions", liveDirections), ("rank_fall", rankFall), ("loss_fall", lossFall), ("skill", skill),
            ("movement", movement), ("gradient", gradient), ("accuracy_errors", accuracyErrors),
        ]
    }
}

/// What can be wrong with features or a run, the gravest first.
package enum Finding: String, Sendable, Hashable, CaseIterable {
    /// NaN or infinity.
    case nonFinite = "non_finite"
    /// Scale or all directions gone.
    case completeCollapse = "complete_collapse"
    /// Rank low or fallen although the scale stands.
    case dimensionalCollapse = "dimensional_collapse"
    /// Images differ, and the patches of an image do not.
    case patchCollapse = "patch_collapse"
    /// Accuracies below those of the same network before training.
    case belowInitialisation = "below_initialisation"
    /// The loss fell, and the predictor knows no more than the mean target at each position.
    case predictorShortcut = "predictor_shortcut"
    /// The context encoder moved and the target encoder did not.
    case frozenTarget = "frozen_target"
    /// The regulariser's gradient is under 1 % of the prediction's.
    case inertRegularizer = "inert_regulariser"

    /// "complete collapse".
    package var words: String {
        switch self {
        case .nonFinite: "non-finite"
        case .patchCollapse: "patch-only collapse"
        default: rawValue.replacing("_", with: " ")
        }
    }

    /// What the finding says, in half a sentence for legends; docs/diagnostics.md has the rules.
    package var meaning: String {
        switch self {
        case .nonFinite: "the features contain NaN or infinity"
        case .completeCollapse: "the features have lost their scale, or nearly all of their directions"
        case .dimensionalCollapse: "the features use few of their dimensions"
        case .patchCollapse: "images differ, but the patches within an image are nearly alike"
        case .belowInitialisation: "the features are worth less than those of the network before training"
        case .predictorShortcut:
            "the prediction loss fell, but the predictor hardly does better than predicting each position's mean target"
        case .frozenTarget: "the target encoder has hardly moved"
        case .inertRegularizer: "the regulariser's gradient is negligible beside the prediction's"
        }
    }
}

/// A measured number that speaks for a finding.
package struct Evidence: Sendable, Hashable {
    /// "target: rankme 1.4 < 2".
    package let text: String

    init(text: String) { self.text = text }

    static func below(_ measure: String, _ value: Double, _ threshold: Double) -> Evidence {
        Evidence(text: "\(measure) \(Self.short(value)) < \(Self.short(threshold))")
    }

    /// Two significant digits or more, without trailing noise.
    static func short(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
        var factor = 1.0
        while abs(value) * factor < 10, factor < 1e60 { factor *= 10 }
        let rounded = (value * factor).rounded() / factor
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}
