package import Declarations

/// The evaluation tasks that a spec can use, in the order of the documentation and of the columns.
package enum EvaluationTasks {
    package static let standard: [any EvaluationTask.Type] = [
        NearestNeighboursTask.self, LinearProbeTask.self, LogisticTask.self,
    ]

    /// What stands for linear accuracy, that of least noise first.
    package static let linearMetrics = [LogisticTask.declaration.mainMetric, LinearProbeTask.declaration.mainMetric]
}

/// A task as a run uses it.
package struct RunTask: Sendable {
    package let declaration: EvaluationTaskDeclaration
    package let task: any EvaluationTask
    /// Whether the run has it.
    package let isEnabled: Bool
    /// Whether it runs at intermediate evaluations too.
    package let isIntermediate: Bool

    /// - Parameter settings: Values of the keys that the type declares.
    package init(_ type: any EvaluationTask.Type, _ settings: Settings, seed: UInt64) {
        declaration = type.declaration
        task = type.init(settings, seed: seed)
        isEnabled = declaration.isEnabled(settings)
        isIntermediate = declaration.isIntermediate(settings)
    }
}

extension EvaluationTask {
    /// The column that stands for the task where one is shown: its main metric, or the first of those that are there.
    package static func representative(among columns: some Sequence<String>) -> EvaluationMetric? {
        let known = columns.compactMap { metric(named: $0) }
        return known.first { $0.name == declaration.mainMetric }
            ?? known.min { ($0.order, $0.name) < ($1.order, $1.name) }
    }
}
