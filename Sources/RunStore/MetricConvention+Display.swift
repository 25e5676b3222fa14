import Evaluation
import Foundation

/// How numbers are named and written for people: accuracies in percent with one decimal. Files, JSON and CSV hold
/// fractions under the stored names.
extension MetricConvention {
    /// Accuracies are stored as fractions.
    package var isAccuracy: Bool { unit == "fraction" }

    /// Whether a column holds accuracies; false for names that are not known.
    package static func isAccuracy(_ column: String, in table: String) -> Bool {
        of(table: table, column: column)?.isAccuracy == true
    }

    /// The first value that a column cannot have measured: of accuracies, one that is not from 0 to 1. NaN stands for no
    /// value.
    static func impossibleValue(among values: [Double], table: String, column: String) -> Double? {
        guard isAccuracy(column, in: table) else { return nil }
        return values.first { !$0.isNaN && !(0...1).contains($0) }
    }

    /// "20-NN" for `knn_20`; columns that no task gives another name are called what they are.
    package static func displayName(of column: String) -> String { metric(named: column)?.shortTitle ?? column }

    /// A fraction in percent, without the sign: "61.2"; "–" where it is NaN.
    package static func percent(_ fraction: Double) -> String {
        guard !fraction.isNaN else { return "–" }
        let text = String(format: "%.1f", 100 * fraction)
        return text == "-0.0" ? "0.0" : text
    }
}
