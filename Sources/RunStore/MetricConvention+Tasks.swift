package import Declarations
package import Evaluation
import ExperimentSpec

/// What evaluation tasks declare of the columns that they fill.
extension MetricConvention {
    private static var tasks: [any EvaluationTask.Type] { Catalogue.current.evaluationTasks }

    /// The metric of a column of evaluations; none for other columns.
    package static func metric(named column: String) -> EvaluationMetric? {
        for task in tasks {
            if let metric = task.metric(named: column) { return metric }
        }
        return nil
    }

    /// Where a column stands among those of all tasks: task by task. Other columns are last.
    package static func place(of column: String) -> (task: Int, order: Int) {
        for (place, task) in tasks.enumerated() {
            if let metric = task.metric(named: column) { return (place, metric.order) }
        }
        return (.max, .max)
    }

    /// The columns that stand for the tasks in a table, one for each.
    package static var mainMetrics: [String] { tasks.map { $0.declaration.mainMetric } }

    /// The accuracy that stands for what is linearly readable: of logistic regression where all runs have it, else of the
    /// linear probe, else whatever stands for the last task.
    ///
    /// - Parameter columns: Of the evaluations of each run.
    package static func headline(among columns: [Set<String>]) -> String? {
        guard let first = columns.first else { return nil }
        let common = columns.dropFirst().reduce(first) { $0.intersection($1) }
        let mains = mainMetrics.filter(common.contains)
        return EvaluationTasks.linearMetrics.first(where: mains.contains) ?? mains.last
    }

    /// One metric for each task that has any among these columns.
    package static func representatives(among columns: some Sequence<String>) -> [EvaluationMetric] {
        let columns = Array(columns)
        return tasks.compactMap { $0.representative(among: columns) }
    }

    /// Columns of a table of details after the step; none where no task declares it.
    package static func details(_ name: String) -> [DeclaredColumn] { details(ofTable: "\(name)/") ?? [] }

    /// Whether a table has details of evaluations, several rows for each: "linear_heads/target".
    package static func isOfDetails(_ table: String) -> Bool { details(ofTable: table) != nil }

    static func details(ofTable table: String) -> [DeclaredColumn]? {
        tasks.lazy.flatMap { $0.declaration.details }.first { table.hasPrefix($0.name + "/") }?.columns
    }
}
