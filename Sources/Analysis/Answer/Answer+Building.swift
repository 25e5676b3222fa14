import Evaluation
import Foundation
import RunStore
import Statistics

extension Answer {
    /// - Parameters:
    ///   - metric: The headline, by the name of its column; none or no such column: logistic regression's accuracy, else the
    ///     linear probe's, else the first accuracy, else the first column.
    package init(_ table: ComparisonTable, metric: String? = nil) {
        experiment = table.experiment
        question = table.question
        baseline = table.baseline
        encoder = table.encoder
        claims = table.verdicts
        notes = table.notes
        let column = metric.flatMap { name in table.columns.firstIndex { $0.name == name } } ?? table.headline
        self.column = column
        self.metric = column.map { table.columns[$0] }
        let cells = column.map { column in table.arms.map { $0.cells[column] } }
        let ranks = self.metric?.isRanked == true ? Self.ranks(cells?.map { $0.statistics?.mean } ?? []) : nil
        let tested = cells?.count { $0.inference?.studentPHolm != nil } ?? 0
        arms = table.arms.enumerated().map { index, row in
            let cell = cells?[index]
            let findings = Self.findings(of: row)
            return Arm(
                name: row.label, isBaseline: row.isBaseline, done: row.done ?? 0, planned: row.planned ?? 0,
                values: cell?.values ?? [], statistics: cell?.statistics,
                difference: cell?.inference.map { Difference($0, tested: tested) }, rank: ranks?[index],
                verdict: findings?.joined(separator: ", "),
                gravest: findings.map { $0.count < 2 ? $0.joined() : "\($0[0]), \($0.count - 1) more" },
                collapse: row.collapse.map { Collapse(collapsed: $0.markedCount, judged: $0.evidence.count) },
                notes: row.notes)
        }
        floors = table.floors.compactMap { row in
            column.flatMap { row.cells[$0].statistics }.map {
                Floor(
                    kind: row.kind, label: row.label, arms: row.kind == .initialisation ? row.startsArms : nil,
                    statistics: $0)
            }
        }
    }

    /// What the label of the row says, the gravest first, without the counts that say "all".
    private static func findings(of row: ComparisonTable.Row) -> [String]? {
        if let verdict = row.verdict {
            return verdict.label.components(separatedBy: ", ").map {
                $0.replacing(" \(verdict.runs.count)/\(verdict.runs.count)", with: "")
            }
        }
        return row.collapse.map { collapse in
            [
                collapse.markedCount == 0
                    ? "no collapse"
                    : collapse.label.replacing(" \(collapse.evidence.count)/\(collapse.evidence.count)", with: "")
            ]
        }
    }

    /// 1 for the highest; equal numbers share a rank.
    private static func ranks(_ means: [Double?]) -> [Int?] {
        means.map { mean in mean.map { mean in 1 + means.count { ($0 ?? -.infinity) > mean } } }
    }
}

extension Answer.Difference {
    /// - Parameter tested: Arms that are tested in the column. Each gets its share of the 5 % where seeds are counted, since
    ///   Holm's adjustment asks for no more than that.
    init(_ inference: ComparisonTable.Inference, tested: Int) {
        let paired = inference.paired
        pairs = paired.pairs
        mean = paired.mean
        interval = paired.studentInterval
        p = inference.studentPHolm
        let excludesZero = paired.studentInterval.map { $0.low > 0 || $0.high < 0 } ?? false
        outcome =
            if paired.pairs < PairedTest.fewestPairs {
                .tooFew
            } else if let p = inference.studentPHolm {
                p < Answer.level && excludesZero ? (paired.mean > 0 ? .above : .below) : .open
            } else {
                .noSpread
            }
        moreSeeds =
            outcome == .open
            ? paired.cohenD.flatMap { EffectSize.pairsNeeded(toFind: $0, alpha: Answer.level / Double(max(1, tested))) }
                .map { max(1, $0 - paired.pairs) } : nil
    }
}

extension ComparisonTable {
    /// The column that answers the question where nobody says which.
    var headline: Int? {
        func column(_ name: String) -> Int? {
            columns.firstIndex {
                $0.column == name && $0.table == "evaluation/\(encoder)"
                    && $0.reduction == MetricSelector.Reduction.last.rawValue
            }
        }
        return EvaluationTasks.linearMetrics.lazy.compactMap(column).first
            ?? columns.firstIndex { $0.isAccuracy && $0.isRanked } ?? columns.firstIndex(where: \.isAccuracy)
            ?? columns.indices.first
    }
}

extension ComparisonTable.Column {
    /// Whether higher is better.
    package var isRanked: Bool { isAccuracy && reduction != MetricSelector.Reduction.initial.rawValue }

    /// "logistic accuracy", "20-NN accuracy", and whatever was asked for by another name: "context.linear".
    package var words: String {
        guard isAccuracy, name == column else { return name }
        return MetricConvention.displayName(of: column) + " accuracy"
    }

    /// "%", or "points" of differences; empty for other numbers.
    package func unit(isDifference: Bool = false) -> String { kind(isDifference: isDifference).unit ?? "" }

    /// "61.2 ± 0.8", without a spread "61.2"; without the unit.
    package func text(_ statistics: SampleStatistics) -> String {
        let pair = NumberFormat.pair(statistics, kind())
        return pair.mean.withMinusSign + (pair.deviation.map { " ± \($0)" } ?? "")
    }

    /// The mean alone: "61.2".
    package func meanText(_ statistics: SampleStatistics) -> String {
        NumberFormat.pair(statistics, kind()).mean.withMinusSign
    }

    /// "+1.2".
    package func text(_ difference: Answer.Difference) -> String {
        digits(of: difference).text(difference.mean, isSigned: true).withMinusSign
    }

    /// "[0.8, 1.6]"; none with one pair.
    package func intervalText(_ difference: Answer.Difference) -> String? {
        difference.interval.map { digits(of: difference).text($0).withMinusSigns }
    }

    private func digits(of difference: Answer.Difference) -> NumberFormat.Digits {
        NumberFormat.Digits(of: difference.mean, difference.interval, kind(isDifference: true))
    }
}
