import RunStore
package import ExperimentSpec

/// How an arm looks in every chart, on the page and on paper: a hue, and a dash that goes with a marker.
///
/// `ArmStyle.all` alone decides it. Arms that share a level of one axis share a hue, the other axes are the dash, so that
/// both axes of a matrix can be read from a legend, and in print without colours still one of them.
package struct ArmStyle: Hashable, Sendable {
    /// Place in `Palette.hues`.
    package var hue: Int
    /// Place in `dashes` and `markers`; 0 is a plain line.
    package var dash: Int

    package init(hue: Int, dash: Int) {
        self.hue = hue
        self.dash = dash
    }

    /// Lengths of strokes and gaps, in widths of the line.
    static let dashes: [[Double]] = [[], [4, 2], [1, 1.6], [6, 2, 1, 2], [8, 3], [4, 1.5, 1, 1.5, 1, 1.5]]
    static let markers: [ChartMarker] = [.circle, .square, .triangle, .diamond, .cross, .nabla]

    /// One style for each arm.
    ///
    /// The first axis is the hue, the combination of all others the dash; where the first has more levels than there are
    /// hues, and another has not, that other one is the hue. Arms beside the grid follow with hues of their own. With one
    /// axis, or none, each arm has a hue, and a dash only once the hues are used up.
    package static func all(arms: [String], factors: [Factor]) -> [ArmStyle] {
        let axes = factors.filter { $0.levels.count > 1 }
        guard axes.count > 1 else { return arms.indices.map { plain($0) } }
        let hueAxis = axes.firstIndex { $0.levels.count <= Palette.hues } ?? 0
        var combinations: [[String?]] = []
        var extra = axes[hueAxis].levels.count
        var taken: Set<ArmStyle> = []
        return arms.map { arm in
            var style: ArmStyle
            if let level = axes[hueAxis].level(of: arm).flatMap(axes[hueAxis].levels.firstIndex) {
                let others = axes.indices.filter { $0 != hueAxis }.map { axes[$0].level(of: arm) }
                if !combinations.contains(others) { combinations.append(others) }
                style = ArmStyle(hue: level, dash: combinations.firstIndex(of: others) ?? 0)
            } else {
                style = plain(extra)
                extra += 1
            }
            style.hue %= Palette.hues
            style.dash %= dashes.count
            // Hues and dashes may repeat, an arm's look should not as long as any is left.
            let first = style.dash
            while taken.contains(style) {
                style.dash = (style.dash + 1) % dashes.count
                if style.dash == first { break }
            }
            taken.insert(style)
            return style
        }
    }

    /// The hue of a level of an axis in `all`; none where that axis is not the hue.
    static func hue(ofLevel level: String, factor: String, factors: [Factor]) -> Int? {
        let axes = factors.filter { $0.levels.count > 1 }
        guard
            let axis = axes.count > 1 ? axes.first(where: { $0.levels.count <= Palette.hues }) ?? axes[0] : axes.first,
            axis.name == factor
        else { return nil }
        return axis.levels.firstIndex(of: level).map { $0 % Palette.hues }
    }

    private static func plain(_ place: Int) -> ArmStyle {
        ArmStyle(hue: place % Palette.hues, dash: place / Palette.hues % dashes.count)
    }
}

/// Shapes that tell dashes apart where only points are drawn.
enum ChartMarker: Sendable {
    case circle, square, triangle, diamond, cross, nabla
}

/// The colours of charts.
enum Palette {
    /// Okabe and Ito's colours (Color Universal Design, 2008), which people with any kind of colour blindness can tell apart;
    /// those that are strong on white first.
    static let onWhite = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b3a800"]
    /// The same hues, light enough for a dark page.
    static let onBlack = ["#4da3e0", "#ff8a3d", "#2fcf9f", "#f0a3cb", "#ffc247", "#9ad6ff", "#f2f2f2", "#f0e442"]
    static var hues: Int { onWhite.count }

    /// For labels of a data set, of which there are more: the hues, then others.
    static let labelsOnWhite = onWhite + ["#7f7f7f", "#8e44ad", "#6b8e23", "#8c564b"]
    static let labelsOnBlack = onBlack + ["#b3b3b3", "#cf9bff", "#b5d56a", "#c49c94"]
}
