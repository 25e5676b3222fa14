package import Declarations
package import Kernels

/// A way to say what frozen features are worth: a classifier on them, with the accuracies that it reaches.
///
/// A type that conforms, in one file, and its name in `EvaluationTasks.standard` are all that a new one takes: its keys,
/// checks, costs, columns, predictions, floors, charts and documentation follow from what it declares.
package protocol EvaluationTask: Sendable {
    static var declaration: EvaluationTaskDeclaration { get }

    /// The meaning of a column that runs with any settings have stored; none where the column is not the task's.
    static func metric(named name: String) -> EvaluationMetric?

    /// - Parameters:
    ///   - settings: Those of the keys that the type declares itself.
    ///   - seed: The run's; what is drawn at random depends on it alone.
    init(_ settings: Settings, seed: UInt64)

    /// What it measures of an encoder with these settings, in the order of the columns.
    ///
    /// - Parameter trainingImages: Whose features it sees; none: not known.
    func metrics(trainingImages: Int?) -> [EvaluationMetric]

    /// What cannot work with these settings.
    ///
    /// - Parameter trainingImages: As for `metrics`.
    func findings(trainingImages: Int?) -> [SpecFinding]

    /// Measures features.
    ///
    /// - Parameters:
    ///   - features: Of the declared kinds, in that order; raw pixels are a single kind.
    ///   - threads: To compute with; no result depends on it.
    /// - Returns: The names and order of `metrics` for an encoder's features. NaN where they are not finite.
    func measure<Backend: KernelBackend>(
        _ features: [ProbeFeatures], labels: ProbeLabels, on backend: Backend, threads: Int
    ) -> TaskResult

    /// Floating-point operations of one measurement: those of matrix products.
    func flops(_ sizes: EvaluationSizes) -> Double

    /// Values of four bytes that one measurement keeps, besides the features that it is given.
    func elements(_ sizes: EvaluationSizes, threads: Int) -> Double
}

extension EvaluationTask {
    package static func metric(named name: String) -> EvaluationMetric? {
        Self(Settings(declaration.keys), seed: 0).metrics(trainingImages: nil).first { $0.name == name }
    }

    package func findings(trainingImages: Int?) -> [SpecFinding] { [] }
}

/// What a task says of features.
package struct TaskResult: Sendable {
    /// Accuracies are fractions, 0...1; NaN where the features are not finite.
    package var metrics: [(name: String, value: Double)] = []
    /// The class that each test image is given, by the metric that scores it, [n_test]; none where the features are not
    /// finite.
    package var predictions: [(name: String, classes: [Int32])] = []
    /// Rows of the tables that the task declares, in the order of their columns.
    package var details: [(table: String, rows: [[Double]])] = []

    package init() {}

    /// - Parameters:
    ///   - accuracy: None: NaN.
    ///   - classes: None or empty: no predictions.
    package mutating func add(_ name: String, _ accuracy: Double?, predictions classes: [Int32]?) {
        metrics.append((name: name, value: accuracy ?? .nan))
        if let classes, !classes.isEmpty { predictions.append((name: name, classes: classes)) }
    }
}

/// A column that a task fills.
package struct EvaluationMetric: Sendable, Hashable {
    /// Name and convention, as stored; the unit "fraction" makes it an accuracy.
    package let column: DeclaredColumn
    /// As the heading of a chart: "Linear probe".
    package let title: String
    /// On the line of progress: "20-NN".
    package let shortTitle: String
    /// What it is, in a clause for the legend of a table; none: the convention says it.
    package let meaning: String?
    /// Its place among the metrics of the task, where people see several.
    package let order: Int

    package var name: String { column.name }
    package var isAccuracy: Bool { column.unit == "fraction" }

    /// - Parameter title: None: the name. Likewise `short`.
    package init(
        _ name: String, unit: String = "fraction", title: String? = nil, short: String? = nil, meaning: String? = nil,
        order: Int = 0, _ convention: String
    ) {
        column = DeclaredColumn(name, unit: unit, convention)
        self.title = title ?? name
        shortTitle = short ?? name
        self.meaning = meaning
        self.order = order
    }
}

/// What the cost of a task depends on.
package struct EvaluationSizes: Sendable, Hashable {
    package var trainImages: Int
    package var testImages: Int
    /// Width and depth of the encoder.
    package var width: Int
    package var depth: Int
    package var classes: Int

    package init(trainImages: Int, testImages: Int, width: Int, depth: Int, classes: Int = 10) {
        self.trainImages = trainImages
        self.testImages = testImages
        self.width = width
        self.depth = depth
        self.classes = classes
    }

    package var images: Double { Double(trainImages) + Double(testImages) }

    /// Columns of all kinds of features together.
    package func columns(of kinds: [FeatureKind]) -> Int { kinds.reduce(0) { $0 + $1.columns(self) } }
}

/// Features of an encoder that tasks look at.
package enum FeatureKind: String, Sendable, Hashable, CaseIterable {
    /// Of the last layer, averaged over patches.
    case lastLayer = "last1"
    /// Of the last four layers, each averaged over patches, concatenated.
    case lastFour = "last4"

    package func columns(_ sizes: EvaluationSizes) -> Int {
        switch self {
        case .lastLayer: sizes.width
        case .lastFour: min(4, sizes.depth) * sizes.width
        }
    }
}
