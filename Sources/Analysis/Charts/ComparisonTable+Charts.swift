import RunStore
import Statistics

/// The table as charts: differences, values, effects of the axes.
extension ComparisonTable {
    /// What a column holds, for titles of axes: "20-NN accuracy, context encoder".
    func words(of column: Column) -> String {
        var text = MetricConvention.displayName(of: column.column) + (column.isAccuracy ? " accuracy" : "")
        if column.table == "evaluation/context" { text += ", context encoder" }
        switch column.reduction {
        case MetricSelector.Reduction.gain.rawValue: text += ", gain over initialisation"
        case MetricSelector.Reduction.initial.rawValue: text += ", at initialisation"
        default: break
        }
        return text
    }

    // MARK: Differences

    /// Differences of the arms from the baseline in one column, with intervals, and where the floors lie.
    ///
    /// - Returns: None where no arm shares a seed with the baseline.
    func forest(_ column: Int, styles: [ArmStyle], isShown: (String) -> Bool = { _ in true }) -> RowChart? {
        let kind = columns[column].kind(isDifference: true)
        let rows = arms.enumerated().compactMap { index, row -> RowChart.Row? in
            guard isShown(row.label), let paired = row.cells[column].inference?.paired else { return nil }
            return RowChart.Row(label: row.label, paint: .arm(index), difference: paired, kind)
        }
        guard !rows.isEmpty else { return nil }
        let unit = kind.unit.map { " (\($0))" } ?? ""
        return RowChart(
            title: "Difference from \(baseline)",
            caption: "\(words(of: columns[column])): mean of the differences seed by seed, with 95 % intervals "
                + "(Student's t)",
            xLabel: "\(words(of: columns[column])): difference from \(baseline)\(unit)",
            isPercent: columns[column].isAccuracy, lines: rows.map { .row($0) },
            references: floorDifferences(column, kind))
    }

    /// Floors minus baseline; of initialisations seed by seed.
    private func floorDifferences(_ column: Int, _ kind: NumberFormat.Kind) -> [RowChart.Reference] {
        guard let reference = arms.first(where: \.isBaseline)?.cells[column], let base = reference.statistics else {
            return []
        }
        return references { row in
            let cell = row.cells[column]
            let statistics =
                row.kind == .initialisation
                ? SampleStatistics.ofDifferences(cell.values, from: reference.values)
                : cell.statistics.flatMap { SampleStatistics([$0.mean - base.mean]) }
            return statistics.map { ($0.mean, NumberFormat.pair($0, kind).mean.withMinusSign + kind.suffix) }
        }
    }

    // MARK: Values

    /// Values of the arms in one column, with their spread and each seed, and the floors.
    func bars(_ column: Int, styles: [ArmStyle], isShown: (String) -> Bool = { _ in true }) -> RowChart? {
        let kind = columns[column].kind()
        let rows = arms.enumerated().compactMap { index, row -> RowChart.Row? in
            guard isShown(row.label), let statistics = row.cells[column].statistics else { return nil }
            let text = NumberFormat.pair(statistics, kind)
            return RowChart.Row(
                label: row.label, paint: .arm(index), value: statistics.mean,
                low: statistics.standardDeviation.map { statistics.mean - $0 },
                high: statistics.standardDeviation.map { statistics.mean + $0 },
                points: row.cells[column].values.map(\.value),
                numbers: text.mean.withMinusSign + (text.deviation.map { " ± \($0)" } ?? ""))
        }
        guard !rows.isEmpty else { return nil }
        let unit = kind.unit.map { " (\($0))" } ?? ""
        // A bar has a length only from 0 on, and values of both signs have none in common.
        let isBars = rows.allSatisfy { row in row.value >= 0 && row.points.allSatisfy { $0 >= 0 } }
        return RowChart(
            title: words(of: columns[column]), caption: "mean ± standard deviation over seeds; a ring for each seed",
            xLabel: words(of: columns[column]) + unit, isBars: isBars, isPercent: columns[column].isAccuracy,
            hasZero: isBars, lines: rows.map { .row($0) },
            references: references { row in
                row.cells[column].statistics.map {
                    ($0.mean, NumberFormat.pair($0, kind).mean.withMinusSign + kind.suffix)
                }
            })
    }

    /// Floors as lines; those at initialisation belong to the arms that start there.
    private func references(_ value: (Row) -> (value: Double, text: String)?) -> [RowChart.Reference] {
        let initial = floors.filter { $0.kind == .initialisation }
        return floors.compactMap { row in
            guard let value = value(row) else { return nil }
            guard row.kind == .initialisation else {
                return RowChart.Reference(label: "\(row.label): \(value.text)", value: value.value, isDotted: true)
            }
            let owners = initial.count > 1 ? Set(row.startsArms) : nil
            return RowChart.Reference(
                label: initial.count > 1 ? "each arm at initialisation" : "\(row.label): \(value.text)",
                value: value.value, rows: owners)
        }
    }

    // MARK: Effects

    /// Main effects of every axis on one column: each level against its reference, over the cells of the other axes.
    ///
    /// - Returns: None for a matrix of a single axis, and where no effect can be measured.
    func effectsChart(_ column: Int, hue: (_ factor: String, _ level: String) -> Int?) -> RowChart? {
        let name = columns[column].name
        guard let effects = effects.first(where: { $0.column == name }) else { return nil }
        let kind = columns[column].kind(isDifference: true)
        var lines: [RowChart.Line] = []
        for factor in effects.levels.map(\.factor).uniqued() {
            let own = effects.levels.filter { $0.factor == factor }
            let reference = own.first(where: \.isReference)?.level ?? ""
            let rows = own.compactMap { level -> RowChart.Row? in
                guard let effect = level.effect else { return nil }
                return RowChart.Row(
                    label: level.level, paint: hue(factor, level.level).map { .hue($0) } ?? .neutral,
                    difference: effect, kind)
            }
            guard !rows.isEmpty else { continue }
            lines.append(.heading("\(factor) (against \(reference))"))
            lines += rows.map { .row($0) }
        }
        guard !lines.isEmpty else { return nil }
        let unit = kind.unit.map { " (\($0))" } ?? ""
        return RowChart(
            title: "Effects of the axes",
            caption: "\(words(of: columns[column])): each level minus the reference of its axis, mean over the other "
                + "axes, paired by seed, with 95 % intervals (Student's t)",
            xLabel: "\(words(of: columns[column])): main effect\(unit)", isPercent: columns[column].isAccuracy,
            lines: lines)
    }
}

extension RowChart.Row {
    /// A paired difference with its interval.
    fileprivate init(label: String, paint: ChartPaint, difference: PairedComparison, _ kind: NumberFormat.Kind) {
        let interval = difference.studentInterval
        let digits = NumberFormat.Digits(of: difference.mean, interval, kind)
        self.init(
            label: label, paint: paint, value: difference.mean, low: interval?.low, high: interval?.high,
            numbers: digits.text(difference.mean, isSigned: true).withMinusSign
                + (interval.map { " " + digits.text($0).replacing("-", with: "−") } ?? ""))
    }
}
