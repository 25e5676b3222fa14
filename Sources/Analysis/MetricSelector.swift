import Evaluation
import RunStore

/// Which number of a run a column of the table shows, and how a series becomes that number.
package struct MetricSelector: Hashable, Sendable {
    /// How the rows of a series become one number.
    package enum Reduction: String, CaseIterable, Sendable {
        /// The row of step 0, before any training.
        case initial = "init"
        case last
        /// Mean of the last 5 % of the rows, at least one: the end of a noisy series.
        case tail
        /// Median of all rows that hold a number: throughput, which has outliers.
        case median
        /// Last minus initial: what training added.
        case gain
    }

    /// As it was asked for; the column's heading.
    package let name: String
    /// "evaluation/target", "evaluation/context" or "steps".
    package let table: String
    package let column: String
    package let reduction: Reduction

    package init(name: String, table: String, column: String, reduction: Reduction) {
        self.name = name
        self.table = table
        self.column = column
        self.reduction = reduction
    }

    /// Columns shown when nothing else is asked for.
    ///
    /// - Parameter headline: The linear accuracy that is shown, of those that there are; none: all.
    package static func defaultNames(headline: String? = nil) -> [String] {
        let linear = EvaluationTasks.linearMetrics
        let others = headline.map { linear.contains($0) ? linear.filter { $0 != headline } : [] } ?? []
        return ["loss"] + MetricConvention.mainMetrics.filter { !others.contains($0) }
            + ["rankme", "std_mean", "mean_cosine", "predictor_r2", "images_per_second"]
    }

    /// Accuracies are stored as fractions, shown in percent, and better when higher.
    ///
    /// No other column has a better end: losses of different objectives do not compare, a rank or a scale can be too
    /// high as well as too low, and throughput depends on what else the machine did.
    package var isAccuracy: Bool { MetricConvention.isAccuracy(column, in: table) }

    /// "target" or "context" of an evaluation; none of training series and diagnostics.
    var encoder: String? { table.hasPrefix("evaluation/") ? String(table.dropFirst("evaluation/".count)) : nil }

    /// The key of the raw-pixel floor that belongs to this column; none for `init`, `gain` and training series.
    var pixelFloorKey: String? {
        isAccuracy && reduction == .last ? "pixel_\(column)" : nil
    }

    /// Reduces `series` (row by row with `steps`) to one number; none where it has no such row, NaN where it holds one.
    func reduce(_ series: [Double], steps: [Double]) -> Double? {
        precondition(series.count == steps.count, "\(name): \(series.count) values for \(steps.count) steps")
        guard let last = series.last else { return nil }
        let initial = steps.first == 0 ? series.first : nil
        switch reduction {
        case .initial: return initial
        case .last: return last
        case .gain: return initial.map { last - $0 }
        case .tail:
            let rows = series.suffix(max(1, (series.count + 19) / 20))
            return rows.reduce(0, +) / Double(rows.count)
        case .median:
            let sorted = series.filter(\.isFinite).sorted()
            guard !sorted.isEmpty else { return .nan }
            return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        }
    }
}
