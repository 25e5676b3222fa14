import Foundation
import Statistics

/// Numbers as a reader of tables expects them. Here alone it is decided how many digits are shown; docs/tables.md states
/// the rule:
///
/// - Accuracies are in percent, with one decimal.
/// - A number with an uncertainty beside it (a standard deviation, half an interval) is shown to the second significant
///   digit of that uncertainty; a difference of accuracies, in points, to one decimal at least and two at most.
/// - Without an uncertainty: three significant digits, or one decimal of a difference of accuracies.
enum NumberFormat {
    /// What a number is, which decides its unit and its digits.
    struct Kind: Hashable {
        /// A fraction that is shown in percent; its differences are in percentage points.
        var isAccuracy = false
        /// Positive values get a "+".
        var isDifference = false

        /// "%", or "points" for differences of accuracies; none for other numbers.
        var unit: String? { isAccuracy ? (isDifference ? "points" : "%") : nil }
        /// The unit in words of a sentence: " %", " points".
        var suffix: String { unit.map { " \($0)" } ?? "" }
    }

    /// A mean and its standard deviation, ready to be joined by "±".
    struct Pair: Hashable {
        let mean: String
        /// None: there was a single value.
        let deviation: String?
    }

    static func pair(_ statistics: SampleStatistics, _ kind: Kind = Kind()) -> Pair {
        let digits = Digits(of: statistics.mean, uncertainty: statistics.standardDeviation, kind)
        return Pair(
            mean: digits.text(statistics.mean, isSigned: kind.isDifference),
            deviation: statistics.standardDeviation.map { digits.text($0) })
    }

    /// A p-value: three decimals, or that it is smaller than they show.
    static func probability(_ p: Double) -> String { p < 0.0005 ? "< 0.001" : fixed(p, decimals: 3) }

    static func fixedText(_ value: Double, decimals: Int) -> String { fixed(value, decimals: decimals) }

    /// A place on a learning curve, with its unit.
    static func position(_ value: Double, _ axis: LearningCurves.Axis) -> String {
        switch axis {
        case .steps: return fixed(value, decimals: 0)
        case .seconds: return "\(significant(value, digits: 3)) s"
        case .flops:
            let units = [(1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP")]
            let (scale, unit) = units.first { value >= $0.0 } ?? (1, "FLOP")
            return "\(significant(value / scale, digits: 3)) \(unit)"
        }
    }

    /// Shortest text with `digits` significant digits, without trailing zeros.
    static func significant(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)g", value) }

    /// To which digit a number and everything beside it is shown.
    struct Digits: Hashable {
        /// The power of ten of the last digit: −1 for one decimal.
        private let place: Int
        private let isScientific: Bool
        private let factor: Double

        /// - Parameter uncertainty: Of `value`, in its unit; none or zero where nothing is known of it.
        init(of value: Double, uncertainty: Double?, _ kind: Kind) {
            factor = kind.isAccuracy ? 100 : 1
            let value = factor * value
            let uncertainty = factor * (uncertainty ?? 0)
            let known = uncertainty > 0 && uncertainty.isFinite ? exponent(uncertainty, digits: 2) - 1 : nil
            if kind.isAccuracy {
                place = kind.isDifference ? max(-2, min(-1, known ?? -1)) : -1
                isScientific = false
                return
            }
            let ofValue = value == 0 ? 0 : exponent(value, digits: 3)
            // Six significant digits are enough, however small the spread is.
            place = if let known { max(known, ofValue - 5) } else { ofValue - 2 }
            let magnitude = max(abs(value), uncertainty)
            isScientific = magnitude != 0 && !(1e-3..<1e6).contains(magnitude)
        }

        /// Digits for a mean and its interval.
        init(of mean: Double, _ interval: Interval?, _ kind: Kind) {
            self.init(of: mean, uncertainty: interval.map { ($0.high - $0.low) / 2 }, kind)
        }

        func text(_ value: Double, isSigned: Bool = false) -> String {
            let value = factor * value
            guard isScientific else { return fixed(value, decimals: max(0, -place), isSigned: isSigned) }
            let decimals = value == 0 ? 0 : max(0, min(exponent(value, digits: 3) - place, 5))
            return scientific(value, decimals: decimals, isSigned: isSigned)
        }

        /// "[-0.74, 1.22]".
        func text(_ interval: Interval) -> String { "[\(text(interval.low)), \(text(interval.high))]" }
    }
}

/// The power of ten of the first of `digits` significant digits, after rounding to them: 0 for 1…9.9, −1 for 0.1…0.99.
private func exponent(_ value: Double, digits: Int) -> Int {
    guard value.isFinite, value != 0 else { return 0 }
    let power = Int(log10(abs(value)).rounded(.down))
    // 0.0996 to two digits is 0.10.
    let leading = abs(value) / pow(10, Double(power))
    return leading + 0.5 * pow(10, Double(1 - digits)) >= 10 ? power + 1 : power
}

private func fixed(_ value: Double, decimals: Int, isSigned: Bool = false) -> String {
    withoutNegativeZero(String(format: isSigned ? "%+.\(decimals)f" : "%.\(decimals)f", value))
}

private func scientific(_ value: Double, decimals: Int, isSigned: Bool = false) -> String {
    withoutNegativeZero(String(format: isSigned ? "%+.\(decimals)e" : "%.\(decimals)e", value))
}

/// "-0.0" and "+0.0" say a direction that the digits do not show.
private func withoutNegativeZero(_ text: String) -> String {
    guard text.hasPrefix("-") || text.hasPrefix("+"), !text.contains(where: { ("1"..."9").contains($0) }) else {
        return text
    }
    return String(text.dropFirst())
}
