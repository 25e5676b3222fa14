import Foundation

/// A linear or logarithmic axis with round ticks.
struct Axis {
    let low: Double
    let high: Double
    private let isLog: Bool
    private let factor: Double

    /// - Parameters:
    ///   - factor: What tick labels are multiplied with: 100 for percent.
    ///   - start: Where a linear axis begins, without a margin: 0 for bars.
    /// - Returns: None where no value can be shown.
    init?(values: [Double], isLog: Bool, factor: Double = 1, start: Double? = nil) {
        // Of numbers near the ends of what a Double holds, half or twice would be none.
        let usable = values.filter { $0.isMeasurable && (!isLog || $0 > 1e-75) }
        guard var low = usable.min(), var high = usable.max() else { return nil }
        if isLog {
            // A spectrum that falls to rounding noise would squeeze the rest.
            low = max(low, high * 1e-9)
            if low == high { (low, high) = (low / 2, high * 2) }
        } else if let start {
            low = start
            high = high > start ? high + 0.04 * (high - start) : start + 1
        } else {
            let margin = high > low ? 0.04 * (high - low) : max(abs(high) * 0.1, 0.1)
            (low, high) = (low - margin, high + margin)
        }
        self.low = low
        self.high = high
        self.isLog = isLog
        self.factor = factor
    }

    /// 0 at the lower end, 1 at the upper one.
    func place(_ value: Double) -> Double {
        let share =
            isLog ? log(max(value, low) / low) / log(high / low) : (value - low) / (high - low)
        return min(max(share, 0), 1)
    }

    var ticks: [(value: Double, label: String)] { ticks(atMost: 6) }

    /// Round values, about as many as asked for.
    func ticks(atMost count: Int) -> [(value: Double, label: String)] {
        if isLog {
            let first = Int(log10(low).rounded(.up))
            let last = Int(log10(high).rounded(.down))
            if last > first {
                let stride = max(1, (last - first) / 5)
                return Swift.stride(from: first, through: last, by: stride).map {
                    (pow(10, Double($0)), factor == 1 ? Self.power($0) : short(pow(10, Double($0)) * factor))
                }
            }
            return [low, (low * high).squareRoot(), high].map { ($0, short($0 * factor)) }
        }
        let raw = (high - low) * factor / Double(max(2, count) - 1)
        let power = pow(10, log10(raw).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= 0.7 * raw } ?? raw
        let first = (low * factor / step).rounded(.up)
        let last = (high * factor / step).rounded(.down)
        guard last >= first else { return [] }
        return Swift.stride(from: first, through: last, by: 1).map {
            ($0 * step / factor, short($0 * step).withMinusSign)
        }
    }

    /// 0.01, 1, 100; 10⁻⁵ where zeros would have to be counted.
    private static func power(_ exponent: Int) -> String {
        guard abs(exponent) > 3 else { return short(pow(10, Double(exponent))) }
        let digits = [
            "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
        ]
        return "10" + (exponent < 0 ? "⁻" : "") + String(abs(exponent)).map { digits[String($0)] ?? "" }.joined()
    }
}
