/// A map of embeddings as SVG, coloured by label.
struct ScatterChart {
    let map: EmbeddingMap

    private static let side = 300.0
    private static let margin = 8.0

    /// A figure element.
    func html() -> String {
        let x = Axis(values: map.points.map(\.x), isLog: false)
        let y = Axis(values: map.points.map(\.y), isLog: false)
        guard let x, let y else { return "" }
        let scale = Self.side - 2 * Self.margin
        let groups = map.labels.enumerated().map { index, label in
            let points = map.points.filter { $0.label == label.0 }.map { point in
                "<circle cx=\"\(pixel(Self.margin + scale * x.place(point.x)))\" "
                    + "cy=\"\(pixel(Self.side - Self.margin - scale * y.place(point.y)))\" r=\"1.9\"/>"
            }
            return "<g class=\"point a\(index % ReportStyle.colors)\"><title>\(escaped(label.1))</title>"
                + points.joined() + "</g>"
        }
        let shares = map.shares.map { String(short(100 * $0)) + " %" }.joined(separator: ", ")
        return """
            <figure class="map"><figcaption><b>\(escaped(map.arm))</b> seed \(map.seed), step \(map.step); variance \
            \(shares)</figcaption>
            <svg viewBox="0 0 \(pixel(Self.side)) \(pixel(Self.side))" role="img" \
            aria-label="embeddings of \(escaped(map.arm))"><rect class="frame" x="0.5" y="0.5" \
            width="\(pixel(Self.side - 1))" height="\(pixel(Self.side - 1))"/>\(groups.joined())</svg></figure>

            """
    }

    /// Names of the labels with their colours.
    static func legend(_ labels: [(Int32, String)]) -> String {
        let entries = labels.enumerated().map { index, label in
            "<li class=\"a\(index % ReportStyle.colors)\"><i></i>\(escaped(label.1))</li>"
        }
        return "<ul class=\"legend\">\(entries.joined())</ul>\n"
    }
}
