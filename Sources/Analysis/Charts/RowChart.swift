import Foundation

/// One row for each arm or level, values along a common horizontal axis: forest plots, bars, effects.
///
/// Names stand in full at the left, and need no legend. What arms are measured against (zero, floors) are vertical lines.
struct RowChart {
    struct Row: Hashable {
        var label: String
        var paint: ChartPaint
        var value: Double
        /// Drawn as a line through the value.
        var low: Double?
        var high: Double?
        /// Of single seeds.
        var points: [Double] = []
        /// The numbers in words: at the right where there is room, and under the pointer.
        var numbers = ""
    }

    enum Line: Hashable {
        case heading(String)
        case row(Row)

        var row: Row? { if case .row(let row) = self { row } else { nil } }
    }

    struct Reference: Hashable {
        var label: String
        var value: Double
        var isDotted = false
        /// Labels of the rows that it belongs to; none: all.
        var rows: Set<String>?
    }

    var title: String
    var caption: String
    var xLabel: String
    /// Bars from 0 to the value instead of markers.
    var isBars = false
    var isPercent = false
    /// Whether there is a line at 0.
    var hasZero = true
    var lines: [Line]
    var references: [Reference] = []

    var rows: [Row] { lines.compactMap(\.row) }

    /// Where values are, and how high all of it is.
    struct Layout {
        let axis: Axis
        let labelRight: Double
        let left: Double
        let right: Double
        let top: Double
        let rowHeight: Double
        let bottom: Double
        /// Lines of the axis title.
        let title: [String]
        let showsNumbers: Bool
        let height: Double

        func px(_ value: Double) -> Double { left + axis.place(value) * (right - left) }
        /// Middle of a line.
        func y(_ line: Int) -> Double { top + rowHeight * (Double(line) + 0.5) }
    }

    /// - Returns: None where nothing can be shown.
    func layout(_ theme: ChartTheme, width: Double, hasNumbers: Bool = true) -> Layout? {
        var own: [Double] = hasZero ? [0] : []
        for row in rows {
            own.append(row.value)
            own += row.points
            if let low = row.low, let high = row.high { own += [low, high] }
        }
        own.removeAll { !$0.isMeasurable }
        guard let least = own.min(), let most = own.max() else { return nil }
        // Floors that lie far from everything would squeeze the rest; they are arrows at the edge instead.
        let reach: Double = isBars ? .infinity : max(most - least, 1e-12)
        let near = references.map(\.value).filter { $0 >= least - reach && $0 <= most + reach }
        guard
            let axis = Axis(
                values: own + near, isLog: false, factor: isPercent ? 100 : 1, start: isBars ? 0 : nil)
        else { return nil }
        let size = theme.textSize
        let widest = rows.map { TextWidth.of($0.label) * size }.max() ?? 0
        let labelRight = min(widest, width * 0.4) + size * (lines.contains { $0.row == nil } ? 1 : 0)
        let numbers = rows.map { TextWidth.of($0.numbers) * size }.max() ?? 0
        let showsNumbers = hasNumbers && numbers > 0 && width - labelRight - numbers > 0.42 * width
        let left = labelRight + size * 0.8
        let right = width - size * 0.9 - (showsNumbers ? numbers + size * 0.8 : 0)
        let top = size * 0.5
        let rowHeight = size * (isBars ? 1.9 : 1.75)
        let bottom = top + rowHeight * Double(lines.count) + size * 0.3
        // Below the plot if it fits there, else over the whole width.
        let title = TextWidth.wrapped(xLabel, size: theme.labelSize, width: width)
        let height =
            bottom + size * 1.9 + Double(title.count) * theme.labelSize * 1.25
            + Double(legend.count) * size * 1.4 + size * 0.3
        return Layout(
            axis: axis, labelRight: labelRight, left: left, right: right, top: top, rowHeight: rowHeight,
            bottom: bottom,
            title: title, showsNumbers: showsNumbers, height: height)
    }

    /// References by their labels, each once.
    private var legend: [Reference] {
        var seen: Set<String> = []
        return references.filter { seen.insert($0.label).inserted }
    }

    func draw(_ layout: Layout, width: Double, into drawing: inout Drawing) {
        let size = drawing.theme.textSize
        for (value, label) in layout.axis.ticks(atMost: layout.right - layout.left > 25 * size ? 8 : 5) {
            let x = layout.px(value)
            for (top, bottom) in stretches(layout) { drawing.line(.grid, from: (x, top), to: (x, bottom)) }
            drawing.line(.tick, from: (x, layout.bottom), to: (x, layout.bottom + size * 0.35))
            drawing.text(label, x: x, y: layout.bottom + size * 1.1, anchor: .middle)
        }
        drawing.line(.tick, from: (layout.left, layout.bottom), to: (layout.right, layout.bottom))
        if hasZero, layout.axis.low <= 0, layout.axis.high >= 0 {
            for (top, bottom) in stretches(layout) {
                drawing.line(.zero, from: (layout.px(0), top), to: (layout.px(0), bottom))
            }
        }
        for reference in references { draw(reference, layout, into: &drawing) }
        for (index, line) in lines.enumerated() {
            switch line {
            case .heading(let text):
                drawing.text(
                    TextWidth.fitted(text, size: size * 1.1, width: layout.right), x: 0, y: layout.y(index),
                    isBold: true)
            case .row(let row): draw(row, layout, y: layout.y(index), width: width, into: &drawing)
            }
        }
        drawFoot(layout, width: width, into: &drawing)
    }

