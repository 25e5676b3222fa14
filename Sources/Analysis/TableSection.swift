import Statistics

/// What a table may hold beside values and differences.
package enum TableSection: String, CaseIterable, Sendable {
    /// Intervals, tests and effect sizes of the differences, and the uncertainty over test images.
    case statistics
    /// Main effects and interactions of the axes of the matrix.
    case effects
    /// Learning curves at equal steps and at equal compute.
    case curves
    /// The best evaluation beside the last.
    case best
    /// Figures of the papers.
    case published

    /// Those that a table has where nothing else is asked for.
    package static let usual: Set<TableSection> = [.statistics, .effects]
}

/// A smaller table below the main one, with what is to be known about it. Plain text: a format escapes it whole.
struct TextSection {
    let title: String
    /// The heading first.
    let rows: [[String]]
    /// Leading columns of text; the others are numbers.
    var textColumns = 1
    /// Whether the last column is text as well.
    var endsInText = false
    var remarks: [String] = []

    /// The title where no text follows on it: without its colon.
    var heading: String { title.hasSuffix(":") ? String(title.dropLast()) : title }
}

extension ComparisonTable {
    /// The sections that are asked for and have something to say; what the spec claims always.
    func sections(_ wanted: Set<TableSection>) -> [TextSection] {
        TableText(table: self, notation: .plain).sections(wanted)
    }
}

extension TableText {
    fileprivate func sections(_ wanted: Set<TableSection>) -> [TextSection] {
        var sections: [TextSection] = []
        if !table.verdicts.isEmpty { sections.append(expectations) }
        let shown = table.shownInSections
        if wanted.contains(.statistics) { sections += shown.compactMap(statistics) }
        if wanted.contains(.effects) {
            let names = shown.map { table.columns[$0].name }
            for effects in table.effects where names.contains(effects.column) { sections += self.effects(effects) }
        }
        if wanted.contains(.curves) { sections += table.curves.flatMap(curves) }
        if wanted.contains(.best) { sections += table.bestSteps.compactMap(bestSteps) }
        if wanted.contains(.published), !table.published.isEmpty { sections.append(published) }
        return sections
    }

    // MARK: Expectations

    private var expectations: TextSection {
        TextSection(
            title: "Claims of the spec, judged on the \(table.encoder) encoder:",
            rows: [["claim", "verdict", "because"]]
                + table.verdicts.map { [$0.claim, $0.outcome.words, $0.explanation] },
            textColumns: 2, endsInText: true)
    }

    // MARK: Statistics of differences

    private func statistics(_ index: Int) -> TextSection? {
        let column = table.columns[index]
        let arms = table.arms.filter { $0.cells[index].inference != nil }
        guard !arms.isEmpty else { return nil }
        let hasImages = arms.contains { $0.cells[index].differenceImages != nil }
        let heading =
            [
                "arm", "pairs", "difference", "95 % (t)", "95 % (BCa)", "p (t)", "p (Holm)", "p (sign-flip)", "g",
                "detectable",
            ]
            + (hasImages ? ["test images"] : [])
        let rows = arms.map { row in
            let inference = row.cells[index].inference!
            let paired = inference.paired
            let missing = paired.pairs < PairedTest.fewestPairs ? "n < \(PairedTest.fewestPairs)" : "no spread"
            let digits = NumberFormat.Digits(of: paired.mean, paired.studentInterval, column.kind(isDifference: true))
            return [
                row.label, "\(paired.pairs)", digits.text(paired.mean, isSigned: true).withMinusSign,
                self.interval(paired.studentInterval, digits), self.interval(paired.bootstrapInterval, digits),
                paired.studentP.map(NumberFormat.probability) ?? missing,
                inference.studentPHolm.map(NumberFormat.probability) ?? missing,
                paired.signFlipP.map(NumberFormat.probability) ?? missing,
                paired.hedgesG.map { NumberFormat.fixedText($0, decimals: 2).withMinusSign } ?? Self.missing,
                paired.smallestDetectable.map { digits.text($0) } ?? Self.missing,
            ]
                + (hasImages
                    ? [row.cells[index].differenceImages.map { "± \(digits.text($0.standardError))" } ?? Self.missing]
                    : [])
        }
        let remarks = arms.compactMap { $0.cells[index].inference?.paired.remark }.uniqued()
        return TextSection(
            title:
                "\(column.name): significance of the differences from \(table.baseline)"
                + (column.isAccuracy ? ", in points:" : ":"),
            rows: [heading] + rows, remarks: remarks.map { "\($0)." })
    }

