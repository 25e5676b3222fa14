import Declarations

/// What an experiment's author claimed beforehand about one arm: an element of `expect` in a spec.
///
/// Either of a metric (`arm`, or `arm` minus another, lies within bounds) or of collapse. Judged by `Analysis`.
package struct Claim: Codable, Hashable, Sendable {
    /// In what the bounds on an accuracy are given.
    package enum Unit: String, Codable, CaseIterable, Sendable {
        /// Percentage points: 0.5 is half a point.
        case points
        /// As stored: 0.005 is half a point.
        case fraction
    }

    package var arm: String
    /// The arm that is subtracted, seed by seed; none: the arm's own numbers are meant.
    package var minus: String?
    /// `[target.|context.|steps.]column[@reduction]`, as `table --metric` takes it; none for a claim about collapse.
    package var metric: String?
    /// Whose features a plain metric name, or the collapse, means; none: those that the table is about.
    package var encoder: EvaluationConfiguration.Encoder?
    package var atLeast: Double?
    package var atMost: Double?
    /// None for metrics that are no accuracies.
    package var unit: Unit?
    /// Whether the arm's features collapse; none for a claim about a metric.
    package var collapses: Bool?
    /// Where the claim comes from, in words.
    package var source: String?
    /// Expected standard deviation over seeds of what the claim is about, in the unit of its bounds; for the power before
    /// there are results.
    package var sd: Double?

    package init(
        arm: String, minus: String? = nil, metric: String? = nil,
        encoder: EvaluationConfiguration.Encoder? = nil, atLeast: Double? = nil, atMost: Double? = nil,
        unit: Unit? = nil, collapses: Bool? = nil, source: String? = nil, sd: Double? = nil
    ) {
        self.arm = arm
        self.minus = minus
        self.metric = metric
        self.encoder = encoder
        self.atLeast = atLeast
        self.atMost = atMost
        self.unit = unit
        self.collapses = collapses
        self.source = source
        self.sd = sd
    }

    /// What a bound is multiplied with to be in the unit of the stored numbers.
    package var scale: Double { unit == .points ? 0.01 : 1 }

    /// Whether its numbers are differences: of two arms, or of a run's end and its beginning.
    package var isAboutDifference: Bool { minus != nil || metric?.hasSuffix("@gain") == true }

    /// The claim in words: "cjepa.ema − ijepa.ema in linear ≥ 0.5 points", whatever unit the spec gives it in.
    ///
    /// - Parameter encoder: Is named; none: goes without saying.
    package func text(naming encoder: EvaluationConfiguration.Encoder? = nil) -> String {
        let whose = encoder.map { " (\($0.rawValue) encoder)" } ?? ""
        if let collapses { return "\(arm) \(collapses ? "collapses" : "does not collapse")\(whose)" }
        let subject = minus.map { "\(arm) − \($0)" } ?? arm
        let bounds = [atLeast.map { "≥ \(boundText($0))" }, atMost.map { "≤ \(boundText($0))" }]
        return "\(subject) in \(metric ?? "")\(whose) \(bounds.compactMap { $0 }.joined(separator: " and "))\(unitText)"
    }

    /// A bound in the unit of tables, accuracies in percent: "0.6" for 0.006 of `unit: fraction`.
    package func boundText(_ bound: Double) -> String {
        // A hundred times a decimal fraction may miss the decimal by an ulp.
        let shown = unit == .fraction ? (bound * 1e14).rounded() / 1e12 : bound
        let text = SpecValue.shortest(shown)
        return text.hasPrefix("-") ? "−\(text.dropFirst())" : text
    }

    private var unitText: String { unit == nil ? "" : isAboutDifference ? " points" : " %" }
}

/// An axis of a factorial matrix and what it is in each arm; axes that advance together make one factor.
package struct Factor: Codable, Hashable, Sendable {
    /// "objective", or "width+heads" for zipped axes.
    package var name: String
    /// In the order of the spec.
    package var levels: [String]
    /// Arm → level; arms to which the axis does not apply, or beside the grid, are missing.
    package var levelOfArm: [ArmLevel]

    package struct ArmLevel: Codable, Hashable, Sendable {
        package var arm: String
        package var level: String

        package init(arm: String, level: String) {
            self.arm = arm
            self.level = level
        }
    }

    package init(name: String, levels: [String], levelOfArm: [ArmLevel]) {
        self.name = name
        self.levels = levels
        self.levelOfArm = levelOfArm
    }

    package func level(of arm: String) -> String? { levelOfArm.first { $0.arm == arm }?.level }
}
