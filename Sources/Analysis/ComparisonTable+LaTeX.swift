extension ComparisonTable {
    /// `table` environments in the manner of booktabs, one for the values and one for each section, with notes and legend
    /// as text behind the first, where they may go over pages. Needs `\usepackage{booktabs,graphicx}`: a table that is
    /// wider than the line is scaled down to it.
    package func latex(
        sections wanted: Set<TableSection> = TableSection.usual, hasLegend: Bool = true
    ) -> String {
        let text = TableText(
            table: self,
            notation: TableText.Notation(
                number: { mean, deviation in
                    deviation == TableText.missing
                        ? "$\(mean.numberForLaTeX)$"
                        : "$\(mean.numberForLaTeX) \\pm \(deviation.numberForLaTeX)$"
                },
                single: { "$\($0.numberForLaTeX)$" }, bold: { "\\textbf{\\boldmath \($0)}" }, escape: \.escapedForLaTeX,
                notes: { $0.isEmpty ? "" : "\\textsuperscript{\(references(to: $0, dash: "--"))}" }))
        let values = text.values
        let width = values[0].count
        let specification = "lr" + String(repeating: "r", count: columns.count) + (text.hasCollapse ? "l" : "")
        var lines =
            Self.opening(
                caption: question.isEmpty ? experiment : question,
                label: experiment.filter { $0.isLetter || $0.isNumber || $0 == "-" }, columns: specification)
            + [Self.line(values[0], width: width), "    \\midrule"]
        let arms = values.dropFirst().prefix(self.arms.count)
        let floors = values.dropFirst(1 + self.arms.count)
        lines += arms.map { Self.line($0, width: width) }
        if !floors.isEmpty {
            lines.append("    \\midrule")
            lines += floors.map { Self.line($0, width: width) }
        }
        if let differences = text.differences {
            let unit = columns.contains(where: \.isAccuracy) ? "; accuracies in points" : ""
            let heading = "Difference from \(baseline), paired by seed (second column: pairs\(unit))".escapedForLaTeX
            lines += ["    \\midrule", "    \\multicolumn{\(width)}{l}{\\emph{\(heading)}} \\\\"]
            lines += differences.dropFirst().map { Self.line($0, width: width) }
        }
        lines += Self.closing
        let explanations =
            notes.enumerated().map { "\\textsuperscript{\($0 + 1)} \($1.escapedForLaTeX)\\par" }
            + (hasLegend ? legend + legend(of: wanted) : []).map { "\($0.escapedForLaTeX)\\par" }
        if !explanations.isEmpty {
            lines += ["", "{\\footnotesize\\setlength{\\parindent}{0pt}"] + explanations + ["}"]
        }
        lines += sections(wanted).flatMap(Self.environment)
        return lines.joined(separator: "\n") + "\n"
    }

    /// A `table` of its own for a section.
    private static func environment(_ section: TextSection) -> [String] {
        let width = section.rows[0].count
        let columns = (0..<width).map { column in
            column < section.textColumns || (column == width - 1 && section.endsInText) ? "l" : "r"
        }
        let rows = section.rows.map { line($0.map(\.cellForLaTeX), width: width) }
        let remarks = section.remarks.map { "  \\par\\smallskip{\\footnotesize \($0.escapedForLaTeX)\\par}" }
        return [""] + opening(caption: section.heading, label: nil, columns: columns.joined())
            + [rows[0], "    \\midrule"] + rows.dropFirst() + closing.dropLast() + remarks + [closing.last!]
    }

    /// A `table` up to its first rule. The `tabular` is put into a box, so that its width can be asked.
    private static func opening(caption: String, label: String?, columns: String) -> [String] {
        ["\\begin{table}[htbp]", "  \\centering", "  \\caption{\(caption.escapedForLaTeX)}"]
            + (label.map { ["  \\label{tab:\($0)}"] } ?? [])
            + ["  \\sbox0{%", "  \\begin{tabular}{\(columns)}", "    \\toprule"]
    }

    private static let closing = [
        "    \\bottomrule", "  \\end{tabular}}%",
        "  \\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox0}\\else\\usebox0\\fi", "\\end{table}",
    ]

    /// One row; rows without the last columns are filled up.
    private static func line(_ cells: [String], width: Int) -> String {
        let filled = cells + Array(repeating: "", count: width - cells.count)
        let joined = filled.map { $0 == TableText.missing ? "--" : $0 }.joined(separator: " & ")
        return "    \(joined) \\\\".replacing("  \\\\", with: " \\\\")
    }
}
