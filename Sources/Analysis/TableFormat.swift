/// How a comparison table is written.
package enum TableFormat: String, CaseIterable, Sendable {
    /// The answer, for terminals.
    case text
    /// A GitHub table, aligned for terminals as well.
    case markdown = "md"
    /// One line for each arm or floor and metric, unrounded.
    case csv
    /// booktabs.
    case latex
    /// Everything, with the value of every seed.
    case json

    /// The format of a file by the end of its name: Markdown where that says nothing.
    package init(ofFile path: String) {
        let name = path.split(separator: "/").last ?? ""
        let end = name.contains(".") ? name.split(separator: ".").last?.lowercased() : nil
        self = end.flatMap { Self.endings[$0] } ?? .markdown
    }

    private static let endings: [String: TableFormat] = [
        "txt": .text, "md": .markdown, "csv": .csv, "tex": .latex, "json": .json,
    ]
}

extension ComparisonTable {
    /// The table as text that ends with a line break.
    ///
    /// - Parameters:
    ///   - sections: What Markdown and LaTeX show below values and differences; CSV and JSON hold what they hold, and text
    ///     shows the sections of `options`.
    ///   - metric: The headline of text; none: as `Answer` has it.
    ///   - options: Of text; none: those of a window of 80 columns.
    ///   - hasLegend: Whether Markdown and LaTeX explain the columns.
    package func text(
        as format: TableFormat, sections: Set<TableSection> = TableSection.usual, metric: String? = nil,
        options: AnswerText.Options? = nil, hasLegend: Bool = true
    ) throws -> String {
        switch format {
        case .text:
            AnswerText(
                Answer(self, metric: metric), of: self, options: options ?? AnswerText.Options(place: experiment)
            ).text
        case .markdown: markdown(sections: sections, hasLegend: hasLegend)
        case .csv: csv()
        case .latex: latex(sections: sections, hasLegend: hasLegend)
        case .json: try json()
        }
    }
}

/// What the text formats share: rows of strings, the same for terminals and papers but for the signs in them.
struct TableText {
    /// "±", "–" and emphasis in the words of one format.
    struct Notation {
        /// A number and its spread, joined.
        let number: (_ mean: String, _ deviation: String) -> String
        /// A number without a spread: a floor.
        let single: (String) -> String
        let bold: (String) -> String
        /// A label, with the format's special letters escaped.
        let escape: (String) -> String
        /// References to notes.
        let notes: ([Int]) -> String

        /// Text as people read it, with nothing escaped.
        static var plain: Notation {
            Notation(
                number: { mean, deviation in
                    deviation == TableText.missing ? mean.withMinusSign : "\(mean.withMinusSign) ± \(deviation)"
                },
                single: \.withMinusSign, bold: { $0 }, escape: { $0 },
                notes: { $0.isEmpty ? "" : " [\(references(to: $0, dash: "–"))]" })
        }
    }

    static let missing = "–"

    let table: ComparisonTable
    let notation: Notation

    var hasCollapse: Bool { table.rows.contains { $0.collapse != nil || $0.verdict != nil } }
    /// Verdicts say more, so they stand in the place of collapse marks where every judged arm has one.
    private var showsVerdicts: Bool {
        hasCollapse && table.rows.allSatisfy { $0.collapse == nil || $0.verdict != nil }
    }

    /// Headings and rows of the values: label, n, one for each column, collapse.
    var values: [[String]] {
        let heading =
            ["arm", "n"] + table.columns.map { notation.escape($0.heading()) }
            + (hasCollapse ? [showsVerdicts ? "verdict" : "collapse"] : [])
        return [heading]
            + table.rows.map { row in
                [label(row), count(row)]
                    + row.cells.indices.map { value(row, at: $0) }
                    + (hasCollapse
                        ? [notation.escape((showsVerdicts ? row.verdict?.label : row.collapse?.label) ?? Self.missing)]
                        : [])
            }
    }

    /// Headings and rows of the differences from the baseline: label, pairs, one for each column; none without any.
    var differences: [[String]]? {
        let arms = table.arms.filter { $0.cells.contains { $0.difference != nil } }
        guard !arms.isEmpty else { return nil }
        return [["arm", "pairs"] + table.columns.map { notation.escape($0.heading(isDifference: true)) }]
            + arms.map { row in
                let pairs = row.cells.compactMap { $0.difference?.n }.max() ?? 0
                return [notation.escape(row.label), "\(pairs)"]
                    + zip(row.cells, table.columns).map { cell, column in
                        number(cell.difference, column: column, usual: pairs, isDifference: true)
                    }
            }
    }

    private func label(_ row: ComparisonTable.Row) -> String {
        notation.escape(row.isBaseline ? "\(row.label) (baseline)" : row.label)
    }

    /// "3", or "2/3" with the notes that say why.
    private func count(_ row: ComparisonTable.Row) -> String {
        guard let planned = row.planned, let done = row.done else { return Self.missing }
        return (done == planned ? "\(done)" : "\(done)/\(planned)") + notation.notes(row.notes)
    }

    private func value(_ row: ComparisonTable.Row, at index: Int) -> String {
        let cell = row.cells[index]
        let text = number(cell.statistics, column: table.columns[index], usual: row.done)
        return cell.isBest ? notation.bold(text) : text
    }

    /// - Parameter usual: The n of the row, said in a cell only where it differs; none: a floor without seeds.
    func number(
        _ statistics: SampleStatistics?, column: ComparisonTable.Column, usual: Int?, isDifference: Bool = false
    ) -> String {
        guard let statistics else { return Self.missing }
        let pair = NumberFormat.pair(statistics, column.kind(isDifference: isDifference))
        guard let usual else { return notation.single(pair.mean) }
        let text = notation.number(pair.mean, pair.deviation ?? Self.missing)
        return statistics.n == usual ? text : "\(text) (n=\(statistics.n))"
    }
}

/// References to notes, three and more that follow each other as a range: "1,2", "1–10,12".
func references(to notes: [Int], dash: String) -> String {
    var ranges: [ClosedRange<Int>] = []
    for note in notes {
        if let last = ranges.last, note == last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...note
        } else {
            ranges.append(note...note)
        }
    }
    return ranges.flatMap { range in
        range.count > 2 ? ["\(range.lowerBound)\(dash)\(range.upperBound)"] : range.map(String.init)
    }.joined(separator: ",")
}