    private func interval(_ interval: Interval?, _ digits: NumberFormat.Digits) -> String {
        interval.map { digits.text($0).withMinusSigns } ?? Self.missing
    }

    // MARK: Effects of factors

    private func effects(_ effects: FactorialEffects) -> [TextSection] {
        let column = table.columns.first { $0.name == effects.column }!
        let unit = column.isAccuracy ? ", accuracies in %, effects in points:" : ":"
        func detail(_ paired: PairedComparison?) -> [String] {
            guard let paired else { return [Self.missing, Self.missing, Self.missing] }
            let digits = NumberFormat.Digits(of: paired.mean, paired.studentInterval, column.kind(isDifference: true))
            return [
                digits.text(paired.mean, isSigned: true).withMinusSign, interval(paired.studentInterval, digits),
                paired.studentP.map(NumberFormat.probability)
                    ?? (paired.pairs < PairedTest.fewestPairs ? "n < \(PairedTest.fewestPairs)" : "no spread"),
            ]
        }
        let main = effects.levels.map { level in
            [
                level.factor, level.level + (level.isReference ? " (reference)" : ""),
                "\(level.cells)", "\(level.marginal?.n ?? 0)",
                number(level.marginal, column: column, usual: level.marginal?.n ?? 0),
            ] + detail(level.effect)
        }
        var sections = [
            TextSection(
                title: "\(column.name): main effects of the axes\(unit)",
                rows: [["axis", "level", "cells", "seeds", "marginal mean", "effect", "95 % (t)", "p (t)"]] + main,
                textColumns: 2)
        ]
        if !effects.interactions.isEmpty {
            let rows = effects.interactions.map { interaction in
                [interaction.name, "\(interaction.cells)", "\(interaction.contrast.pairs)"]
                    + detail(interaction.contrast)
            }
            sections.append(
                TextSection(
                    title: "\(column.name): interactions of two axes, against their reference levels"
                        + (column.isAccuracy ? ", in points:" : ":"),
                    rows: [["levels", "cells", "seeds", "contrast", "95 % (t)", "p (t)"]] + rows))
        }
        return sections
    }

    // MARK: Curves

    /// So many columns of points fit a page.
    private static let mostPositions = 8

    private func curves(_ curves: LearningCurves) -> [TextSection] {
        let column = table.columns.first { $0.name == curves.column }!
        return curves.series.map { series in
            // Evenly spread where there are too many; the first and the last are always shown.
            let count = series.positions.count
            let shown =
                count <= Self.mostPositions
                ? Array(0..<count)
                : (0..<Self.mostPositions).map { $0 * (count - 1) / (Self.mostPositions - 1) }
            let heading = shown.map { NumberFormat.position(series.positions[$0], series.axis) }
            let rows = series.curves.map { curve in
                let usual = curve.points.compactMap { $0?.n }.max() ?? 0
                return [curve.arm]
                    + shown.map { number(curve.points[$0], column: column, usual: usual) }
            }
            let title =
                switch series.axis {
                case .steps: "at equal steps"
                case .flops: "at equal FLOPs of training"
                case .seconds: "at equal seconds of training"
                }
            let remarks =
                series.axis == .steps
                ? []
                : [
                    "The latest evaluation within each budget. Budgets are shares of the training of the run that "
                        + "trained least."
                        + (series.axis == .seconds ? " Seconds depend on the machine and its load." : "")
                ]
            return TextSection(
                title: "\(column.heading()) \(title):", rows: [["arm"] + heading] + rows, remarks: remarks)
        }
    }

