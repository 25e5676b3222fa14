package import ExperimentSpec
package import RunStore

/// What the comparison needs to know of one run of the matrix, held in memory.
package struct RunOutcome: Sendable {
    /// Series of one table, row by row.
    package typealias Series = [String: [Double]]

    package var arm: String
    package var seed: Int
    /// None: it never started, or, with a reason, its files cannot be read.
    package var status: RunStatus?
    /// Why it is not done, in words: "non-finite loss at step 12".
    package var reason: String?
    /// "steps", "evaluation/target"… → column → values; empty unless the run is finished.
    package var tables: [String: Series]
    /// Everything that decides its features before training, the seed apart; runs with equal ones start alike.
    package var network: String
    /// D, the number of features.
    package var width: Int
    package var collapseRankShare: Double
    package var collapseStandardDeviation: Double
    /// As stored with the run; none in files that are older than verdicts.
    package var verdict: StoredVerdict?
    /// "evaluation/target" → what its probes say of each test image; empty for runs that stored none.
    package var predictions: [String: StoredPredictions]
    /// FLOPs of one training step; none where it is not known.
    package var flopsPerStep: Double?

    /// Images that could not be read and were left out, and the file that lists them; none where all could be.
    package var skippedImages: (count: Int, list: String)?

    package init(
        arm: String, seed: Int, status: RunStatus?, reason: String? = nil, tables: [String: Series] = [:],
        network: String = "", width: Int = 0, thresholds: DiagnosticsConfiguration = DiagnosticsConfiguration(),
        predictions: [String: StoredPredictions] = [:], flopsPerStep: Double? = nil
    ) {
        self.arm = arm
        self.seed = seed
        self.status = status
        self.reason = reason
        self.tables = tables
        self.network = network
        self.width = width
        collapseRankShare = thresholds.collapseRankShare
        collapseStandardDeviation = thresholds.collapseStandardDeviation
        self.predictions = predictions
        self.flopsPerStep = flopsPerStep
    }

    /// Whether its results stand: done, or ended early because it had collapsed.
    var isFinished: Bool { status?.isFinished == true }

    /// The number that `selector` names; none where the run does not hold it, NaN where it was not finite.
    func value(of selector: MetricSelector) -> Double? {
        guard let table = tables[selector.table], let series = table[selector.column] else { return nil }
        let steps = table["step"] ?? Array(repeating: .nan, count: series.count)
        return selector.reduce(series, steps: steps)
    }
}

/// Accuracies of raw pixels on one data set: what no training at all reaches.
package struct PixelFloor: Sendable {
    /// The data set in words.
    package var dataset: String
    /// Images that the probes were trained on, where known.
    package var trainImages: Int?
    /// "pixel_knn_20" → fraction.
    package var metrics: [String: Double]

    package init(dataset: String, trainImages: Int? = nil, metrics: [String: Double]) {
        self.dataset = dataset
        self.trainImages = trainImages
        self.metrics = metrics
    }
}
