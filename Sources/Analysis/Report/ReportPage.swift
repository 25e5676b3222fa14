import Declarations
import Evaluation
import Objectives
import ExperimentSpec
import Foundation
import RunStore

extension ReportInput {
    /// The report as one HTML page that needs nothing but itself.
    package func html() -> String {
        let sections = [
            header(), planSection(), tableSection(), verdictSection(), trainingSection(), gradientSection(),
            evaluationSection(), diagnosticsSection(), spectrumSection(), mapSection(), pictureSection(),
            costSection(), failureSection(), provenanceSection(),
        ]
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" href="data:,">
            <title>\(escaped(record.name))</title>
            <style>
            \(ReportStyle.css(arms: record.arms.count))
            </style></head><body>
            \(Self.withContents(sections))
            <div id="tip" role="status"></div>
            <script>
            \(ReportStyle.script)
            </script>
            </body></html>

            """
    }

    /// The sections with a link to each heading below the first of them.
    private static func withContents(_ sections: [String]) -> String {
        var links: [String] = []
        let numbered = sections.map { section in
            section.replacing(/<h2>(.*?)<\/h2>/) { match in
                links.append("<a href=\"#s\(links.count)\">\(match.output.1)</a>")
                return "<h2 id=\"s\(links.count - 1)\">\(match.output.1)</h2>"
            }
        }
        return (numbered.first ?? "") + "<nav>\(links.joined(separator: " "))</nav>\n"
            + numbered.dropFirst().joined()
    }

    // MARK: What was asked, and what was run

    private func header() -> String {
        let done = runs.count { $0.state?.status.isFinished == true }
        var html = "<h1>\(escaped(record.name))</h1>\n"
        if !record.question.isEmpty { html += "<p><b>Question.</b> \(escaped(record.question))</p>\n" }
        if !record.expected.isEmpty { html += "<p><b>Expected.</b> \(escaped(record.expected))</p>\n" }
        html += "<p class=\"soft\">\(counted(record.arms.count, "arm")), \(counted(runs.count, "run")), \(done) done; "
        html += record.baseline.isEmpty ? "no baseline" : "baseline \(escaped(record.baseline))"
        html += "; spec \(escaped(record.specPath)).</p>\n"
        return html
    }

    private func planSection() -> String {
        let rows = record.arms.map { arm -> String in
            let entries = record.runs.filter { $0.arm == arm }
            let differences = (entries.first?.differences ?? [:]).sorted { $0.key < $1.key }
                .map { "<code>\(escaped($0.key))</code> = \(escaped($0.value))" }.joined(separator: "<br>")
            let seeds = entries.map { String($0.seed) }.joined(separator: ", ")
            let mark = arm == record.baseline ? " (baseline)" : ""
            return "<tr><td>\(escaped(arm))\(mark)</td><td class=\"text\">\(differences)</td><td>\(seeds)</td></tr>"
        }
        return """
            <h2>Plan</h2>
            <div class="scroll"><table><thead><tr><th>arm</th><th class="text">settings that differ</th><th>seeds</th></tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>

            """
    }

    // MARK: The answer

    private static let mostOpenNotes = 8

    private func tableSection() -> String {
        let text = TableText(
            table: table,
            notation: TableText.Notation(
                number: { $1 == TableText.missing ? $0.withMinusSign : "\($0.withMinusSign) ± \($1)" },
                single: \.withMinusSign, bold: { "<b>\($0)</b>" }, escape: escaped,
                notes: { $0.isEmpty ? "" : " [\(references(to: $0, dash: "–"))]" }))
        var html = "<h2>Comparison</h2>\n"
        html += htmlTable(text.values, id: "comparison") { row, column in
            // Label and count come first, the collapse mark last.
            let cells = table.rows[row].cells
            return cells.indices.contains(column - 2) ? cells[column - 2].statistics?.mean : nil
        }
        if let differences = text.differences {
            let arms = table.arms.filter { $0.cells.contains { $0.difference != nil } }
            html += "<h3>Difference from \(escaped(table.baseline)), paired by seed</h3>\n"
            html += htmlTable(differences, id: "differences") { row, column in
                let cells = arms[row].cells
                return cells.indices.contains(column - 2) ? cells[column - 2].difference?.mean : nil
            }
        }
        for (index, section) in table.sections(TableSection.usual).enumerated() {
            html += "<h3>\(escaped(section.heading))</h3>\n"
            let rows = section.rows.map { $0.map(escaped) }
            html += htmlTable(rows, id: "section-\(index)") { _, _ in nil }
            html += section.remarks.map { "<p class=\"soft\">\(escaped($0))</p>\n" }.joined()
        }
        if !table.notes.isEmpty {
            let list = "<ol class=\"soft\">" + table.notes.map { "<li>\(escaped($0))</li>" }.joined() + "</ol>\n"
            // A long list pushes the rest of the page away.
            html +=
                table.notes.count > Self.mostOpenNotes
                ? "<details class=\"soft\"><summary>\(counted(table.notes.count, "note"))</summary>\(list)</details>\n"
                : list
        }
        html += "<details class=\"soft\"><summary>How to read it</summary><ul>"
        let legend = table.legend + table.legend(of: TableSection.usual)
        html += legend.map { "<li>\(escaped($0))</li>" }.joined() + "</ul></details>\n"
        return html
    }

    /// A table that sorts by the numbers behind its cells.
    private func htmlTable(_ rows: [[String]], id: String, value: (_ row: Int, _ column: Int) -> Double?) -> String {
        let head = rows[0].map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = rows.dropFirst().enumerated().map { row, cells in
            "<tr>"
                + cells.enumerated().map { column, cell in
                    let key = value(row, column).map { " data-value=\"\($0)\"" } ?? ""
                    return "<td\(cell == TableText.missing ? " data-value=\"\"" : key)>\(cell)</td>"
                }.joined() + "</tr>"
        }
        return """
            <div class="scroll"><table class="sortable" id="\(id)"><thead><tr>\(head)</tr></thead>
            <tbody>\(body.joined(separator: "\n"))</tbody></table></div>

            """
    }

    // MARK: Curves

    /// Names of the arms with their colours, and switches for them.
    func armLegend() -> String {
        let entries = record.arms.enumerated().map { index, arm in
            "<li class=\"a\(index)\"><label class=\"switch\"><input type=\"checkbox\" checked value=\"\(index)\"></label>"
                + "<i></i>\(escaped(arm))</li>"
        }
        return "<ul class=\"legend\">\(entries.joined())</ul>\n"
    }

    func charts(_ charts: [LineChart]) -> String {
        "<div class=\"grid2\">" + charts.map { $0.html() }.joined() + "</div>\n"
    }

    private func trainingSection() -> String {
        var columns: [(name: String, title: String, caption: String, isLog: Bool)] = [
            ("loss", "Loss", "", false), ("prediction_loss", "Prediction loss", "", false),
        ]
        for term in Catalogue.current.regularizers.map({ $0.declaration }) {
            columns.append((term.lossColumn, term.title, "before its weight", false))
            columns.append((term.weightColumn, "Weight of \(term.title)", "", false))
            guard term.parts.count > 1 else { continue }
            columns += term.parts.map { (term.column(of: $0), $0.title, "before its weight", false) }
        }
        columns.append(("gradient_norm", "Gradient norm", "", true))
        let shown = columns.compactMap { column -> LineChart? in
            let series = series("steps", column.name)
            guard !series.isEmpty else { return nil }
            return LineChart(
                title: column.title, caption: column.caption,
                xLabel: "step", isLogY: column.isLog, series: series)
        }
        guard !shown.isEmpty else { return "" }
        return """
            <h2>Training</h2>
            <p class="soft">Lines are means over seeds, bands the range of the seeds; each point is the mean of several
            consecutive steps. Losses of arms with different objectives cannot be compared.</p>
            \(armLegend())\(charts(shown))
            """
    }

    private func evaluationSection() -> String {
        let tables = runs.flatMap(\.tables).filter { $0.key.hasPrefix("evaluation/") }
        let encoders = Set(tables.map { String($0.key.dropFirst("evaluation/".count)) }).sorted(by: >)
        let probes = MetricConvention.representatives(among: Set(tables.flatMap(\.value.columns)))
        let skill = [("predictor_r2", "Predictor R²"), ("predictor_r2_position", "Predictor R² per position")]
        var html = ""
        for encoder in encoders {
            // Diagnoses are taken with every evaluation, and more often.
            let columns =
                probes.map { ($0.name, $0.title) }
                + (hasDiagnostics(of: encoder) ? [] : Self.measures.map { ($0.name, $0.title) } + skill)
            let shown = columns.compactMap { name, title -> LineChart? in
                let series = series("evaluation/\(encoder)", name)
                guard !series.isEmpty else { return nil }
                let isAccuracy = probes.contains { $0.name == name && $0.isAccuracy }
                return LineChart(
                    title: title, caption: isAccuracy ? "accuracy on test images, %" : "test images", xLabel: "step",
                    isPercent: isAccuracy, series: series)
            }
            guard !shown.isEmpty else { continue }
            html += "<h2>Features of the \(escaped(encoder)) encoder</h2>\n\(armLegend())\(charts(shown))"
        }
        return html
    }

    private func mapSection() -> String {
        guard !maps.isEmpty || !remarks.isEmpty else { return "" }
        var html = "<h2>Embeddings</h2>\n"
        if let first = maps.first {
            html +=
                "<p class=\"soft\">Features of test images of the \(escaped(first.encoder)) encoder on their first two "
            html += "principal components, each arm on its own axes; at most \(EmbeddingMap.mostPoints) images.</p>\n"
            html += ScatterChart.legend(first.labels)
            html += "<div class=\"grid3\">" + maps.map { ScatterChart(map: $0).html() }.joined() + "</div>\n"
        }
        html += remarks.map { "<p class=\"soft\">\(escaped($0))</p>\n" }.joined()
        return html
    }

    private func pictureSection() -> String {
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
