import Foundation

/// A map of embeddings as SVG, coloured by label.
struct ScatterChart {
    let map: EmbeddingMap
    /// What both axes reach to either side; the same in all maps that are compared.
    let reach: Double

    private static let side = 300.0
    private static let margin = 8.0

    /// A figure element.
    func html() -> String {
        guard let axis = Axis(values: [-reach, reach], isLog: false) else { return "" }
        let scale = Self.side - 2 * Self.margin
        let groups = map.labels.enumerated().map { index, label in
            let points = map.points.filter { $0.label == label.0 }.map { point in
                "<circle cx=\"\(pixel(Self.margin + scale * axis.place(point.x)))\" "
                    + "cy=\"\(pixel(Self.side - Self.margin - scale * axis.place(point.y)))\" r=\"1.9\"/>"
            }
            return "<g class=\"point l\(index % ReportStyle.labelColors)\"><title>\(escaped(label.1))</title>"
                + points.joined() + "</g>"
        }
        let shares = map.shares.map { String(format: "%.0f %%", 100 * $0) }.joined(separator: " and ")
        return """
            <figure class="map"><figcaption><b>\(escaped(map.arm))</b> seed \(map.seed), step \(map.step); the two hold \
            \(shares) of the variance</figcaption>
            <svg viewBox="0 0 \(pixel(Self.side)) \(pixel(Self.side))" role="img" \
            aria-label="embeddings of \(escaped(map.arm))"><rect class="frame" x="0.5" y="0.5" \
            width="\(pixel(Self.side - 1))" height="\(pixel(Self.side - 1))"/>\(groups.joined())</svg></figure>

            """
    }

    /// The largest distance from the centre along an axis in any of the maps.
    static func reach(of maps: [EmbeddingMap]) -> Double {
        maps.flatMap(\.points).reduce(0) { max($0, abs($1.x), abs($1.y)) }
    }

    /// Names of the labels with their colours.
    static func legend(_ labels: [(Int32, String)]) -> String {
        let entries = labels.enumerated().map { index, label in
            "<li class=\"l\(index % ReportStyle.labelColors)\"><i></i>\(escaped(label.1))</li>"
        }
        return "<ul class=\"legend\">\(entries.joined())</ul>\n"
    }
}
