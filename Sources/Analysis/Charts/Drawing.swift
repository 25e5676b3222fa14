/// Where a chart is shown. The page styles marks by classes, for dark mode and for highlighting; on paper each mark carries
/// its own attributes, which every program that reads SVG understands.
enum ChartTheme: Hashable, Sendable {
    /// Units are CSS pixels.
    case page
    /// Units are points.
    case print

    /// Of tick labels and everything else but titles of axes.
    var textSize: Double { self == .page ? 11 : 7 }
    var labelSize: Double { self == .page ? 11 : 7.5 }
    var lineWidth: Double { self == .page ? 1.7 : 1 }
    var markerRadius: Double { self == .page ? 2.6 : 1.7 }

    func number(_ value: Double) -> String { self == .page ? pixel(value) : point(value) }
}

/// What a mark belongs to, which decides its colour.
enum ChartPaint: Hashable, Sendable {
    case arm(Int)
    case hue(Int)
    case neutral
}

/// Marks of a chart as SVG elements, in one of two themes.
struct Drawing {
    enum Rule {
        case grid, tick, zero, reference
        /// A reference that is told from others by its dots.
        case dotted
    }

    enum Anchor: String { case start, middle, end }

    let theme: ChartTheme
    let styles: [ArmStyle]
    private(set) var svg = ""

    init(_ theme: ChartTheme, styles: [ArmStyle]) {
        self.theme = theme
        self.styles = styles
    }

    // MARK: Frames and text

