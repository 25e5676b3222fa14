import Diagnostics
import RunStore

extension ComparisonTable {
    /// How the numbers are to be read, one sentence for each convention that the table uses.
    package var legend: [String] {
        var lines = [
            "mean ± sample standard deviation over seeds (– for a single seed); n: finished runs, of those planned.",
            "Features: \(encoder) encoder, averaged over patches; test images; last evaluation.",
        ]
        lines += columns.filter { !$0.isAccuracy }.compactMap(Self.explanation).uniqued()
        for column in columns where column.table == "steps" && column.reduction == "tail" {
            lines.append("\(column.name): mean of the last 5 % of the steps.")
        }
        for column in columns where column.reduction == "median" {
            lines.append("\(column.name): median over the steps; runs may have shared the machine.")
        }
        if columns.contains(where: \.isAccuracy) {
            lines.append("kNN and linear: accuracy in %; their differences in percentage points.")
        }
        if rows.contains(where: { row in row.cells.contains { $0.difference != nil } }) {
            lines.append("Differences: arm − baseline of the same seed, then mean ± sd over such pairs.")
        }
        if rows.contains(where: { $0.kind == .initialisation }) {
            lines.append("at initialisation: the same networks at step 0; an arm's lead over this row was learned.")
        }
        if rows.contains(where: { $0.kind == .rawPixels }) {
            lines.append("raw pixels: the same probes on the images themselves, without any network.")
        }
        // The column is of verdicts where all arms have one.
        let showsVerdicts =
            rows.contains { $0.verdict != nil } && rows.allSatisfy { $0.collapse == nil || $0.verdict != nil }
        if showsVerdicts {
            lines.append(
                "verdict: findings of the diagnostics of both encoders, the predictor and the gradients at the end, the "
                    + "gravest first, with the number of runs; docs/diagnostics.md has the thresholds.")
            let names = Set(rows.compactMap(\.verdict).flatMap(\.runs).flatMap(\.findings).map(\.name))
            lines += Finding.allCases.filter { names.contains($0.rawValue) }.map { "\($0.words): \($0.meaning)." }
        }
        if !showsVerdicts, rows.contains(where: { $0.collapse != nil }) {
            lines.append(
                "collapse: RankMe / D (low rank), mean feature std (small scale), or both (collapsed) below the "
                    + "thresholds of the configuration; probes rescale features and do not show it.")
        }
        if columns.contains(where: \.isAccuracy) {
            lines.append(
                rows.contains { $0.cells.contains(where: \.isBest) }
                    ? "bold: highest mean of a column in which every arm has at least \(Self.seedsForBest) seeds."
                    : "Nothing is bold: every arm would need at least \(Self.seedsForBest) seeds.")
        }
        return lines
    }

    /// The short form for common columns, the store's convention for the others.
    private static func explanation(of column: Column) -> String? {
        if let short = explanations[column.column] { return short }
        return MetricConvention.of(table: column.table, column: column.column)
            .map { "\(column.column): \($0.text)" + (["1", "step"].contains($0.unit) ? "." : "; in \($0.unit).") }
    }

    private static let explanations = [
        "rankme": "rankme: exp(entropy of the normalised singular values), features not centred; between 1 and D.",
        "std_mean": "std_mean: standard deviation of each feature over images, averaged over features.",
        "mean_cosine": "mean_cosine: mean cosine of the features of different images; 1 if all point the same way.",
        "predictor_r2":
            "predictor_r2: 1 − squared error of the predictions / that of the targets' mean; 0 means no skill.",
        "loader_wait_share": "loader_wait_share: share of all step time spent waiting for images.",
        "loss": "loss: the training loss; not comparable between arms whose objectives differ.",
    ]
}

extension Sequence where Element: Hashable {
    /// The elements in their order, each once.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
