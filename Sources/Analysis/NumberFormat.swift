import Foundation

/// Numbers as a reader of tables expects them: as many digits as their spread allows.
enum NumberFormat {
    /// A mean and its standard deviation, ready to be joined by "±".
    struct Pair: Hashable {
        let mean: String
        /// None: there was a single value.
        let deviation: String?
    }

    /// - Parameters:
    ///   - isPercent: The value is a fraction to be shown in percent, with one decimal.
    ///   - isSigned: Positive values get a "+".
    static func pair(_ statistics: SampleStatistics, isPercent: Bool, isSigned: Bool = false) -> Pair {
        let deviation = statistics.standardDeviation
        if isPercent {
            return Pair(
                mean: fixed(100 * statistics.mean, decimals: 1, isSigned: isSigned),
                deviation: deviation.map { fixed(100 * $0, decimals: 1) })
        }
        let magnitude = max(abs(statistics.mean), deviation ?? 0)
        if magnitude != 0, !(1e-3..<1e6).contains(magnitude) {
            return Pair(
                mean: scientific(statistics.mean, decimals: 2, isSigned: isSigned),
                deviation: deviation.map { scientific($0, decimals: 1) })
        }
        let decimals = decimals(mean: statistics.mean, deviation: deviation)
        return Pair(
            mean: fixed(statistics.mean, decimals: decimals, isSigned: isSigned),
            deviation: deviation.map { fixed($0, decimals: decimals) })
    }

    /// A single number: in percent with two decimals, or with three significant digits.
    static func estimate(_ value: Double, isPercent: Bool, isSigned: Bool = false) -> String {
        if isPercent { return fixed(100 * value, decimals: 2, isSigned: isSigned) }
        let text = significant(value, digits: 3)
        return isSigned && value > 0 ? "+\(text)" : text
    }

    /// A p-value: three decimals, or that it is smaller than they show.
    static func probability(_ p: Double) -> String { p < 0.0005 ? "< 0.001" : fixed(p, decimals: 3) }

    static func fixedText(_ value: Double, decimals: Int) -> String { fixed(value, decimals: decimals) }

    /// A place on a learning curve, with its unit.
    static func position(_ value: Double, _ axis: LearningCurves.Axis) -> String {
        switch axis {
        case .steps: return String(format: "%.0f", value)
        case .seconds: return "\(significant(value, digits: 3)) s"
        case .flops:
            let units = [(1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP")]
            let (scale, unit) = units.first { value >= $0.0 } ?? (1, "FLOP")
            return "\(significant(value / scale, digits: 3)) \(unit)"
        }
    }

    /// Shortest text with `digits` significant digits, without trailing zeros.
    static func significant(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)g", value) }

    /// Two significant digits of the deviation, where that leaves the mean no more than six; else three of the mean.
    private static func decimals(mean: Double, deviation: Double?) -> Int {
        let ofMean = mean == 0 ? 0 : exponent(mean)
        guard let deviation, deviation > 0 else { return max(0, 2 - ofMean) }
        return max(0, min(1 - exponent(deviation), 5 - ofMean))
    }

    /// The power of ten of the first significant digit: 0 for 1…9.99, −1 for 0.1…0.99.
    private static func exponent(_ value: Double) -> Int { Int(log10(abs(value)).rounded(.down)) }

    private static func fixed(_ value: Double, decimals: Int, isSigned: Bool = false) -> String {
        withoutNegativeZero(String(format: isSigned ? "%+.\(decimals)f" : "%.\(decimals)f", value))
    }

    private static func scientific(_ value: Double, decimals: Int, isSigned: Bool = false) -> String {
        withoutNegativeZero(String(format: isSigned ? "%+.\(decimals)e" : "%.\(decimals)e", value))
    }

    /// "-0.0" and "+0.0" say a direction that the digits do not show.
    private static func withoutNegativeZero(_ text: String) -> String {
        guard text.hasPrefix("-") || text.hasPrefix("+"), !text.contains(where: { ("1"..."9").contains($0) }) else {
            return text
        }
        return String(text.dropFirst())
    }
}