    private func bestSteps(_ best: BestSteps) -> TextSection? {
        guard let column = table.columns.first(where: { $0.name == best.column }), !best.arms.isEmpty else {
            return nil
        }
        let rows = best.arms.map { arm in
            func text(_ statistics: SampleStatistics, isDifference: Bool = false) -> String {
                number(statistics, column: column, usual: arm.last.n, isDifference: isDifference)
            }
            return [
                arm.arm, text(arm.last), text(arm.best), text(arm.advantage, isDifference: true),
                arm.steps.map(String.init).joined(separator: ", "), "\(arm.evaluations)",
            ]
        }
        return TextSection(
            title: "\(column.heading()): the best evaluation against the last:",
            rows: [["arm", "last", "best", "best − last", "best at step", "evaluations"]] + rows,
            remarks: [
                "The best evaluation is chosen on the same test images that score it, so it is biased upwards, the more so "
                    + "the more evaluations there are. Report the last."
            ])
    }

    // MARK: Papers

    private var published: TextSection {
        func percent(_ value: Double?) -> String {
            value.map { NumberFormat.fixedText($0, decimals: 1) } ?? Self.missing
        }
        let rows = table.published.map { figure in
            [
                "\(figure.model), \(figure.pretraining)", figure.metric,
                figure.epochs.map(String.init) ?? Self.missing, percent(figure.ijepa), percent(figure.varcov),
                percent(figure.cjepa), "+" + NumberFormat.fixedText(figure.cjepa - figure.ijepa, decimals: 1),
                "table \(figure.paperTable)",
            ]
        }
        let sources = Set(table.published.map { "\($0.source). \($0.caveat)" }).sorted()
        return TextSection(
            title: "Published figures, not measured here:",
            rows: [["model", "metric", "epochs", "I-JEPA", "+ var, cov", "C-JEPA", "difference", "source"]] + rows,
            textColumns: 2, endsInText: true,
            remarks: sources + [
                "Other data, model sizes and training lengths: for orientation, not for comparison."
            ])
    }
}

extension ComparisonTable {
    /// Columns that the sections are about: accuracies, or all where none is one.
    var shownInSections: [Int] {
        let accuracies = columns.indices.filter { columns[$0].isAccuracy }
        return accuracies.isEmpty ? Array(columns.indices) : accuracies
    }

    /// The sections that a table with these has something to say in, for the legend.
    func legend(of sections: Set<TableSection>) -> [String] {
        var lines: [String] = []
        if sections.contains(.statistics), rows.contains(where: { $0.cells.contains { $0.inference != nil } }) {
            lines += [
                "95 % (t), 95 % (BCa): intervals of the mean difference over seeds, Student's t and bootstrap; p (t): "
                    + "paired t test; p (Holm): the same, adjusted over the arms of the column; p (sign-flip): exact "
                    + "test over all patterns of signs; g: Hedges' g, the difference over its sd; detectable: the "
                    + "smallest difference that this many seeds with this spread detect with power 0.8 at α = 0.05."
            ]
            if rows.contains(where: { $0.cells.contains { $0.differenceImages != nil } }) {
                lines.append(
                    "test images: standard error of the difference over resampled test images with the seeds fixed; the "
                        + "intervals are over seeds and do not include it.")
            }
        }
        if sections.contains(.effects), !effects.isEmpty {
            lines.append(
                "effects: level − reference within each seed, averaged over the cells that both levels have; marginal "
                    + "mean: over the cells that all levels have; contrast: (a, b) − (a₀, b) − (a, b₀) + (a₀, b₀). "
                    + "Their p-values are not adjusted."
            )
        }
        if !verdicts.isEmpty {
            lines.append(
                "claims: supported if the whole 95 % interval over seeds lies within the claimed bounds, contradicted if "
                    + "it excludes them; a claim of collapse is supported if it holds for every run, contradicted if it "
                    + "holds for none. Otherwise, or with fewer than \(ClaimVerdict.fewestSeeds) seeds, the data cannot "
                    + "tell.")
        }
        return lines
    }
}

extension String {
    /// Hyphens in front of numbers as the typographic minus; those inside words stay.
    var withMinusSigns: String {
        replacing(/(^|[ \[])-([0-9])/) { "\($0.1)−\($0.2)" }
    }
}
