import Declarations

/// The matrix of a spec as written: axes and the rules over them.
struct SpecMatrix: Sendable {
    /// One way of an axis: a named variant, or a value of its key.
    struct Option: Sendable {
        /// What it adds to an arm's name: "ema", "weight=0.001".
        let name: String
        let settings: SpecSettings
        /// The value, for an axis over a single key.
        let value: SpecValue?
    }

    struct Axis: Sendable {
        let name: String
        let options: [Option]
        let location: SpecLocation
        /// For an axis over the values of one key.
        var key: SpecKey?
        /// What a relative folder among the values is relative to.
        var folder = ""
    }

    /// Arms that are left out, or an axis that applies only where a condition holds, or keys set where it holds.
    enum Rule: Sendable {
        case axis(Int, when: SpecCondition)
        case set(SpecSettings, when: SpecCondition)
    }

    /// An arm beside the grid.
    struct Extra: Sendable {
        let name: String
        let settings: SpecSettings
        let location: SpecLocation
    }

    var axes: [Axis] = []
    /// Axes that advance together, by index, each group in order; axes that stand alone are groups of one.
    var groups: [[Int]] = []
    var exclusions: [SpecCondition] = []
    var rules: [Rule] = []
    var extras: [Extra] = []
    /// Where the axes, or else the matrix, are written.
    let axesLocation: SpecLocation
    let axesRemoteness: Int
    /// Whether the arms are those that were meant; if not, nothing can be said about their names.
    var isComplete = true
    /// Whether arms that were to be left out may still be there.
    var hasUnreadExclusion = false
}

/// Several statements that must all hold for an arm.
struct SpecCondition: Sendable {
    enum Statement: Sendable {
        /// The axis applies and one of these of its options was taken.
        case axis(Int, options: Set<Int>)
        /// The key has one of these values.
        case key(SpecKey, values: [SpecValue])
    }

    var statements: [Statement] = []
    var location: SpecLocation

    /// - Parameter choices: Option taken per axis; axes that do not apply are missing.
    func holds(choices: [Int: Int], settings: SpecSettings) -> Bool {
        var configuration: RunConfiguration?
        return statements.allSatisfy { statement in
            switch statement {
            case .axis(let axis, let options): return choices[axis].map(options.contains) ?? false
            case .key(let key, let values):
                let resolved = configuration ?? settings.resolved()
                configuration = resolved
                return values.contains(key.value(in: resolved))
            }
        }
    }

    /// Axes that the statements name.
    var axes: [Int] {
        statements.compactMap { if case .axis(let axis, _) = $0 { axis } else { nil } }
    }
}
