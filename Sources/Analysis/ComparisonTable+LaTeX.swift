extension ComparisonTable {
    /// A `table` environment in the manner of booktabs (needs `\usepackage{booktabs}`), legend below the table.
    package func latex(sections wanted: Set<TableSection> = TableSection.usual) -> String {
        let text = TableText(
            table: self,
            notation: TableText.Notation(
                number: { mean, deviation in
                    deviation == TableText.missing ? "$\(mean)$" : "$\(mean) \\pm \(deviation)$"
                },
                single: { "$\($0)$" }, bold: { "\\textbf{\\boldmath \($0)}" }, escape: \.escapedForLaTeX,
                notes: { notes in notes.isEmpty ? "" : "$^{\(notes.map(String.init).joined(separator: ","))}$" }))
        let values = text.values
        let width = values[0].count
        let specification = "lr" + String(repeating: "r", count: columns.count) + (text.hasCollapse ? "l" : "")
        var lines = [
            "\\begin{table}", "  \\centering",
            "  \\caption{\((question.isEmpty ? experiment : question).escapedForLaTeX)}",
            "  \\label{tab:\(experiment.filter { $0.isLetter || $0.isNumber || $0 == "-" })}",
            "  \\begin{tabular}{\(specification)}", "    \\toprule", Self.line(values[0], width: width),
            "    \\midrule",
        ]
        let arms = values.dropFirst().prefix(self.arms.count)
        let floors = values.dropFirst(1 + self.arms.count)
        lines += arms.map { Self.line($0, width: width) }
        if !floors.isEmpty {
            lines.append("    \\midrule")
            lines += floors.map { Self.line($0, width: width) }
        }
        if let differences = text.differences {
            let heading = "Difference from \(baseline), paired by seed (second column: pairs)".escapedForLaTeX
            lines += ["    \\midrule", "    \\multicolumn{\(width)}{l}{\\emph{\(heading)}} \\\\"]
            lines += differences.dropFirst().map { Self.line($0, width: width) }
        }
        lines += ["    \\bottomrule", "  \\end{tabular}", "  \\par\\smallskip", "  {\\footnotesize"]
        lines += notes.enumerated().map { "  $^{\($0 + 1)}$ \($1.escapedForLaTeX)\\par" }
        lines += (legend + legend(of: wanted)).map { "  \($0.escapedForLaTeX)\\par" }
        lines += ["  }", "\\end{table}"]
        lines += text.sections(wanted).flatMap(Self.environment)
        return lines.joined(separator: "\n") + "\n"
    }

    /// A `table` of its own for a section.
    private static func environment(_ section: TextSection) -> [String] {
        let width = section.rows[0].count
        let columns = (0..<width).map { column in
            column < section.textColumns || (column == width - 1 && section.endsInText) ? "l" : "r"
        }
        // Titles end in a colon where a table follows in the text.
        var title = section.title
        if title.hasSuffix(":") { title.removeLast() }
        // Text cells and titles are escaped already; percent signs of headings are not.
        func cell(_ text: String) -> String {
            text.contains("\\") || text.contains("$") ? text : text.escapedForLaTeX
        }
        return [
            "", "\\begin{table}", "  \\centering", "  \\caption{\(cell(title))}",
            "  \\begin{tabular}{\(columns.joined())}", "    \\toprule",
            line(section.rows[0].map(cell), width: width), "    \\midrule",
        ] + section.rows.dropFirst().map { line($0.map(cell), width: width) } + [
            "    \\bottomrule", "  \\end{tabular}",
        ] + section.remarks.map { "  \\par\\smallskip{\\footnotesize \(cell($0))}" } + ["\\end{table}"]
    }

    /// One row; rows without the last columns are filled up.
    private static func line(_ cells: [String], width: Int) -> String {
        let filled = cells + Array(repeating: "", count: width - cells.count)
        let joined = filled.map { $0 == TableText.missing ? "--" : $0 }.joined(separator: " & ")
        return "    \(joined) \\\\".replacing("  \\\\", with: " \\\\")
    }
}

extension String {
    /// Text in which LaTeX sees no command: its ten special letters, and signs that its fonts lack, replaced.
    var escapedForLaTeX: String {
        var escaped = ""
        for letter in self {
            switch letter {
            case "\\": escaped += "\\textbackslash{}"
            case "~": escaped += "\\textasciitilde{}"
            case "^": escaped += "\\textasciicircum{}"
            case "&", "%", "$", "#", "_", "{", "}": escaped += "\\\(letter)"
            case "–": escaped += "--"
            case "−": escaped += "$-$"
            case "±": escaped += "$\\pm$"
            case "<": escaped += "$<$"
            case ">": escaped += "$>$"
            case "β": escaped += "$\\beta$"
            case "→": escaped += "$\\to$"
            case "√": escaped += "$\\surd$"
            default: escaped.append(letter)
            }
        }
        return escaped
    }
}
