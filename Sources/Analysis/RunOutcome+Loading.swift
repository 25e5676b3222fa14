import Evaluation
import ExperimentSpec
import Foundation
import RunStore

extension RunOutcome {
    /// Reads the state of a run, and its series where it is finished.
    ///
    /// Files that are missing or damaged make it an outcome without status whose reason names file and remedy: one
    /// broken file must not take the other runs' table away.
    ///
    /// - Parameter remark: Takes what is to be said of the file.
    init(_ entry: ExperimentRecord.Entry, directory: RunDirectory, remark: (ResultsRemark) -> Void) {
        do {
            self = try RunOutcome(entry, reading: directory, remark: remark)
        } catch {
            let reason = Self.reason(error, in: directory)
            remark(.damaged(reason))
            self = RunOutcome(arm: entry.arm, seed: entry.seed, status: nil, reason: reason)
        }
    }

    /// - Throws: `RunStoreError`.
    private init(
        _ entry: ExperimentRecord.Entry, reading directory: RunDirectory, remark: (ResultsRemark) -> Void
    ) throws {
        let (arm, seed) = (entry.arm, entry.seed)
        guard let state = try directory.loadState() else {
            self.init(arm: arm, seed: seed, status: nil)
            return
        }
        guard state.status.isFinished else {
            self.init(arm: arm, seed: seed, status: state.status, reason: Self.reason(state))
            return
        }
        let file = try RunFile(path: directory.resultsFile)
        try file.check(isOfArm: arm, seed: seed, configurationHash: entry.configurationHash)
        let configuration = file.configuration
        var tables: [String: Series] = [:]
        for name in file.tableNames {
            let table = try file.table(name)
            tables[name] = table.columns.reduce(into: [:]) { series, column in series[column] = table[column] }
            if name == "steps", let share = table.loaderWaitShare {
                tables[name]?[MetricTable.loaderWaitShareColumn] = share
            }
        }
        var predictions: [String: StoredPredictions] = [:]
        for encoder in EvaluationConfiguration.Encoder.allCases.map(\.rawValue) {
            predictions["evaluation/\(encoder)"] = try file.predictions(encoder: encoder)
        }
        self.init(
            arm: arm, seed: seed, status: state.status,
            reason: state.status == .collapsed ? Self.reason(state) : nil, tables: tables,
            network: try Self.network(of: configuration),
            width: configuration.model.width, thresholds: configuration.diagnostics, predictions: predictions,
            flopsPerStep: configuration.hasCost ? CostEstimate(configuration).flopsPerStep : nil)
        verdict = try file.verdict()
        skippedImages = file.skippedImageCount.map { ($0, directory.skippedImagesFile) }
        ResultsRemark(file).map(remark)
    }

    /// What is wrong with the files of a run that cannot be read, and what to do.
    private static func reason(_ error: any Error, in directory: RunDirectory) -> String {
        if let error = error as? RunStoreError, error.file == directory.stateFile { return error.description }
        guard FileManager.default.fileExists(atPath: directory.resultsFile) else {
            return "\(directory.resultsFile) is missing; `cjepa-exp run` trains the run again"
        }
        return "\(error)"
    }

    /// "non-finite loss at step 12", or how far an unfinished run has come.
    private static func reason(_ state: RunState) -> String {
        let progress = "at step \(state.step) of \(state.totalSteps)"
        guard let reason = state.message ?? state.exitReason, !reason.isEmpty else { return progress }
        return state.status == .failed ? reason : "\(reason), \(progress)"
    }

    /// What decides the features before training and how they are judged: equal text, equal floor at initialisation.
    ///
    /// Crops are for training only, and how often, and of whom, an evaluation is taken changes nothing at step 0.
    private static func network(of configuration: RunConfiguration) throws -> String {
        var probed = RunConfiguration()
        probed.model = configuration.model
        probed.data = configuration.data
        probed.data.cropScale = []
        probed.data.cropAspect = []
        probed.takeEvaluation(of: configuration)
        // A task more or less changes nothing of what the others measure.
        for task in Catalogue.current.evaluationTasks.map({ $0.declaration }) {
            for key in [EvaluationTaskDeclaration.enabledKey, EvaluationTaskDeclaration.intermediateKey] {
                probed.declared["\(task.group).\(key)"] = nil
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(probed), as: UTF8.self)
    }
}
