import Foundation
import Statistics

/// Intervals drawn as bars of characters on one common scale, which contains 0.
struct IntervalBars {
    /// Bounds of the scale, in the unit of the intervals.
    let low: Double
    let high: Double
    private let step: Double
    private let factor: Double
    private let entries: [(mean: Double, interval: Interval)?]

    /// Characters that a bar needs, scale included, and that it takes at most.
    static let widths = 13...31

    /// - Parameters:
    ///   - factor: From the unit of the intervals to that of the scale: 100 for accuracies.
    /// - Returns: None where no interval is there to be drawn.
    init?(_ entries: [(mean: Double, interval: Interval)?], factor: Double) {
        let entries = entries.map { entry in
            entry.flatMap { $0.interval.low.isFinite && $0.interval.high.isFinite && $0.mean.isFinite ? $0 : nil }
        }
        let bounds = entries.compactMap { $0?.interval }
        let low = min(0, bounds.map(\.low).min() ?? 0)
        let high = max(0, bounds.map(\.high).max() ?? 0)
        guard high > low, (high - low).isFinite else { return nil }
        self.entries = entries
        self.factor = factor
        // Outwards to a round number.
        step = pow(10, floor(log10((high - low) * factor)) - 1)
        self.low = floor(low * factor / step) * step / factor
        self.high = ceil(high * factor / step) * step / factor
        guard step > 0, self.low.isFinite, self.high.isFinite, self.high > self.low else { return nil }
    }

    /// Labels of the scale, and a bar for each entry: empty where there is none.
    func drawn(width: Int) -> (scale: String, bars: [String]) {
        let zero = place(0, width)
        let bars = entries.map { entry -> String in
            guard let entry else { return "" }
            let (first, last) = (place(entry.interval.low, width), place(entry.interval.high, width))
            let mean = place(entry.mean, width)
            return String(
                (0..<width).map { position -> Character in
                    if position == mean { return "●" }
                    if (first...last).contains(position) { return position == zero ? "┿" : "━" }
                    return position == zero ? "│" : " "
                })
        }
        return (scale(width, zero: zero), bars)
    }

    private func scale(_ width: Int, zero: Int) -> String {
        var characters = Array(repeating: Character(" "), count: width)
        func write(_ text: String, at start: Int) {
            let range = start..<start + text.count
            guard range.lowerBound >= 0, range.upperBound <= width else { return }
            // Labels keep their distance.
            let around = max(0, start - 1)..<min(width, range.upperBound + 1)
            guard characters[around].allSatisfy({ $0 == " " }) else { return }
            for (index, character) in zip(range, text) { characters[index] = character }
        }
        // In the middle, 0 is where the bars have its mark.
        if low == 0 || high == 0 { write("0", at: zero) }
        if low < 0 { write(label(low), at: 0) }
        if high > 0 {
            let text = label(high)
            write(text, at: width - text.count)
        }
        write("0", at: zero)
        return String(characters)
    }

    private func label(_ value: Double) -> String {
        let shown = value * factor
        guard (1e-4..<1e6).contains(abs(shown)) else { return NumberFormat.significant(shown, digits: 2).withMinusSign }
        let decimals = max(0, Int(-floor(log10(step))))
        return NumberFormat.fixedText(shown, decimals: decimals).withMinusSign
    }

    private func place(_ value: Double, _ width: Int) -> Int {
        let share = (value - low) / (high - low)
        return max(0, min(width - 1, Int((share * Double(width - 1)).rounded())))
    }
}
