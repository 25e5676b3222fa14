import ExperimentSpec
import Foundation
import RunStore

/// The whole comparison: values, differences, statistics, notes.
extension ReportInput {
    private static let mostOpenNotes = 8

    func tableSection() -> String {
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
}
