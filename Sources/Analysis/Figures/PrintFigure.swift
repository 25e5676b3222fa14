/// A figure as an SVG file for paper: sizes in points, text as text, all looks in attributes, no script and no style sheet.
struct PrintFigure {
    /// Fonts of papers first, then what Linux has, then whatever there is.
    static let fonts = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

    let title: String
    /// What a reader who cannot see the figure needs, numbers included.
    let description: String
    let width: Double
    let height: Double
    let content: String

    var svg: String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" width="\(point(width))pt" height="\(point(height))pt" \
        viewBox="0 0 \(point(width)) \(point(height))" role="img" aria-labelledby="title desc" \
        font-family="\(Self.fonts)" font-size="\(point(ChartTheme.print.textSize))">
        <title id="title">\(escaped(title))</title>
        <desc id="desc">\(escaped(description))</desc>
        \(content.replacing("><", with: ">\n<"))
        </svg>

        """
    }
}

/// Names of arms with their lines, in columns.
struct ChartLegend {
    let entries: [(label: String, paint: ChartPaint)]
    let theme: ChartTheme

    private var size: Double { theme.textSize }
    private var sample: Double { size * 2.6 }
    private var rowHeight: Double { size * 1.45 }
    /// Of the widest entry.
    private var entryWidth: Double {
        sample + size * 0.5 + (entries.map { TextWidth.of($0.label) }.max() ?? 0) * size + size
    }

    private func columns(_ width: Double) -> Int { max(1, min(entries.count, Int(width / entryWidth))) }

    private func rows(_ width: Double) -> Int {
        let columns = columns(width)
        return (entries.count + columns - 1) / columns
    }

    /// Of a single column, where names may be cut to fit into it.
    func width(atMost most: Double) -> Double { min(entryWidth, most) }

    func height(_ width: Double) -> Double { Double(rows(width)) * rowHeight }

    /// Fills columns one after the other.
    func draw(x: Double, y: Double, width: Double, into drawing: inout Drawing) {
        let (columns, rows) = (columns(width), rows(width))
        let step = columns == 1 ? width : max(entryWidth, width / Double(columns))
        for (index, entry) in entries.enumerated() {
            let left = x + step * Double(index / rows)
            let middle = y + rowHeight * (Double(index % rows) + 0.5)
            drawing.sample(entry.paint, x: left, y: middle, width: sample)
            drawing.text(
                TextWidth.fitted(entry.label, size: size, width: step - sample - size * 0.5),
                x: left + sample + size * 0.5,
                y: middle)
        }
    }
}
