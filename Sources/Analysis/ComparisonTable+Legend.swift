import Diagnostics
import Evaluation
import RunStore

extension ComparisonTable {
    /// How to read the numbers, one sentence for each convention that the table uses.
    package var legend: [String] {
        var lines = [
            "mean ± sample standard deviation over seeds (– for a single seed); n: finished runs, or finished/planned.",
            "Features: \(encoder) encoder, averaged over patches; test images; last evaluation.",
        ]
        lines += columns.filter(\.isAccuracy).compactMap(Self.probe).uniqued()
        lines += columns.filter { !$0.isAccuracy }.compactMap(Self.explanation).uniqued()
        for column in columns where column.table == "steps" && column.reduction == "tail" {
            lines.append("\(column.name): mean of the last 5 % of the steps.")
        }
        for column in columns where column.reduction == "median" {
            lines.append("\(column.name): median over the steps; runs may have shared the machine.")
        }
        if rows.contains(where: { row in row.cells.contains { $0.difference != nil } }) {
            lines.append(
                "Differences: arm − baseline of the same seed, then mean ± sd over these pairs"
                    + (columns.contains(where: \.isAccuracy) ? "; of accuracies in percentage points." : "."))
        }
        lines.append(
            "Digits: to the second significant digit of the standard deviation, or of half the interval"
                + (columns.contains(where: \.isAccuracy)
                    ? "; accuracies to one decimal, their differences to one or two." : "."))
        return lines + floorLegend + verdictLegend + boldLegend
    }

    private var floorLegend: [String] {
        var lines: [String] = []
        if rows.contains(where: { $0.kind == .initialisation }) {
            lines.append(
                "at initialisation: the same networks at step 0; what an arm gains over this row, it has learned.")
        }
        if rows.contains(where: { $0.kind == .rawPixels }) {
            lines.append("raw pixels: the same probes on the images themselves, without a network.")
        }
        return lines
    }

    private var verdictLegend: [String] {
        // The column is of verdicts where all arms have one.
        guard rows.contains(where: { $0.verdict != nil }),
            rows.allSatisfy({ $0.collapse == nil || $0.verdict != nil })
        else {
            guard rows.contains(where: { $0.collapse != nil }) else { return [] }
            return [
                "collapse: RankMe / D (low rank), the mean standard deviation of the features (small scale), or both "
                    + "(collapsed) are below the thresholds in the configuration. Probes rescale features, so they do "
                    + "not show collapse."
            ] + Self.fallLegend(Set(rows.compactMap(\.collapse).flatMap(\.evidence).flatMap(\.fallWords)))
        }
        let names = Set(rows.compactMap(\.verdict).flatMap(\.runs).flatMap(\.findings).map(\.name))
        return [
            "verdict: findings about both encoders, the predictor and the gradients at the last diagnosis, gravest "
                + "first, with the number of runs; docs/diagnostics.md has the thresholds."
        ] + Finding.allCases.filter { names.contains($0.rawValue) }.map { "\($0.words): \($0.meaning)." }
            + (names.contains(VerdictMark.behind.name) ? ["\(VerdictMark.behind.words): \(Self.behindMeaning)."] : [])
    }

    private static func fallLegend(_ words: Set<String>) -> [String] {
        [
            (
                CollapseMark.Evidence.rankLost,
                "a rank is below half of that at initialisation, and an accuracy below that at initialisation"
            ), (CollapseMark.Evidence.behind, behindMeaning),
        ].filter { words.contains($0.0) }.map { "\($0.0): \($0.1)." }
    }

    private static let behindMeaning =
        "RankMe is below half of that of healthy arms of the same seed, and an accuracy is below theirs by more than test "
        + "images explain"

    private var boldLegend: [String] {
        guard columns.contains(where: \.isAccuracy) else { return [] }
        return [
            rows.contains { $0.cells.contains(where: \.isBest) }
                ? "bold: the highest mean of its column, in which every arm has at least \(Self.seedsForBest) seeds."
                : "Nothing is bold: every arm would need at least \(Self.seedsForBest) seeds."
        ]
    }

    /// What a column is, in a sentence; none for columns without a convention.
    static func meaning(of column: Column) -> String? { column.isAccuracy ? probe(column) : explanation(of: column) }

    /// What an accuracy is of.
    private static func probe(_ column: Column) -> String? {
        if let meaning = MetricConvention.metric(named: column.column)?.meaning {
            return "\(column.column): \(meaning), in %."
        }
        return MetricConvention.of(table: column.table, column: column.column).map {
            "\(column.column): \($0.text); in %."
        }
    }

    /// The short form for common columns, the store's convention for the others.
    private static func explanation(of column: Column) -> String? {
        if let short = explanations[column.column] { return short }
        return MetricConvention.of(table: column.table, column: column.column)
            .map { "\(column.column): \($0.text)" + (["1", "step"].contains($0.unit) ? "." : "; in \($0.unit).") }
    }

    private static let explanations = [
        "rankme": "rankme: exp(entropy of the normalised singular values) of the uncentred features; between 1 and D.",
        "std_mean": "std_mean: standard deviation of each feature over images, then the mean over features.",
        "mean_cosine":
            "mean_cosine: mean cosine similarity between the features of different images; 1 if all point the same way.",
        "predictor_r2":
            "predictor_r2: 1 − squared error of the predictions / squared error of the targets' mean; 0 means no skill.",
        "loader_wait_share": "loader_wait_share: share of all step time spent waiting for images.",
        "loss": "loss: the training loss; not comparable between arms with different objectives.",
    ]
}

extension Sequence where Element: Hashable {
    /// The elements in their order, each once.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
