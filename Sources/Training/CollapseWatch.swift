import Diagnostics
import ExperimentSpec

/// Counts the evaluations in a row that found the features collapsed, and says when a run is to end for it.
///
/// The one place in training that asks for the verdict. The initialisation does not count: nothing was trained yet.
struct CollapseWatch {
    /// Name of the count among a checkpoint's counters.
    static let counter = "collapsed_evaluations"

    /// Evaluations in a row after which the run ends; none: never.
    private let limit: Int?
    private let encoder: EvaluationConfiguration.Encoder?
    private let width: Int
    private let diagnostics: DiagnosticsConfiguration
    /// Evaluations in a row, up to the last one.
    var count = 0

    init(_ configuration: RunConfiguration) {
        diagnostics = configuration.diagnostics
        limit = diagnostics.stopOnCollapse
        width = configuration.model.width
        // The one that tables show first.
        let encoders = configuration.evaluation.encoders
        encoder = encoders.contains(.target) ? .target : encoders.first
    }

    var isOver: Bool { limit.map { count >= $0 } ?? false }

    /// The watch after the records of one evaluation.
    func noting(_ records: [EvaluationRecord]) -> CollapseWatch {
        guard limit != nil, let record = records.first(where: { $0.encoder == encoder }), record.step > 0 else {
            return self
        }
        var next = self
        next.count = isCollapsed(record) ? count + 1 : 0
        return next
    }

    private func isCollapsed(_ record: EvaluationRecord) -> Bool {
        func value(_ name: String) -> Double { record.metrics.first { $0.name == name }?.value ?? .nan }
        return CollapseVerdict(
            rankMe: value("rankme"), columns: width, meanStandardDeviation: value("std_mean"),
            rankShare: diagnostics.collapseRankShare, standardDeviation: diagnostics.collapseStandardDeviation
        ).isCollapsed
    }
}
