import Statistics

extension ComparisonTable {
    /// One line for each row and metric ("tidy"), unrounded; empty fields where there is no number.
    package func csv() -> String {
        var lines = [
            [
                "experiment", "kind", "label", "is_baseline", "metric", "table", "column", "reduction", "n", "planned",
                "mean", "standard_deviation", "confidence_half_width", "difference_n", "difference_mean",
                "difference_standard_deviation", "difference_confidence_half_width", "is_best", "collapse",
                "difference_bca_low", "difference_bca_high", "student_p", "student_p_holm", "sign_flip_p",
                "sign_flip_p_holm", "cohen_d", "hedges_g", "smallest_detectable", "images", "images_standard_error",
                "difference_images_standard_error", "verdict",
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
                let paired = cell.inference?.paired
                let tests = [
                    paired?.bootstrapInterval?.low, paired?.bootstrapInterval?.high, paired?.studentP,
                    cell.inference?.studentPHolm, paired?.signFlipP, cell.inference?.signFlipPHolm, paired?.cohenD,
                    paired?.hedgesG, paired?.smallestDetectable,
                ].map { $0.map { "\($0)" } ?? "" }
                let images = [
                    cell.images.map { "\($0.images)" }, cell.images.map { "\($0.standardError)" },
                    cell.differenceImages.map { "\($0.standardError)" },
                ].map { $0 ?? "" }
                lines.append(
                    name + value + difference + ["\(cell.isBest)", row.collapse?.label ?? ""] + tests + images
                        + [row.verdict?.label ?? ""])
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
