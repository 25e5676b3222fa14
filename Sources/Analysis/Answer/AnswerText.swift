import ExperimentSpec

/// An answer as it is shown in a terminal: sentences, a table that fits the window, claims, power, footnotes.
package struct AnswerText {
    package struct Options: Hashable, Sendable {
        /// Columns of the window, of which no line takes more; none: as many as the text needs.
        package var width: Int?
        package var isColoured: Bool
        /// Every column, whatever the window's width, and the evidence for the verdicts.
        package var isWide: Bool
        package var hasLegend: Bool
        /// Sentences and table alone, without references to notes, as long as runs are still to come.
        package var isBrief = false
        /// Metrics that were asked for: the columns besides the usual ones.
        package var metrics: [String]
        /// Names of `AnswerColumn` and of the table's metrics; empty: those that answer the question.
        package var columns: [String]
        package var sections: Set<TableSection>
        /// What the commands take that show the rest: the experiment, and where its results are.
        package var place: String

        package init(
            width: Int? = 80, isColoured: Bool = false, isWide: Bool = false, hasLegend: Bool = true,
            metrics: [String] = [], columns: [String] = [], sections: Set<TableSection> = [], place: String
        ) {
            self.width = width
            self.isColoured = isColoured
            self.isWide = isWide
            self.hasLegend = hasLegend
            self.metrics = metrics
            self.columns = columns
            self.sections = sections
            self.place = place
        }
    }

    private let answer: Answer
    private let table: ComparisonTable
    private let options: Options
    /// Prose is as wide as can be read, tables as wide as the window.
    private let textWidth: Int
    /// Numbers of the notes on arms that are shown, and of those on the whole.
    private let armNotes: [Int]
    private let otherNotes: [Int]

    /// No window is narrower than this.
    package static let leastWidth = 20
    private static let mostTextWidth = 100

    /// - Parameter answer: Of `table`.
    package init(_ answer: Answer, of table: ComparisonTable, options: Options) {
        self.answer = answer
        self.table = table
        var options = options
        options.width = options.width.map { max(Self.leastWidth, $0) }
        self.options = options
        textWidth = min(Self.mostTextWidth, options.width ?? Self.mostTextWidth)
        let owned = Set(table.rows.flatMap(\.notes))
        let hidden = options.isWide ? [] : Set(table.rows.flatMap(\.evidenceNotes))
        let numbers = table.notes.indices.map { $0 + 1 }
        armNotes = numbers.filter { owned.contains($0) && !hidden.contains($0) }
        otherNotes = numbers.filter { !owned.contains($0) }
    }

    /// Ends with a line break. Holds no control characters but those of colours.
    package var text: String {
        let sentences = paragraphs(answer.sentences.filter { !$0.isEmpty })
        let blocks =
            options.isBrief
            ? [sentences] + grid
            : [title, sentences] + grid + [claims] + sections + [paragraphs(answer.power), notes, legend, rest]
        let width = options.isWide ? nil : options.width
        return blocks.filter { !$0.isEmpty }.map { block in
            block.map { $0.text(isColoured: options.isColoured, width: width) + "\n" }.joined()
        }.joined(separator: "\n")
    }

    // MARK: Parts

    private var title: [StyledLine] {
        wrapped(answer.experiment + (answer.question.isEmpty ? "" : ": \(answer.question)"), .strong)
    }

    private func paragraphs(_ texts: [String]) -> [StyledLine] { texts.flatMap { wrapped($0) } }

    private var grid: [[StyledLine]] {
        guard !table.rows.isEmpty else { return [] }
        let columns = AnswerColumns(
            answer: answer, table: table,
            marks: table.rows.map { options.isBrief ? "" : marks($0.notes) }, isWide: options.isWide)
        let chosen =
            options.columns.isEmpty
            ? columns.usual(metrics: options.metrics) : columns.named(options.columns)
        let grid = TextGrid([columns.names] + chosen, width: options.isWide ? nil : options.width)
        return [grid.lines + left(grid)]
    }

    private func left(_ grid: TextGrid) -> [StyledLine] {
        guard !grid.leftOut.isEmpty, let width = options.width else { return [] }
        return wrapped(
            "Left out to fit \(counted(width, "column")): \(grid.leftOut.joined(separator: ", ")).", .faint)
    }

    private var claims: [StyledLine] {
        guard !answer.claims.isEmpty else { return [] }
        let encoder = answer.encoder == "target" ? "" : ", judged on the \(answer.encoder) encoder"
        return wrapped("Claims\(encoder)", .strong)
            + answer.claims.flatMap { claim -> [StyledLine] in
                let (mark, style): (String, TextStyle) =
                    switch claim.outcome {
                    case .supported: ("✓", .good)
                    case .contradicted: ("✗", .bad)
                    case .cannotTell: ("?", .warning)
                    }
                let words = "\(claim.outcome.words): \(claim.claim)"
                var line = StyledLine("\(mark) \(words)".onOneLine, style)
                line.append(" – \(claim.explanation)".onOneLine, .faint)
                return line.displayWidth <= textWidth
                    ? [line] : hanging("\(mark) ", words, style) + hanging("  ", claim.explanation, .faint)
            }
    }

    private var sections: [[StyledLine]] {
        guard !options.sections.isEmpty else { return [] }
        // The claims, which come first, are shown above.
        return table.sections(options.sections).dropFirst(table.verdicts.isEmpty ? 0 : 1).map { section in
            let heading = section.rows[0]
            let columns = heading.indices.map { index in
                let isLeading =
                    index < section.textColumns || (section.endsInText && index == heading.count - 1)
                return TextGrid.Column(
                    name: heading[index], titles: [heading[index].onOneLine],
                    cells: section.rows.dropFirst().map { TextGrid.Cell(text: $0[index].onOneLine) },
                    isLeading: isLeading, width: isLeading ? .shortened(10) : .natural,
                    importance: heading.count - index)
            }
            let grid = TextGrid(columns, width: options.isWide ? nil : options.width)
            return wrapped(section.title, .strong) + grid.lines + left(grid)
                + section.remarks.flatMap { wrapped($0, .faint) }
        }
    }

    private var notes: [StyledLine] {
        armNotes.enumerated().flatMap { place, number in
            hanging(superscript("\(place + 1)") + " ", table.notes[number - 1], .faint)
        } + otherNotes.flatMap { hanging("• ", table.notes[$0 - 1], .faint) }
    }

    private var legend: [StyledLine] {
        guard options.hasLegend else { return [] }
        let lines = options.isWide ? table.legend + table.legend(of: options.sections) : shortLegend
        return lines.flatMap { wrapped($0, .faint) }
    }

    /// What the columns that are shown by themselves mean.
    private var shortLegend: [String] {
        var lines: [String] = []
        if let metric = answer.metric, let meaning = ComparisonTable.meaning(of: metric) {
            lines.append(meaning)
        }
        let hasDifferences = answer.arms.contains { $0.difference != nil }
        if !answer.hasSingleSeeds, answer.metric != nil {
            lines.append("±: standard deviation over seeds; n: finished runs.")
        }
        if hasDifferences {
            lines.append(
                "difference: arm − \(answer.baseline) of the same seed"
                    + (answer.hasSingleSeeds
                        ? "."
                        : "; ● its mean, ━ its 95 % interval (Student's t), │ 0. Clear: the interval excludes 0, and p < 0.05 "
                            + "after Holm's adjustment over the arms."))
        }
        if answer.floors.contains(where: { $0.kind == .initialisation }) {
            lines.append("at initialisation: the same networks at step 0.")
        }
        if answer.floors.contains(where: { $0.kind == .rawPixels }) {
            lines.append("raw pixels: the same probe on the images themselves.")
        }
        return lines
    }

    private var rest: [StyledLine] {
        command("Every metric and all evidence (with --format md: tests and effects)", "table", " --wide")
            + command("Curves and pictures", "report", "")
    }

    /// What a command shows, and the command; on a line of its own where both do not fit into one.
    private func command(_ meaning: String, _ name: String, _ options: String) -> [StyledLine] {
        let words = "cjepa-exp \(name) \(self.options.place)\(options)"
        let line = "\(meaning): \(words)"
        return line.onOneLine.displayWidth <= textWidth
            ? wrapped(line, .faint) : wrapped("\(meaning):", .faint) + hanging("  ", words, .faint)
    }

    // MARK: Lines

    private func wrapped(_ text: String, _ style: TextStyle = .plain) -> [StyledLine] {
        lines(text, width: textWidth).map { StyledLine($0, style) }
    }

    /// A number stays with its unit and its spread.
    private func lines(_ text: String, width: Int) -> [String] {
        let joined = text.onOneLine.replacing(" %", with: "\u{A0}%").replacing(" ± ", with: "\u{A0}±\u{A0}")
        return joined.wrapped(to: width).map { $0.replacing("\u{A0}", with: " ") }
    }

    /// The first line begins with `start`, the others with as many spaces.
    private func hanging(_ start: String, _ text: String, _ style: TextStyle) -> [StyledLine] {
        let indent = start.displayWidth
        return lines(text, width: textWidth - indent).enumerated().map { index, line in
            StyledLine((index == 0 ? start : String(repeating: " ", count: indent)) + line, style)
        }
    }

    /// "¹,²": references to those of an arm's notes that are shown.
    private func marks(_ notes: [Int]) -> String {
        let places = notes.compactMap { armNotes.firstIndex(of: $0) }.map { $0 + 1 }
        return superscript(references(to: places, dash: "⁻"))
    }

    private func superscript(_ text: String) -> String {
        let digits: [Character: Character] = [
            "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
        ]
        return String(text.map { digits[$0] ?? $0 })
    }
}
