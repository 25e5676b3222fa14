import ExperimentSpec
import Foundation
package import RunStore

extension ComparisonTable {
    /// Reads an experiment and compares its arms.
    ///
    /// - Parameters:
    ///   - experimentDirectory: Holds `experiment.json`, a folder for each run, and `floors-*.json` where computed.
    ///   - metrics: Names as `MetricCatalog.resolve` takes them; none: `MetricSelector.defaultNames`, as far as stored.
    ///   - added: More of them, behind those.
    ///   - otherNames: Columns that the caller knows besides metrics: what a name that is unknown may have meant.
    ///   - encoder: "target" or "context": whose evaluation plain names mean, also those of claims that name none.
    ///   - baseline: The arm that differences are taken from; none: that of the record. Claims stay what they are.
    ///   - tags: Only runs that have all of these, and the arms that they belong to.
    ///   - remark: Takes what is to be said of the runs' files.
    /// Runs and floors whose files are damaged count as missing, with a note that names file and remedy.
    ///
    /// - Throws: `AnalysisError` for a metric that no run holds and for a baseline that is no arm; `RunStoreError` where
    ///   the record is damaged.
    package static func load(
        experimentDirectory: String, metrics: [String] = [], adding added: [String] = [], otherNames: [String] = [],
        encoder: String = "target", baseline: String? = nil, tags: [String] = [],
        remark: (ResultsRemark) -> Void = { _ in }
    ) throws -> ComparisonTable {
        var record = try ExperimentRecord.load(fromExperiment: experimentDirectory)
        if !tags.isEmpty {
            let directories = record.runs.map { entry in
                RunDirectory(path: (experimentDirectory as NSString).appendingPathComponent(entry.directoryName))
            }
            record.runs = zip(record.runs, directories).filter { $0.1.hasTags(tags) }.map(\.0)
            record.arms.removeAll { arm in !record.runs.contains { $0.arm == arm } }
            guard !record.runs.isEmpty else {
                let (message, remedy) = RunTags.noMatch(for: tags, among: directories)
                throw AnalysisError(.unknownName, path: experimentDirectory, message: message, remedy: remedy)
            }
        }
        if let baseline, !record.arms.contains(baseline) {
            throw AnalysisError(
                .unknownName, path: experimentDirectory, message: "there is no arm “\(baseline)”",
                remedy: remedy(baseline, record.arms))
        }
        let runs = outcomes(of: record, in: experimentDirectory, remark: remark)
        let columns = columns(of: runs)
        let catalog = MetricCatalog(columns: columns, encoder: encoder)
        let names =
            metrics.isEmpty
            ? MetricSelector.defaultNames(headline: headline(of: runs, encoder: encoder)).filter(catalog.contains)
            : metrics
        let wanted = (names + added).uniqued()
        // Before the first run is done nothing is known of its columns, and nothing could be shown in them.
        let selectors =
            columns.isEmpty
            ? [] : try wanted.map { try catalog.resolve($0, in: experimentDirectory, besides: otherNames) }
        let (floors, remarks) = try pixelFloors(of: record, in: experimentDirectory)
        return ComparisonTable(
            experiment: record.name, question: record.question, baseline: baseline ?? record.baseline,
            arms: record.arms,
            runs: runs, floors: floors, metrics: selectors, encoder: encoder, remarks: remarks,
            factors: record.factors ?? [],
            verdicts: verdicts(
                on: record.expectations ?? [], runs: runs, columns: columns, encoder: encoder, in: experimentDirectory))
    }

    /// The verdicts alone, on the target encoder where a claim names none; none where the experiment claims nothing.
    ///
    /// - Throws: `RunStoreError` where the record is damaged.
    package static func verdicts(
        experimentDirectory: String, remark: (ResultsRemark) -> Void = { _ in }
    ) throws -> [ClaimVerdict] {
        let record = try ExperimentRecord.load(fromExperiment: experimentDirectory)
        guard let expectations = record.expectations, !expectations.isEmpty else { return [] }
        let runs = outcomes(of: record, in: experimentDirectory, remark: remark)
        return verdicts(
            on: expectations, runs: runs, columns: columns(of: runs), encoder: "target", in: experimentDirectory)
    }

    static func outcomes(
        of record: ExperimentRecord, in directory: String, remark: (ResultsRemark) -> Void
    ) -> [RunOutcome] {
        record.runs.map { entry in
            RunOutcome(
                entry,
                directory: RunDirectory(path: (directory as NSString).appendingPathComponent(entry.directoryName)),
                remark: remark)
        }
    }

    /// What stands for linear accuracy in all finished runs.
    private static func headline(of runs: [RunOutcome], encoder: String) -> String? {
        MetricConvention.headline(
            among: runs.filter(\.isFinished).map { Set(($0.tables["evaluation/\(encoder)"] ?? [:]).keys) })
    }

    static func columns(of runs: [RunOutcome]) -> [String: Set<String>] {
        runs.reduce(into: [:]) { columns, run in
            for (table, series) in run.tables { columns[table, default: []].formUnion(series.keys) }
        }
    }

    /// Judges what the spec claims; a metric that no run holds leaves its claim open.
    private static func verdicts(
        on expectations: [Claim], runs: [RunOutcome], columns: [String: Set<String>], encoder: String,
        in directory: String
    ) -> [ClaimVerdict] {
        expectations.map { expectation in
            let catalog = MetricCatalog(columns: columns, encoder: expectation.encoder?.rawValue ?? encoder)
            let metric = expectation.metric.flatMap { try? catalog.resolve($0, in: directory) }
            return ClaimVerdict(expectation, runs: runs, metric: metric, encoder: encoder)
        }
    }

    /// The floors that the record names, or all where it is too old to name any, and what is wrong with them.
    private static func pixelFloors(
        of record: ExperimentRecord, in directory: String
    ) throws -> (floors: [PixelFloor], remarks: [String]) {
        var floors: [PixelFloor] = []
        var remarks: [String] = []
        for name in try record.floors ?? Floors.names(inExperiment: directory) {
            let path = (directory as NSString).appendingPathComponent(name)
            // They may not be computed yet.
            guard FileManager.default.fileExists(atPath: path) else { continue }
            do {
                let stored = try Floors.load(from: path)
                floors.append(
                    PixelFloor(dataset: stored.dataset, trainImages: stored.nTrain, metrics: stored.metrics))
            } catch let error as RunStoreError {
                remarks.append(
                    "Raw pixels: \(path) cannot be read (\(error.message)); remove it, and `cjepa-exp run` computes "
                        + "it again.")
            }
        }
        return (floors, remarks)
    }
}
