extension ComparisonTable {
    /// One line for each row and metric ("tidy"), unrounded; empty fields where there is no number.
    package func csv() -> String {
        var lines = [
            [
                "experiment", "kind", "label", "is_baseline", "metric", "table", "column", "reduction", "n", "planned",
                "mean", "standard_deviation", "confidence_half_width", "difference_n", "difference_mean",
                "difference_standard_deviation", "difference_confidence_half_width", "is_best", "collapse", "verdict",
            ]
        ]
        for row in rows {
            for (column, cell) in zip(columns, row.cells) {
                let name = [
                    experiment, row.kind.rawValue, row.label, "\(row.isBaseline)", column.name, column.table,
                    column.column, column.reduction,
                ]
                // A floor without seeds has a value but no number of runs.
                let n = row.done == nil ? "" : "\(cell.statistics?.n ?? 0)"
                let value = [n, row.planned.map(String.init) ?? ""] + Self.fields(cell.statistics)
                let difference = [cell.difference.map { "\($0.n)" } ?? ""] + Self.fields(cell.difference)
                lines.append(
                    name + value + difference + ["\(cell.isBest)", row.collapse?.label ?? "", row.verdict?.label ?? ""])
            }
        }
        return lines.map { $0.map(\.quotedForCSV).joined(separator: ",") + "\n" }.joined()
    }

    private static func fields(_ statistics: SampleStatistics?) -> [String] {
        [statistics?.mean, statistics?.standardDeviation, statistics?.confidenceHalfWidth]
            .map { $0.map { "\($0)" } ?? "" }
    }
}

extension String {
    /// The field as RFC 4180 wants it: in quotes, with quotes doubled, where it holds a comma, quote or line break.
    var quotedForCSV: String {
        guard contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return self }
        return "\"\(replacing("\"", with: "\"\""))\""
    }
}
