import Foundation

/// Lines over steps or indices as SVG, with the numbers beside it for values under the pointer.
struct LineChart {
    var title: String
    /// What is shown, in a few words: unit, encoder, reduction.
    var caption: String
    var xLabel: String
    var isLogX = false
    var isLogY = false
    /// Fractions that are shown in percent.
    var isPercent = false
    var series: [ChartSeries]

    private static let (width, height) = (460.0, 270.0)
    private static let (left, right, top, bottom) = (52.0, 10.0, 10.0, 34.0)

    /// A figure element.
    func html() -> String {
        let x = Axis(values: series.flatMap(\.x), isLog: isLogX)
        let y = Axis(values: series.flatMap { $0.low + $0.high }, isLog: isLogY, factor: isPercent ? 100 : 1)
        guard let x, let y else { return "" }
        func px(_ value: Double) -> Double { Self.left + x.place(value) * (Self.width - Self.left - Self.right) }
        func py(_ value: Double) -> Double { Self.height - Self.bottom - y.place(value) * plotHeight }
        let plotHeight = Self.height - Self.top - Self.bottom
        var svg = ""
        for (value, label) in y.ticks {
            let place = pixel(py(value))
            svg += "<line class=\"grid\" x1=\"\(pixel(Self.left))\" x2=\"\(pixel(Self.width - Self.right))\" "
            svg += "y1=\"\(place)\" y2=\"\(place)\"/>"
            svg += "<text x=\"\(pixel(Self.left - 6))\" y=\"\(place)\" dy=\".32em\" text-anchor=\"end\">\(label)</text>"
        }
        let base = pixel(Self.height - Self.bottom)
        for (value, label) in x.ticks {
            let place = pixel(px(value))
            svg += "<line class=\"tick\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(base)\" "
            svg += "y2=\"\(pixel(Self.height - Self.bottom + 4))\"/>"
            svg += "<text x=\"\(place)\" y=\"\(pixel(Self.height - Self.bottom + 16))\" text-anchor=\"middle\">"
            svg += "\(label)</text>"
        }
        svg += "<text class=\"label\" x=\"\(pixel((Self.left + Self.width - Self.right) / 2))\" "
        svg += "y=\"\(pixel(Self.height - 4))\" text-anchor=\"middle\">\(escaped(xLabel))</text>"
        for line in series {
            let visible = line.x.indices.filter { place in
                (!isLogX || line.x[place] > 0) && (!isLogY || line.low[place] > 0)
            }
            guard !visible.isEmpty else { continue }
            func path(_ places: [Int], _ values: [Double]) -> String {
                places.map { "\(pixel(px(line.x[$0]))),\(pixel(py(values[$0])))" }.joined(separator: " ")
            }
            svg += "<g class=\"arm a\(line.arm)\">"
            if visible.contains(where: { line.high[$0] > line.low[$0] }) {
                svg += "<polygon class=\"band\" points=\"\(path(visible, line.high)) "
                svg += "\(path(visible.reversed(), line.low))\"/>"
            }
            svg += "<polyline points=\"\(path(visible, line.mean))\"/>"
            if visible.count <= 12 {
                for place in visible {
                    svg +=
                        "<circle cx=\"\(pixel(px(line.x[place])))\" cy=\"\(pixel(py(line.mean[place])))\" r=\"2.4\"/>"
                }
            }
            svg += "</g>"
        }
        svg += "<line class=\"cursor\" y1=\"\(pixel(Self.top))\" y2=\"\(base)\" visibility=\"hidden\"/>"
        return """
            <figure class="chart"><figcaption><b>\(escaped(title))</b> \(escaped(caption))</figcaption>
            <svg viewBox="0 0 \(pixel(Self.width)) \(pixel(Self.height))" role="img" aria-label="\(escaped(title))">\
            \(svg)</svg>
            <script type="application/json">\(data(x))</script></figure>

            """
    }

    /// What the page's script needs to show values.
    private func data(_ x: Axis) -> String {
        let lines = series.map { line in
            "{\"a\":\(line.arm),\"n\":\(jsonString(line.label)),\"x\":\(jsonList(line.x)),\"y\":\(jsonList(line.mean)),"
                + "\"l\":\(jsonList(line.low)),\"h\":\(jsonList(line.high))}"
        }
        return "{\"left\":\(Self.left),\"right\":\(Self.width - Self.right),\"width\":\(Self.width),"
            + "\"min\":\(x.low),\"max\":\(x.high),\"log\":\(isLogX),\"percent\":\(isPercent),"
            + "\"label\":\(jsonString(xLabel)),\"series\":[\(lines.joined(separator: ","))]}"
    }
}

/// A linear or logarithmic axis with round ticks.
struct Axis {
    let low: Double
    let high: Double
    private let isLog: Bool
    private let factor: Double

    /// - Parameter factor: What tick labels are multiplied with: 100 for percent.
    /// - Returns: None where no value can be shown.
    init?(values: [Double], isLog: Bool, factor: Double = 1) {
        // Of numbers near the ends of what a Double holds, half or twice would be none.
        let usable = values.filter { $0.isMeasurable && (!isLog || $0 > 1e-75) }
        guard var low = usable.min(), var high = usable.max() else { return nil }
        if isLog {
            // A spectrum that falls to rounding noise would squeeze the rest.
            low = max(low, high * 1e-9)
            if low == high { (low, high) = (low / 2, high * 2) }
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

    var ticks: [(value: Double, label: String)] {
        if isLog {
            let first = Int(log10(low).rounded(.up))
            let last = Int(log10(high).rounded(.down))
            if last > first {
                let stride = max(1, (last - first) / 5)
                return Swift.stride(from: first, through: last, by: stride).map {
                    (pow(10, Double($0)), short(pow(10, Double($0)) * factor))
                }
            }
            return [low, (low * high).squareRoot(), high].map { ($0, short($0 * factor)) }
        }
        let raw = (high - low) * factor / 5
        let power = pow(10, log10(raw).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
        let first = (low * factor / step).rounded(.up)
        let last = (high * factor / step).rounded(.down)
        guard last >= first else { return [] }
        return Swift.stride(from: first, through: last, by: 1).map { ($0 * step / factor, short($0 * step)) }
    }
}
