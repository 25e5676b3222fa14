import Foundation

/// Lines over steps or indices: on the page a figure with the numbers beside it for values under the pointer, on paper one
/// panel of a figure.
struct LineChart {
    /// A level that is drawn across the chart, such as a threshold.
    struct Level: Hashable {
        let label: String
        let value: Double
        /// Dots instead of dashes, to tell it from others.
        var isDotted = false
    }

    var title: String
    /// What is shown, in a few words: unit, encoder, reduction.
    var caption: String
    var xLabel: String
    /// Beside the vertical axis; on the page the title says it.
    var yLabel = ""
    var isLogX = false
    var isLogY = false
    /// Fractions that are shown in percent.
    var isPercent = false
    var series: [ChartSeries]
    var levels: [Level] = []

    /// Where values are on a panel.
    struct Plot {
        let x: Axis
        let y: Axis
        let left: Double
        let right: Double
        let top: Double
        let bottom: Double

        func px(_ value: Double) -> Double { left + x.place(value) * (right - left) }
        func py(_ value: Double) -> Double { bottom - y.place(value) * (bottom - top) }
    }

    private static let (pageWidth, pageHeight) = (400.0, 240.0)

    /// The plot inside a panel with room for tick labels; none where nothing can be shown.
    func plot(_ theme: ChartTheme, x left: Double, y top: Double, width: Double, height: Double) -> Plot? {
        let values = series.flatMap { $0.low + $0.high } + levels.map(\.value)
        guard let x = Axis(values: series.flatMap(\.x), isLog: isLogX),
            let y = Axis(values: values, isLog: isLogY, factor: isPercent ? 100 : 1)
        else { return nil }
        let size = theme.textSize
        let ticks = y.ticks.map { TextWidth.of($0.label) * size }.max() ?? 0
        let beside = yLabel.isEmpty ? 0 : theme.labelSize * 1.5
        return Plot(
            x: x, y: y, left: left + beside + ticks + size * 0.7, right: left + width - size,
            top: top + size * 0.8, bottom: top + height - size * (xLabel.isEmpty ? 1.9 : 3.3))
    }

    /// Axes, levels, then the arms.
    func draw(_ plot: Plot, into drawing: inout Drawing) {
        let size = drawing.theme.textSize
        let (left, right, base) = (plot.left, plot.right, plot.bottom)
        for (value, label) in plot.y.ticks {
            let y = plot.py(value)
            drawing.line(.grid, from: (left, y), to: (right, y))
            drawing.text(label, x: left - size * 0.5, y: y, anchor: .end)
        }
        drawing.line(.tick, from: (left, base), to: (right, base))
        for (value, label) in plot.x.ticks {
            let x = plot.px(value)
            drawing.line(.tick, from: (x, base), to: (x, base + size * 0.35))
            drawing.text(label, x: x, y: base + size * 1.1, anchor: .middle)
        }
        drawing.text(
            xLabel, x: (left + right) / 2, y: base + size * 1.3 + drawing.theme.labelSize, anchor: .middle,
            isLabel: true)
        if !yLabel.isEmpty {
            let widest = plot.y.ticks.map { TextWidth.of($0.label) * size }.max() ?? 0
            drawing.text(
                yLabel, x: left - size * 0.7 - widest - drawing.theme.labelSize * 0.8, y: (plot.top + base) / 2,
                anchor: .middle, isLabel: true, isUpright: true)
        }
        for level in levels {
            let y = plot.py(level.value)
            drawing.line(level.isDotted ? .dotted : .reference, from: (left, y), to: (right, y))
        }
        for line in series { draw(line, plot, into: &drawing) }
        // Two levels may be close to each other, hence one name at either side.
        for level in levels {
            drawing.text(
                level.label, x: level.isDotted ? right : left + size * 0.3, y: plot.py(level.value) - size * 0.65,
                anchor: level.isDotted ? .end : .start, hasHalo: true)
        }
    }

    private func draw(_ line: ChartSeries, _ plot: Plot, into drawing: inout Drawing) {
        let visible = line.x.indices.filter { place in
            (!isLogX || line.x[place] > 0) && (!isLogY || line.low[place] > 0)
        }
        guard !visible.isEmpty else { return }
        func path(_ places: [Int], _ values: [Double]) -> [(x: Double, y: Double)] {
            places.map { (plot.px(line.x[$0]), plot.py(values[$0])) }
        }
        drawing.group(.arm(line.arm), title: drawing.theme == .print ? line.label : nil) { drawing in
            if visible.contains(where: { line.high[$0] > line.low[$0] }) {
                drawing.band(
                    path(visible, line.high) + path(visible.reversed(), line.low), .arm(line.arm),
                    opacity: series.count > 4 ? 0.08 : 0.16)
            }
            drawing.polyline(path(visible, line.mean), .arm(line.arm))
            if visible.count <= 12 {
                for place in visible {
                    drawing.marker(.arm(line.arm), x: plot.px(line.x[place]), y: plot.py(line.mean[place]))
                }
            }
        }
    }

    /// A figure element of the page.
    func html(_ styles: [ArmStyle]) -> String {
        guard let plot = plot(.page, x: 0, y: 0, width: Self.pageWidth, height: Self.pageHeight) else { return "" }
        var drawing = Drawing(.page, styles: styles)
        draw(plot, into: &drawing)
        drawing.cursor(top: plot.top, bottom: plot.bottom)
        return """
            <figure class="chart"><figcaption><b>\(escaped(title))</b> \(escaped(caption))</figcaption>
            <svg viewBox="0 0 \(pixel(Self.pageWidth)) \(pixel(Self.pageHeight))" role="img" aria-label="\(escaped(title))">\
            \(drawing.svg)</svg>
            <script type="application/json">\(data(plot))</script></figure>

            """
    }

    /// What the page's script needs to show values.
    private func data(_ plot: Plot) -> String {
        let lines = series.map { line in
            "{\"a\":\(line.arm),\"n\":\(jsonString(line.label)),\"x\":\(jsonList(line.x)),\"y\":\(jsonList(line.mean)),"
                + "\"l\":\(jsonList(line.low)),\"h\":\(jsonList(line.high))}"
        }
        return "{\"left\":\(plot.left),\"right\":\(plot.right),\"width\":\(Self.pageWidth),"
            + "\"min\":\(plot.x.low),\"max\":\(plot.x.high),\"log\":\(isLogX),\"percent\":\(isPercent),"
            + "\"label\":\(jsonString(xLabel)),\"series\":[\(lines.joined(separator: ","))]}"
    }
}
