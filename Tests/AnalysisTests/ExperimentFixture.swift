import ExperimentSpec
import RunStore

@testable import Analysis

/// Runs in memory for tests: series short enough to check by hand.
enum ExperimentFixture {
    /// A finished run whose last evaluation holds the given numbers, and whose first is the shared initialisation.
    static func run(
        _ arm: String, seed: Int, knn: Double, rankme: Double = 24, stdMean: Double = 0.3, loss: Double = 0.25,
        network: String = "vit", initialKNN: Double = 0.5
    ) -> RunOutcome {
        RunOutcome(
            arm: arm, seed: seed, status: .done,
            tables: [
                "evaluation/target": [
                    "step": [0, 100], "knn_20": [initialKNN, knn], "rankme": [8, rankme],
                    "std_mean": [0.1, stdMean],
                ],
                "evaluation/context": ["step": [0, 100], "knn_20": [initialKNN, knn - 0.01]],
                "steps": [
                    "step": [1, 2, 3, 4], "loss": [1, 0.5, 0.4, loss], "images_per_second": [10, 90, 100, 110],
                ],
            ],
            network: network, width: 96)
    }

    static func table(
        _ runs: [RunOutcome], metrics: [String] = ["knn_20"], baseline: String = "ijepa", arms: [String]? = nil,
        floors: [PixelFloor] = [], encoder: String = "target"
    ) throws -> ComparisonTable {
        let catalog = MetricCatalog(columns: columns(of: runs), encoder: encoder)
        var seen: [String] = []
        for run in runs where !seen.contains(run.arm) { seen.append(run.arm) }
        return ComparisonTable(
            experiment: "demo", question: "Does VICReg help?", baseline: baseline, arms: arms ?? seen, runs: runs,
            floors: floors, metrics: try metrics.map { try catalog.resolve($0, in: "results/demo") }, encoder: encoder)
    }

    static func columns(of runs: [RunOutcome]) -> [String: Set<String>] {
        runs.reduce(into: [:]) { columns, run in
            for (table, series) in run.tables { columns[table, default: []].formUnion(series.keys) }
        }
    }

    /// Two arms with two seeds, one that collapses, one of which a seed failed; both floors.
    static func mixed() throws -> ComparisonTable {
        var failed = RunOutcome(arm: "c_jepa.shared", seed: 1, status: .failed)
        failed.reason = "non-finite loss at step 12"
        return try table(
            [
                run("ijepa", seed: 0, knn: 0.68, initialKNN: 0.59), run("ijepa", seed: 1, knn: 0.70, initialKNN: 0.61),
                run("c_jepa", seed: 0, knn: 0.69, rankme: 23, loss: 0.3, initialKNN: 0.59),
                run("c_jepa", seed: 1, knn: 0.72, rankme: 25, loss: 0.26, initialKNN: 0.61),
                run("c_jepa.shared", seed: 0, knn: 0.62, rankme: 1.4, stdMean: 0.015, loss: 0.001, initialKNN: 0.59),
                failed,
            ],
            metrics: ["loss", "knn_20", "rankme", "images_per_second"],
            floors: [PixelFloor(dataset: "fashion_mnist", metrics: ["pixel_knn_20": 0.829])])
    }
}
