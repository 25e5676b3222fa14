import ExperimentSpec

/// The columns of the answer in a terminal that are no metrics.
package enum AnswerColumn: String, CaseIterable, Sendable {
    /// Finished runs, "2/3" where some are missing.
    case n
    /// Mean difference from the baseline in the headline metric.
    case difference
    /// Its 95 % interval, drawn.
    case bar
    /// Its 95 % interval, in numbers.
    case interval
    /// Of the paired t test, after Holm.
    case p
    case rank
    case verdict

    /// The smallest is left out first where a window is narrow.
    var importance: Int {
        switch self {
        case .p: 1
        case .interval: 2
        case .rank: 4
        case .n: 5
        case .bar: 6
        case .verdict: 7
        case .difference: 8
        }
    }
}

/// The columns of an answer for a terminal.
struct AnswerColumns {
    let answer: Answer
    let table: ComparisonTable
    /// Marks of the notes of each row, which stand behind its name.
    let marks: [String]
    /// Every column, and every finding of a verdict.
    let isWide: Bool

    private var rows: [ComparisonTable.Row] { table.rows }
    private var floorsInTable: Int { rows.count - answer.arms.count }

    /// The names of arms and floors.
    var names: TextGrid.Column {
        let cells = zip(rows, marks).map { row, marks in
            TextGrid.Cell(
                text: row.label.onOneLine, style: row.kind == .arm ? (row.isBaseline ? .strong : .plain) : .faint,
                suffix: marks)
        }
        return TextGrid.Column(
            name: "arm", titles: ["arm"], cells: cells, isLeading: true, width: .shortened(10), importance: .max,
            growth: 3)
    }

    /// What is shown where nobody says which, with the metrics that were asked for.
    func usual(metrics: [String]) -> [TextGrid.Column] {
        var columns = [column(.n)] + (answer.column.map { [values($0)] } ?? [])
        if answer.hasSingleSeeds {
            columns += [column(.difference), column(.verdict)].compactMap { $0 }
        } else {
            columns += [.difference, .bar, .interval, .p, .rank, .verdict].compactMap(column)
        }
        for index in table.columns.indices where index != answer.column {
            if isWide {
                columns += [values(index), differences(index)]
            } else if metrics.contains(table.columns[index].name) {
                columns.append(values(index))
            }
        }
        return columns.compactMap { $0 }
    }

    /// Those that were asked for, by name, in that order; the last is left out first. Names that are neither a column nor a
    /// metric of the table are passed over.
    func named(_ names: [String]) -> [TextGrid.Column] {
        // The arm is the first column in any case.
        let columns = names.filter { $0 != "arm" }.compactMap { name -> TextGrid.Column? in
            if let known = AnswerColumn(rawValue: name) { return column(known) }
            return table.columns.firstIndex { $0.name == name }.map(values)
        }
        return columns.enumerated().map { index, column in
            var column = column
            column.importance = columns.count - index
            column.isOptional = false
            return column
        }
    }

    // MARK: Metrics

    /// Mean ± sd of a metric; the headline is never left out.
    private func values(_ index: Int) -> TextGrid.Column {
        let metric = table.columns[index]
        let text = TableText(table: table, notation: .plain)
        let cells = rows.map { row -> TextGrid.Cell in
            let cell = row.cells[index]
            guard let statistics = cell.statistics else { return TextGrid.Cell(text: "–", style: .faint) }
            let shown =
                answer.hasSingleSeeds
                ? metric.meanText(statistics) : text.number(statistics, column: metric, usual: row.done)
            return TextGrid.Cell(text: shown, style: row.kind == .arm ? (cell.isBest ? .strong : .plain) : .faint)
        }
        return TextGrid.Column(
            name: metric.name, titles: [metric.name, metric.unit()].map(\.onOneLine), cells: cells,
            importance: index == answer.column ? 100 : 3)
    }

    /// Mean ± sd of a metric's differences.
    private func differences(_ index: Int) -> TextGrid.Column {
        let metric = table.columns[index]
        let text = TableText(table: table, notation: .plain)
        let cells = rows.map { row -> TextGrid.Cell in
            guard let difference = row.cells[index].difference else { return TextGrid.Cell(text: "") }
            return TextGrid.Cell(
                text: text.number(difference, column: metric, usual: difference.n, isDifference: true))
        }
        return TextGrid.Column(
            name: "difference in \(metric.name)", titles: ["difference", metric.name.onOneLine], cells: cells,
            importance: 3)
    }