    mutating func line(_ rule: Rule, from start: (x: Double, y: Double), to end: (x: Double, y: Double)) {
        let (kind, paper) =
            switch rule {
            case .grid: ("grid", "stroke=\"#dddddd\" stroke-width=\"0.4\"")
            case .tick: ("tick", "stroke=\"#444444\" stroke-width=\"0.5\"")
            case .zero: ("zero", "stroke=\"#000000\" stroke-width=\"0.7\"")
            case .reference: ("reference", "stroke=\"#444444\" stroke-width=\"0.7\" stroke-dasharray=\"3 1.5\"")
            case .dotted: ("reference dotted", "stroke=\"#444444\" stroke-width=\"0.8\" stroke-dasharray=\"0.8 1.4\"")
            }
        svg += "<line \(theme == .page ? "class=\"\(kind)\"" : paper) x1=\"\(n(start.x))\" y1=\"\(n(start.y))\" "
        svg += "x2=\"\(n(end.x))\" y2=\"\(n(end.y))\"/>"
    }

    /// - Parameters:
    ///   - y: Of the middle of the letters.
    ///   - isStrong: In the colour of text, not of axes.
    mutating func text(
        _ text: String, x: Double, y: Double, anchor: Anchor = .start, isLabel: Bool = false, isStrong: Bool = false,
        isBold: Bool = false, isUpright: Bool = false, hasHalo: Bool = false
    ) {
        let place = isUpright ? "transform=\"translate(\(n(x)) \(n(y))) rotate(-90)\"" : "x=\"\(n(x))\" y=\"\(n(y))\""
        let kind = isBold || isStrong ? "strong" : isLabel ? "label" : ""
        var look = theme == .page ? (kind.isEmpty ? "" : " class=\"\(kind)\"") : " fill=\"#000000\""
        if theme == .print, isLabel { look += " font-size=\"\(n(theme.labelSize))\"" }
        if isBold { look += " font-weight=\"bold\"" }
        // Over lines.
        if hasHalo {
            look +=
                theme == .page
                ? " style=\"stroke:var(--panel)\" stroke-width=\"3\" paint-order=\"stroke\""
                : " stroke=\"#ffffff\" stroke-width=\"1.6\" paint-order=\"stroke\""
        }
        svg += "<text\(look) \(place) dy=\".35em\" text-anchor=\"\(anchor.rawValue)\">\(escaped(text))</text>"
    }

    /// Invisible until the pointer is over the chart.
    mutating func cursor(top: Double, bottom: Double) {
        svg += "<line class=\"cursor\" y1=\"\(n(top))\" y2=\"\(n(bottom))\" visibility=\"hidden\"/>"
    }

    // MARK: Marks of arms

    /// Everything that `draw` adds belongs to one arm.
    mutating func group(_ paint: ChartPaint, title: String? = nil, _ draw: (inout Drawing) -> Void) {
        let kind =
            switch paint {
            case .arm(let arm): " class=\"arm a\(arm)\" data-arm=\"\(arm)\""
            case .hue(let hue): " class=\"arm h\(hue)\""
            case .neutral: " class=\"arm\""
            }
        svg += "<g\(theme == .page ? kind : "")>"
        if let title { svg += "<title>\(escaped(title))</title>" }
        draw(&self)
        svg += "</g>"
    }

    mutating func polyline(_ points: [(x: Double, y: Double)], _ paint: ChartPaint) {
        let paper =
            " fill=\"none\" stroke=\"\(color(paint))\" stroke-width=\"\(n(theme.lineWidth))\"\(dashes(paint)) "
            + "stroke-linejoin=\"round\""
        svg += "<polyline\(theme == .page ? "" : paper) points=\"\(list(points))\"/>"
    }

    /// - Parameter opacity: Less where many bands lie on each other.
    mutating func band(_ points: [(x: Double, y: Double)], _ paint: ChartPaint, opacity: Double) {
        svg += "<polygon \(theme == .page ? "class=\"band\"" : "fill=\"\(color(paint))\"") "
        svg += "fill-opacity=\"\(point(opacity))\" "
        svg += "points=\"\(list(points))\"/>"
    }

    /// A solid stroke: an interval.
    mutating func stroke(_ paint: ChartPaint, from start: (x: Double, y: Double), to end: (x: Double, y: Double)) {
        let paper = "stroke=\"\(color(paint))\" stroke-width=\"\(n(theme.lineWidth))\""
        svg += "<line \(theme == .page ? "class=\"stroke\"" : paper) x1=\"\(n(start.x))\" y1=\"\(n(start.y))\" "
        svg += "x2=\"\(n(end.x))\" y2=\"\(n(end.y))\"/>"
    }

    mutating func bar(_ paint: ChartPaint, x: Double, y: Double, width: Double, height: Double) {
        let paper = "fill=\"\(color(paint))\" fill-opacity=\"0.45\" stroke=\"\(color(paint))\" stroke-width=\"0.5\""
        svg += "<rect \(theme == .page ? "class=\"bar\"" : paper) x=\"\(n(x))\" y=\"\(n(y))\" "
        svg += "width=\"\(n(max(width, 0)))\" height=\"\(n(height))\"/>"
    }

    /// A single seed's value, which must not hide others.
    mutating func ring(x: Double, y: Double) {
        let paper = "fill=\"#ffffff\" stroke=\"#000000\" stroke-width=\"0.5\""
        svg += "<circle \(theme == .page ? "class=\"seed\"" : paper) cx=\"\(n(x))\" cy=\"\(n(y))\" "
        svg += "r=\"\(n(theme.markerRadius * 0.75))\"/>"
    }

    /// A filled marker in the shape of the arm.
    mutating func marker(_ paint: ChartPaint, x: Double, y: Double, scale: Double = 1) {
        let r = theme.markerRadius * scale
        let look = theme == .page ? " class=\"marker\"" : " fill=\"\(color(paint))\""
        func polygon(_ corners: [(Double, Double)]) -> String {
            "<polygon\(look) points=\"\(list(corners.map { (x: x + r * $0.0, y: y + r * $0.1) }))\"/>"
        }
        switch shape(paint) {
        case .circle: svg += "<circle\(look) cx=\"\(n(x))\" cy=\"\(n(y))\" r=\"\(n(r))\"/>"
        case .square: svg += polygon([(-0.95, -0.95), (0.95, -0.95), (0.95, 0.95), (-0.95, 0.95)])
        case .triangle: svg += polygon([(0, -1.3), (1.2, 0.9), (-1.2, 0.9)])
        case .nabla: svg += polygon([(0, 1.3), (1.2, -0.9), (-1.2, -0.9)])
        case .diamond: svg += polygon([(0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)])
        case .cross:
            let (a, b) = (0.4, 1.25)
            svg += polygon([
                (-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a),
                (-a, -a),
            ])
        }
    }

    /// Line and marker of an arm, as legends show them: centred at `y`.
    mutating func sample(_ paint: ChartPaint, x: Double, y: Double, width: Double) {
        polyline([(x, y), (x + width, y)], paint)
        marker(paint, x: x + width / 2, y: y)
    }

    // MARK: Looks

    private func n(_ value: Double) -> String { theme.number(value) }

    private func list(_ points: [(x: Double, y: Double)]) -> String {
        points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    }

    private func style(_ paint: ChartPaint) -> ArmStyle? {
        guard case .arm(let arm) = paint, styles.indices.contains(arm) else { return nil }
        return styles[arm]
    }

    private func shape(_ paint: ChartPaint) -> ChartMarker { ArmStyle.markers[style(paint)?.dash ?? 0] }

    private func color(_ paint: ChartPaint) -> String {
        if case .hue(let hue) = paint { return Palette.onWhite[hue % Palette.hues] }
        return style(paint).map { Palette.onWhite[$0.hue] } ?? "#444444"
    }

    private func dashes(_ paint: ChartPaint) -> String {
        let lengths = ArmStyle.dashes[style(paint)?.dash ?? 0]
        guard !lengths.isEmpty else { return "" }
        return " stroke-dasharray=\"\(lengths.map { n($0 * theme.lineWidth) }.joined(separator: " "))\""
    }
}
