package import Declarations

/// What other parts of the program need to know of an evaluation task.
package struct EvaluationTaskDeclaration: Sendable {
    /// Its group of keys below `evaluation`: "knn".
    package let name: String
    /// As people write it: "linear probe".
    package let title: String
    /// All its keys, in the order of the documentation.
    package let keys: [DeclaredKey]
    /// The kinds of features that it is given.
    package let features: [FeatureKind]
    /// The metric that stands for the task where one is shown, and in the default table: "knn_20".
    package let mainMetric: String
    /// Tables of what is behind the metrics, a row for each of something; every row begins with the step.
    package let details: [DetailTable]
    /// Whether it measures raw pixels too, as a floor under what features reach.
    package let hasFloor: Bool
    /// Settings with which a moment's work tells how long the task takes.
    package let rehearsal: [String: SpecValue]
    /// Other words of the field for the task: "linear_probe lin_eval".
    package let synonyms: String
    private let isAlwaysOn: Bool
    private let hasIntermediateKey: Bool

    /// A table below its own name for each encoder: "linear_heads/target".
    package struct DetailTable: Sendable {
        package let name: String
        package let columns: [DeclaredColumn]

        package init(_ name: String, _ columns: [DeclaredColumn]) {
            self.name = name
            self.columns = columns
        }
    }

    /// Names of the keys that are declared for every task that wants them.
    package static let enabledKey = "enabled"
    package static let intermediateKey = "intermediate"

    /// - Parameters:
    ///   - keys: Its own.
    ///   - intermediateText: Documentation of a key that says whether the task runs at intermediate evaluations; none: it
    ///     runs at all of them.
    ///   - isIntermediateByDefault: The default of that key.
    ///   - isAlwaysOn: Only for the tasks that are as old as the hashes of runs. Others are off, and no part of a run's
    ///     identity, until their key `enabled` is set.
    ///   - isOnByDefault: On unless a spec says otherwise. Whether it is on is no part of a run's identity: it adds columns
    ///     and changes no other number, so runs from before it stay what they are, and lack the columns.
    package init(
        name: String, title: String, keys: [DeclaredKey], features: [FeatureKind], mainMetric: String,
        details: [DetailTable] = [], intermediateText: String? = nil,
        isIntermediateByDefault: Bool = true, hasFloor: Bool = true,
        rehearsal: [String: SpecValue] = [:], synonyms: String = "", isAlwaysOn: Bool = false,
        isOnByDefault: Bool = false
    ) {
        self.name = name
        self.title = title
        self.features = features
        self.mainMetric = mainMetric
        self.details = details
        self.hasFloor = hasFloor
        self.rehearsal = rehearsal
        self.synonyms = synonyms
        self.isAlwaysOn = isAlwaysOn
        hasIntermediateKey = intermediateText != nil
        let isUsed: @Sendable (Settings) -> Bool = { isAlwaysOn || $0[Self.enabledKey] }
        let enabled =
            isAlwaysOn
            ? []
            : [
                DeclaredKey(
                    Self.enabledKey, default: isOnByDefault, "Evaluate features by \(title).",
                    isIdentity: !isOnByDefault, earlierValue: isOnByDefault ? false : nil)
            ]
        let intermediate = intermediateText.map {
            [
                DeclaredKey(
                    Self.intermediateKey, default: isIntermediateByDefault, $0, isIdentityAtDefault: isAlwaysOn)
            ]
        }
        self.keys =
            enabled
            + (keys + (intermediate ?? [])).map { key in
                var key = key
                let applies = key.applies
                key.applies = { isUsed($0) && applies($0) }
                return key
            }
    }

    /// "evaluation.knn".
    package var group: String { "evaluation.\(name)" }

    /// Whether a run with these settings has the task.
    package func isEnabled(_ settings: Settings) -> Bool { isAlwaysOn || settings[Self.enabledKey] }

    /// Whether it runs at intermediate evaluations too, not only at initialisation and end.
    package func isIntermediate(_ settings: Settings) -> Bool {
        !hasIntermediateKey || settings[Self.intermediateKey]
    }

    /// The path of the key that says so; none where there is no choice.
    package var intermediatePath: String? { hasIntermediateKey ? "\(group).\(Self.intermediateKey)" : nil }
}