    // MARK: The others

    private func column(_ column: AnswerColumn) -> TextGrid.Column? {
        func make(
            _ titles: [String], _ cells: [TextGrid.Cell], isLeading: Bool = false,
            width: TextGrid.Column.Width = .natural, growth: Int = 0, isOptional: Bool = false
        ) -> TextGrid.Column {
            TextGrid.Column(
                name: column.rawValue, titles: titles,
                cells: cells + Array(repeating: TextGrid.Cell(text: ""), count: max(0, rows.count - cells.count)),
                isLeading: isLeading, width: width, importance: column.importance, growth: growth,
                isOptional: isOptional)
        }
        switch column {
        case .n:
            return make(
                ["n"],
                answer.arms.map { arm in
                    TextGrid.Cell(
                        text: arm.done == arm.planned ? "\(arm.done)" : "\(arm.done)/\(arm.planned)",
                        style: arm.done == arm.planned ? .plain : .warning)
                })
        case .difference:
            guard let metric = answer.metric, answer.arms.contains(where: { $0.difference != nil }) else { return nil }
            return make(
                ["difference", metric.unit(isDifference: true)],
                answer.arms.map { arm in
                    guard let difference = arm.difference else {
                        return TextGrid.Cell(text: arm.isBaseline ? "baseline" : "–", style: .faint)
                    }
                    let style: TextStyle =
                        difference.isClear && metric.isRanked ? (difference.outcome == .above ? .good : .bad) : .plain
                    return TextGrid.Cell(text: metric.text(difference), style: style)
                })
        case .bar:
            return bar.map { make(["95 % interval"], $0.cells, isLeading: true, width: $0.width, growth: 1) }
        case .interval:
            return make(
                ["95 %", answer.metric?.unit(isDifference: true) ?? ""],
                answer.arms.map { arm in
                    TextGrid.Cell(
                        text: arm.difference.flatMap { $0.outcome == .noSpread ? nil : answer.metric?.intervalText($0) }
                            ?? "")
                }, isOptional: true)
        case .p:
            return make(
                ["p", "(Holm)"],
                answer.arms.map { arm in
                    TextGrid.Cell(text: arm.difference?.p.map(NumberFormat.probability) ?? "")
                }, isOptional: true)
        case .rank:
            return make(["rank"], answer.arms.map { TextGrid.Cell(text: $0.rank.map(String.init) ?? "") })
        case .verdict:
            return make(
                ["verdict"],
                answer.arms.map { arm in
                    TextGrid.Cell(
                        text: ((isWide ? arm.verdict : arm.gravest) ?? (arm.done == 0 ? "no finished run" : "–"))
                            .onOneLine,
                        style: style(ofVerdict: arm))
                }, isLeading: true, width: .wrapped(9), growth: 2)
        }
    }

    private var bar: (cells: [TextGrid.Cell], width: TextGrid.Column.Width)? {
        guard let metric = answer.metric else { return nil }
        let entries = answer.arms.map { arm in
            arm.difference.flatMap { difference in
                difference.interval.map { (mean: difference.mean, interval: $0) }
            }
        }
        guard let bars = IntervalBars(entries, factor: metric.isAccuracy ? 100 : 1) else { return nil }
        let count = rows.count - answer.arms.count
        let cells = answer.arms.map { arm in
            let style: TextStyle =
                arm.difference?.isClear == true && metric.isRanked
                ? (arm.difference?.outcome == .above ? .good : .bad) : .plain
            return TextGrid.Cell(text: "", style: style)
        }
        return (
            cells,
            .drawn(IntervalBars.widths) { width in
                let drawn = bars.drawn(width: width)
                return (drawn.scale, drawn.bars + Array(repeating: "", count: count))
            }
        )
    }

    private func style(ofVerdict arm: Answer.Arm) -> TextStyle {
        guard let verdict = arm.verdict else { return .faint }
        if let collapse = arm.collapse, collapse.collapsed > 0 {
            return collapse.collapsed == collapse.judged ? .bad : .warning
        }
        return ["healthy", "no collapse"].contains(verdict) ? .plain : .warning
    }
}
