extension ComparisonTable {
    /// A GitHub table that is aligned in a terminal too, with its differences, notes and legend.
    package func markdown(
        sections wanted: Set<TableSection> = TableSection.usual, hasLegend: Bool = true
    ) -> String {
        let text = TableText(
            table: self,
            notation: TableText.Notation(
                number: { "\($0.withMinusSign) ± \($1)" }, single: \.withMinusSign, bold: { "**\($0)**" },
                escape: \.escapedForMarkdown,
                notes: { $0.isEmpty ? "" : " [\(references(to: $0, dash: "–"))]" }))
        var sections = ["### \(experiment)" + (question.isEmpty ? "" : ": \(question)")]
        sections.append(Self.aligned(text.values, endsInText: text.hasCollapse))
        if let differences = text.differences {
            sections.append("Difference from \(baseline), paired by seed:")
            sections.append(Self.aligned(differences))
        }
        for section in self.sections(wanted) {
            sections.append(section.title)
            sections.append(
                Self.aligned(
                    section.rows.map { $0.map(\.escapedForMarkdown) }, textColumns: section.textColumns,
                    endsInText: section.endsInText))
            sections += section.remarks
        }
        if !notes.isEmpty {
            sections.append(
                (["Notes:", ""] + notes.enumerated().map { "- [\($0 + 1)] \($1)" }).joined(separator: "\n"))
        }
        if hasLegend {
            sections.append(
                (["Legend:", ""] + (legend + legend(of: wanted)).map { "- \($0)" }).joined(separator: "\n"))
        }
        return sections.joined(separator: "\n\n") + "\n"
    }

    /// Pads columns of text on their right, the others on their left.
    private static func aligned(_ rows: [[String]], textColumns: Int = 1, endsInText: Bool = false) -> String {
        let columns = rows[0].indices
        let widths = columns.map { column in max(4, rows.map { $0[column].count }.max() ?? 0) }
        let isLeading = columns.map { $0 < textColumns || ($0 == columns.last && endsInText) }
        func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
        let padded = rows.map { row in
            line(
                columns.map { column in
                    let padding = String(repeating: " ", count: widths[column] - row[column].count)
                    return isLeading[column] ? row[column] + padding : padding + row[column]
                })
        }
        let rule = line(
            columns.map { column in
                let dashes = String(repeating: "-", count: widths[column] - 1)
                return isLeading[column] ? ":\(dashes)" : "\(dashes):"
            })
        return ([padded[0], rule] + padded.dropFirst()).joined(separator: "\n")
    }
}

extension String {
    /// A number with the typographic minus in place of the hyphen; exponents keep theirs.
    var withMinusSign: String { hasPrefix("-") ? "−\(dropFirst())" : self }

    /// A cell whose bars end no column.
    fileprivate var escapedForMarkdown: String { replacing("|", with: "\\|") }
}
