import Analysis
import ExperimentSpec
import Foundation
import RunStore
import Training

/// An encoder that the user named, with what is known of it.
struct EncoderSource {
    let weights: EncoderWeights
    /// Of the run that trained it; none: it is not one of ours.
    let run: Run?
    /// What it is called in messages.
    let name: String
    /// Where it comes from, for whoever reads the features.
    let origin: [(key: String, value: String)]
    /// In which it is computed unless the user says otherwise.
    let precision: TrainingConfiguration.Precision

    struct Run {
        let configuration: RunConfiguration
        /// Of its results; empty where there are none.
        let provenance: [String: String]
    }

    /// - Parameters:
    ///   - text: A checkpoint in a run's folder, or a run as every command finds it.
    ///   - encoder: None: the target encoder.
    /// - Throws: `UnusableInput`, `AnalysisError` where there is nothing of that name; errors of what is read.
    init(_ text: String, encoder: EvaluationConfiguration.Encoder?, results: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: text, isDirectory: &isFolder), !isFolder.boolValue {
            try self.init(checkpoint: text, encoder: encoder ?? .target)
        } else {
            let directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(text))
            guard let newest = directory.checkpoints.entries.last else {
                throw UnusableInput(
                    place: directory.path, problem: "the run has no checkpoint to compute features from",
                    remedy: "wait for its first checkpoint; `cjepa-exp status` shows its progress")
            }
            try self.init(directory, newest.path, encoder: encoder ?? .target)
        }
    }

    private init(checkpoint path: String, encoder: EvaluationConfiguration.Encoder) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let directory = RunDirectory(path: folder)
        let name = (path as NSString).lastPathComponent
        guard directory.checkpoints.entries.contains(where: { ($0.path as NSString).lastPathComponent == name }),
            FileManager.default.fileExists(atPath: directory.planFile)
        else {
            throw UnusableInput(
                place: path, problem: "is no checkpoint of a run with its plan beside it",
                remedy: "give a run, or checkpoint-<step>.safetensors in a run's folder")
        }
        try self.init(directory, path, encoder: encoder)
    }

    private init(_ directory: RunDirectory, _ path: String, encoder: EvaluationConfiguration.Encoder) throws {
        let plan = try directory.loadPlan()
        let configuration = plan.run.configuration
        // As it lies: looking sets no damaged checkpoint aside.
        let checkpoint = try Checkpoint.load(from: path, expecting: plan.run.configurationHash)
        weights = try EncoderWeights(configuration, tensors: checkpoint.tensors, encoder: encoder)
        let results =
            FileManager.default.fileExists(atPath: directory.resultsFile)
            ? try RunFile(path: directory.resultsFile).provenance : [:]
        run = Run(configuration: configuration, provenance: results)
        name = directory.name
        precision = configuration.training.precision
        origin = [
            ("experiment", plan.experiment), ("run", directory.name), ("encoder", encoder.rawValue),
            ("step", "\(checkpoint.step)"),
        ]
    }
}
