import Foundation

/// Maps of embeddings, masks and attention.
extension ReportInput {
    func mapSection() -> String {
        guard !maps.isEmpty || !remarks.isEmpty else { return "" }
        var html = "<h2>Embeddings</h2>\n"
        if let first = maps.first {
            let reach = ScatterChart.reach(of: maps)
            html += """
                <p class="soft">Features of test images of the \(escaped(first.encoder)) encoder on their first two principal \
                components, the directions of most variance; at most \(EmbeddingMap.mostPoints) images, coloured by class. All \
                maps have one scale, from −\(short(reach)) to \(short(reach)) on both axes, so a small cloud is a small \
                spread.</p>

                """
            html += ScatterChart.legend(first.labels)
            html +=
                "<div class=\"grid3\">" + maps.map { ScatterChart(map: $0, reach: reach).html() }.joined() + "</div>\n"
        }
        html += remarks.map { "<p class=\"soft\">\(escaped($0))</p>\n" }.joined()
        return html
    }

    func pictureSection() -> String {
        func figures(_ pictures: [Picture]) -> String {
            pictures.map { picture in
                """
                <figure class="picture"><figcaption><b>\(escaped(picture.title))</b> \(escaped(picture.caption))</figcaption>
                <img alt="\(escaped(picture.title))" src="data:image/png;base64,\(picture.png.base64EncodedString())"></figure>

                """
            }.joined()
        }
        guard !masks.isEmpty || !attention.isEmpty || !pictureRemarks.isEmpty else { return "" }
        var html = "<h2>Masks and attention</h2>\n" + figures(masks)
        if !attention.isEmpty {
            html += """
                <h3>Attention of the last block</h3>
                <p class="soft">On whole test images, from the runs' checkpoints: the share of attention that each patch \
                gets, mean over queries and heads; colours span the minimum to the maximum of each map. If a map looks the \
                same for every image, the encoder attends to positions, not to content.</p>
                <div class="grid3">\(figures(attention))</div>

                """
        }
        return html + pictureRemarks.map { "<p class=\"soft\">\(escaped($0))</p>\n" }.joined()
    }
}
