import ExperimentSpec
import RunStore

extension ReportInput {
    /// A figure for a paper, as an SVG file.
    ///
    /// - Parameter place: Where the results are, for errors.
    /// - Throws: `AnalysisError` where the results hold nothing that this kind of figure shows.
    package func figure(_ kind: FigureKind, width: FigureWidth, of place: String) throws -> String {
        func nothing(_ message: String, _ remedy: String) -> AnalysisError {
            AnalysisError(.unusableResults, path: place, message: message, remedy: remedy)
        }
        guard table.arms.contains(where: { ($0.done ?? 0) > 0 && isShown($0.label) }) else {
            throw nothing("no run is done, so there is nothing to show", "`cjepa-exp status` says how far it is")
        }
        switch kind {
        case .spectra:
            guard let figure = spectraFigure(width) else {
                throw nothing("no run holds singular values of the \(table.encoder) encoder", Self.evaluationRemedy)
            }
            return figure
        case .collapse:
            guard let figure = collapseFigure(width) else {
                throw nothing(
                    "no run holds rank and scale of the \(table.encoder) encoder's features", Self.evaluationRemedy)
            }
            return figure
        case .forest, .bars, .curves, .effects: break
        }
        guard let column = figureColumn else {
            throw nothing("no finished run holds an accuracy", "choose a column with --metric")
        }
        let name = table.columns[column].name
        switch kind {
        case .forest:
            guard !table.baseline.isEmpty else {
                throw nothing(
                    "the experiment has no baseline, so there are no differences",
                    "name an arm in `baseline:` of the spec and run it again (nothing is trained), or use --kind bars")
            }
            guard let chart = table.forest(column, styles: styles, isShown: isShown) else {
                throw nothing(
                    "no arm shares a finished seed with the baseline \(table.baseline) in \(name)", "use --kind bars")
            }
            guard chart.rows.contains(where: { $0.low != nil }) else {
                throw nothing(
                    "there is a single seed, so the differences have no intervals",
                    "train more seeds (`seeds:` of the spec), or use --kind bars")
            }
            return rows(chart, width)
        case .bars:
            guard let chart = table.bars(column, styles: styles, isShown: isShown) else {
                throw nothing("no finished run holds \(name)", "choose another column with --metric")
            }
            return rows(chart, width)
        case .effects:
            guard (record.factors ?? []).count(where: { $0.levels.count > 1 }) > 1 else {
                throw nothing(
                    "the matrix has fewer than two axes, so an effect is the difference of two arms",
                    "use --kind forest")
            }
            guard let chart = table.effectsChart(column, hue: hue(ofFactor:level:)) else {
                throw nothing(
                    "no effect on \(name) can be measured: too few cells of the matrix are done", "use --kind bars")
            }
            guard chart.rows.contains(where: { $0.low != nil }) else {
                throw nothing(
                    "there is a single seed, so the effects have no intervals",
                    "train more seeds (`seeds:` of the spec), or use --kind bars")
            }
            return rows(chart, width)
        default:
            guard let figure = curves(table.columns[column], width) else {
                throw nothing("no run holds \(name) over steps", "choose another column with --metric")
            }
            return figure
        }
    }

    /// The column that was asked for, which is then the only one, or the headline.
    private var figureColumn: Int? {
        table.columns.count == 1 ? 0 : table.headline.flatMap { table.columns[$0].isAccuracy ? $0 : nil }
    }

    private static let evaluationRemedy =
        "every evaluation stores them: choose another --encoder, or name it in `evaluation.encoders` of the spec"

    // MARK: Rows

    private func rows(_ chart: RowChart, _ width: FigureWidth) -> String {
        var drawing = Drawing(.print, styles: styles)
        guard let layout = chart.layout(.print, width: width.points) else { return "" }
        chart.draw(layout, width: width.points, into: &drawing)
        return PrintFigure(
            title: "\(record.name): \(chart.title)", description: "\(chart.caption). \(chart.description)",
            width: width.points, height: layout.height, content: drawing.svg
        ).svg
    }

    // MARK: Lines

    private func curves(_ column: ComparisonTable.Column, _ width: FigureWidth) -> String? {
        let series = series(column.table, column.column)
        guard !series.isEmpty else { return nil }
        let title = table.words(of: column)
        return lines(
            "\(title) over steps",
            [
                LineChart(
                    title: "", caption: "", xLabel: "step", yLabel: title + (column.isAccuracy ? " (%)" : ""),
                    isPercent: column.isAccuracy, series: series)
            ], width)
    }

    private func spectraFigure(_ width: FigureWidth) -> String? {
        let series = spectra(featureTable)
        guard !series.isEmpty else { return nil }
        return lines(
            "singular spectra, \(table.encoder) encoder, last evaluation",
            [
                LineChart(
                    title: "", caption: "", xLabel: "index", yLabel: "singular value / largest", isLogY: true,
                    series: series)
            ], width)
    }

    private func collapseFigure(_ width: FigureWidth) -> String? {
        let charts = collapseCharts(featureTable)
        return charts.isEmpty
            ? nil : lines("rank and scale of features, \(table.encoder) encoder, over steps", charts, width)
    }

    /// Panels and a legend: on one column below each other, on two side by side.
    private func lines(_ title: String, _ charts: [LineChart], _ width: FigureWidth) -> String {
        let arms = Set(charts.flatMap { $0.series.map(\.arm) }).sorted()
        let legend = ChartLegend(entries: arms.map { (record.arms[$0], .arm($0)) }, theme: .print)
        let isBeside = width == .two && charts.count == 1
        let side = isBeside ? legend.width(atMost: width.points / 3) : 0
        let across = width == .two ? charts.count : 1
        let panel = (width.points - side) / Double(across)
        let height = min(panel * 0.66, 190)
        var drawing = Drawing(.print, styles: styles)
        for (index, chart) in charts.enumerated() {
            let (x, y) = (panel * Double(index % across), height * Double(index / across))
            guard let plot = chart.plot(.print, x: x, y: y, width: panel, height: height) else { continue }
            chart.draw(plot, into: &drawing)
        }
        var bottom = height * Double((charts.count + across - 1) / across)
        if isBeside {
            let own = legend.height(side)
            legend.draw(x: width.points - side, y: max(2, (bottom - own) / 3), width: side, into: &drawing)
            bottom = max(bottom, own + 4)
        } else {
            legend.draw(x: 4, y: bottom + 2, width: width.points - 8, into: &drawing)
            bottom += legend.height(width.points - 8) + 6
        }
        return PrintFigure(
            title: "\(record.name): \(title)", description: description(charts), width: width.points, height: bottom,
            content: drawing.svg
        ).svg
    }

    /// The last value of every line.
    private func description(_ charts: [LineChart]) -> String {
        charts.map { chart in
            let factor = chart.isPercent ? 100.0 : 1
            let ends = chart.series.compactMap { line -> String? in
                guard let x = line.x.last, let y = line.mean.last else { return nil }
                return "\(line.label) \(short(y * factor)) at \(chart.xLabel) \(short(x))"
            }
            return "\(chart.yLabel), mean over seeds with the range of the seeds: \(ends.joined(separator: ", "))."
        }.joined(separator: " ")
    }
}
