/// A table of aligned columns, two spaces apart, without rules.
package struct TextTable: Sendable {
    package enum Alignment: Sendable {
        case left
        case right
    }

    private var rows: [[String]]
    private let alignments: [Alignment]

    package init(_ columns: [(title: String, alignment: Alignment)]) {
        rows = [columns.map(\.title)]
        alignments = columns.map(\.alignment)
    }

    package mutating func append(_ cells: [String]) {
        precondition(cells.count == alignments.count, "\(cells.count) cells, but \(alignments.count) columns")
        rows.append(cells)
    }

    /// Lines without trailing spaces; columns that are empty in every row are left out.
    package var text: String {
        let shown = alignments.indices.filter { column in rows.dropFirst().contains { !$0[column].isEmpty } }
        let widths = alignments.indices.map { column in rows.map(\.[column].count).max() ?? 0 }
        return rows.map { row in
            var line = shown.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return alignments[column] == .left ? row[column] + padding : padding + row[column]
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
