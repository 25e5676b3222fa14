import RunStore

extension ReportInput {
    /// One series for each arm that has the column.
    func series(_ table: String, _ column: String) -> [ChartSeries] { series(table) { $0[column] } }

    /// One series for each arm, of what `values` makes of a run's table; none of runs for which it is nothing.
    func series(_ table: String, _ values: (MetricTable) -> [Double]?) -> [ChartSeries] {
        chartSeries { run in
            guard let table = run.tables[table], let x = table["step"], let y = values(table) else { return nil }
            return ChartSeries.thinned(x: x, y: y)
        }
    }

    /// The last vector of each arm over its index.
    ///
    /// - Parameter first: Index of the first entry.
    func lastVectors(
        _ table: String, _ column: String, from first: Int, _ change: ([Double]) -> [Double]? = { $0 }
    ) -> [ChartSeries] {
        chartSeries { run in
            let vectors = run.tables[table]?.vectors(column)
            guard let last = vectors?.last(where: { $0.first?.isFinite == true }), let values = change(last) else {
                return nil
            }
            let places = ChartSeries.places(of: values.count)
            return (places.map { Double($0 + first) }, places.map { values[$0] })
        }
    }

    /// The last singular spectrum of each arm over the index, from 1; divided by the largest value.
    func spectra(_ table: String) -> [ChartSeries] {
        lastVectors(table, "singular_values", from: 1) { values in
            guard let largest = values.first, largest > 0 else { return nil }
            return values.map { $0 / largest }
        }
    }

    private func chartSeries(_ values: (Run) -> (x: [Double], y: [Double])?) -> [ChartSeries] {
        record.arms.enumerated().compactMap { index, arm in
            guard isShown(arm) else { return nil }
            return ChartSeries(arm: index, label: arm, seeds: runs.filter { $0.arm == arm }.compactMap(values))
        }
    }

    /// Where the features of the table's encoder are described over steps: diagnoses are more frequent than evaluations.
    var featureTable: String {
        hasDiagnostics(of: table.encoder) ? "diagnostics/\(table.encoder)/images" : "evaluation/\(table.encoder)"
    }

    /// Rank and scale over steps, with the thresholds of the verdict where all runs agree on them.
    func collapseCharts(_ name: String) -> [LineChart] {
        func threshold(_ key: String) -> Double? {
            let values = Set(runs.compactMap { $0.verdict?.thresholds[key] })
            return values.count == 1 ? values.first : nil
        }
        let widths = Set(runs.compactMap { $0.tables[name]?["width"]?.last })
        var charts: [LineChart] = []
        let ranks = series(name, "rankme")
        if !ranks.isEmpty {
            var levels = threshold("directions").map { [LineChart.Level(label: "complete collapse", value: $0)] } ?? []
            if let share = threshold("rank_share"), let width = widths.first, widths.count == 1 {
                levels.append(
                    LineChart.Level(
                        label: "dimensional collapse (\(short(100 * share)) % of \(short(width)))",
                        value: share * width, isDotted: true))
            }
            charts.append(
                LineChart(
                    title: "RankMe", caption: "directions that the features use", xLabel: "step", yLabel: "RankMe",
                    series: ranks,
                    levels: levels.filter { level in ranks.contains { ($0.low.min() ?? .infinity) < 4 * level.value } })
            )
        }
        let scales = series(name, "std_mean")
        if !scales.isEmpty {
            charts.append(
                LineChart(
                    title: "Standard deviation",
                    caption: "of each feature over images, mean over features", xLabel: "step",
                    yLabel: "standard deviation", series: scales,
                    levels: threshold("standard_deviation").map { [.init(label: "complete collapse", value: $0)] } ?? []
                ))
        }
        return charts
    }
}