    /// What vertical lines cover: headings stay free of them.
    private func stretches(_ layout: Layout) -> [(top: Double, bottom: Double)] {
        var result: [(top: Double, bottom: Double)] = []
        for (index, line) in lines.enumerated() where line.row != nil {
            let top = index == 0 ? layout.top : layout.y(index) - layout.rowHeight / 2
            let bottom = index == lines.count - 1 ? layout.bottom : layout.y(index) + layout.rowHeight / 2
            if let last = result.last, abs(last.bottom - top) < 1e-9 {
                result[result.count - 1].bottom = bottom
            } else {
                result.append((top, bottom))
            }
        }
        return result
    }

    private func draw(_ row: Row, _ layout: Layout, y: Double, width: Double, into drawing: inout Drawing) {
        let size = drawing.theme.textSize
        drawing.group(row.paint, title: "\(row.label): \(row.numbers)") { drawing in
            drawing.text(
                TextWidth.fitted(row.label, size: size, width: layout.labelRight), x: layout.labelRight, y: y,
                anchor: .end, isStrong: true)
            if layout.showsNumbers {
                drawing.text(row.numbers, x: width - size * 0.15, y: y, anchor: .end, isStrong: true)
            }
            let cap = layout.rowHeight * (isBars ? 0.16 : 0.2)
            if isBars {
                drawing.bar(
                    row.paint, x: layout.left, y: y - layout.rowHeight * 0.34,
                    width: layout.px(row.value) - layout.left, height: layout.rowHeight * 0.68)
            }
            if let low = row.low, let high = row.high {
                drawing.stroke(row.paint, from: (layout.px(low), y), to: (layout.px(high), y))
                for end in [low, high] {
                    drawing.stroke(row.paint, from: (layout.px(end), y - cap), to: (layout.px(end), y + cap))
                }
            }
            if !isBars { drawing.marker(row.paint, x: layout.px(row.value), y: y, scale: 1.25) }
            // Side by side, so that equal values are seen as several.
            let step = row.points.count > 1 ? layout.rowHeight * 0.44 / Double(row.points.count - 1) : 0
            for (place, value) in row.points.enumerated() {
                drawing.ring(
                    x: layout.px(value),
                    y: row.points.count > 1 ? y - layout.rowHeight * 0.22 + step * Double(place) : y)
            }
        }
    }

    private func draw(_ reference: Reference, _ layout: Layout, into drawing: inout Drawing) {
        let size = drawing.theme.textSize
        let rule: Drawing.Rule = reference.isDotted ? .dotted : .reference
        guard reference.value >= layout.axis.low, reference.value <= layout.axis.high else {
            // An arrow at the edge; the legend has the number.
            let isLow = reference.value < layout.axis.low
            let (tip, back) = isLow ? (layout.left, size * 0.9) : (layout.right, -size * 0.9)
            let y = layout.top + size * (reference.isDotted ? 0.9 : 0.1)
            drawing.line(rule, from: (tip, y), to: (tip + 2 * back, y))
            for side in [-0.3, 0.3] {
                drawing.line(.tick, from: (tip, y), to: (tip + back * 0.5, y + side * size))
            }
            return
        }
        let x = layout.px(reference.value)
        guard let wanted = reference.rows else {
            drawing.line(rule, from: (x, layout.top), to: (x, layout.bottom))
            return
        }
        for (index, line) in lines.enumerated() where line.row.map({ wanted.contains($0.label) }) == true {
            let y = layout.y(index)
            drawing.line(rule, from: (x, y - layout.rowHeight / 2), to: (x, y + layout.rowHeight / 2))
        }
    }

    private func drawFoot(_ layout: Layout, width: Double, into drawing: inout Drawing) {
        let size = drawing.theme.textSize
        var y = layout.bottom + size * 1.9 + drawing.theme.labelSize * 0.5
        for line in layout.title {
            // Below the plot where it fits, else as far to the side as the picture allows.
            let half = TextWidth.of(line) * drawing.theme.labelSize / 2
            let middle = min(max((layout.left + layout.right) / 2, half), max(width - half, half))
            drawing.text(line, x: middle, y: y, anchor: .middle, isLabel: true)
            y += drawing.theme.labelSize * 1.25
        }
        y += size * 0.2
        for reference in legend {
            let left = min(layout.left, width * 0.2)
            drawing.line(reference.isDotted ? .dotted : .reference, from: (left, y), to: (left + 2.2 * size, y))
            drawing.text(
                TextWidth.fitted(reference.label, size: size, width: width - left - 2.8 * size), x: left + 2.8 * size,
                y: y)
            y += size * 1.4
        }
    }

    /// The values in words, one sentence for each row.
    var description: String {
        (rows.map { "\($0.label): \($0.numbers)." } + legend.map { "\($0.label)." }).joined(separator: " ")
    }

    /// A figure element of the page, drawn twice: letters must not shrink with the screen of a phone.
    ///
    /// - Parameter hasNumbers: Whether numbers stand at the right; not beside a table that has them.
    func html(_ styles: [ArmStyle], hasNumbers: Bool = true) -> String {
        let widths = [("wide", hasNumbers ? 600.0 : 460), ("narrow", 340)]
        let pictures = widths.compactMap { name, width -> String? in
            guard let layout = layout(.page, width: width, hasNumbers: hasNumbers) else { return nil }
            var drawing = Drawing(.page, styles: styles)
            draw(layout, width: width, into: &drawing)
            return "<svg class=\"\(name)\" viewBox=\"0 0 \(pixel(width)) \(pixel(layout.height))\" role=\"img\" "
                + "aria-label=\"\(escaped(title))\">\(drawing.svg)</svg>"
        }
        guard !pictures.isEmpty else { return "" }
        return """
            <figure class="rows"><figcaption><b>\(escaped(title))</b> \(escaped(caption))</figcaption>
            \(pictures.joined(separator: "\n"))</figure>

            """
    }
}
