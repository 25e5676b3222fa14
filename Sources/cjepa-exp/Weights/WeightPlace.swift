import Analysis
import ExperimentSpec
import Foundation
import PretrainedWeights
import RunStore

/// Weights that a command was given: a file, a folder, or a checkpoint of a run.
struct WeightPlace {
    /// The file or folder that is opened.
    let path: String
    /// The run whose checkpoint it is.
    let run: RunDirectory?

    /// - Parameters:
    ///   - text: A path, or a run as other commands take it.
    ///   - step: Of a run's checkpoint; none: the last.
    /// - Throws: `UnusableInput` where there is neither, or no such checkpoint.
    init(_ text: String, results: String, step: Int? = nil) throws {
        let files = FileManager.default
        if files.fileExists(atPath: text), !files.fileExists(atPath: RunDirectory(path: text).planFile) {
            guard step == nil else {
                throw UnusableInput(
                    place: text, problem: "is no run, to which alone --step applies", remedy: "leave --step out")
            }
            path = text
            let folder = RunDirectory(path: (text as NSString).deletingLastPathComponent)
            let isOfRun = folder.checkpoints.entries.contains {
                ($0.path as NSString).lastPathComponent == (text as NSString).lastPathComponent
            }
            run = isOfRun && files.fileExists(atPath: folder.planFile) ? folder : nil
            return
        }
        let directory: RunDirectory
        do {
            directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(text))
        } catch let error as AnalysisError {
            throw UnusableInput(
                place: text, problem: "is neither a file or folder of weights nor a run (\(error.message))",
                remedy: error.remedy)
        }
        let entries = directory.checkpoints.entries
        guard let entry = step.map({ step in entries.first { $0.step == step } }) ?? entries.last else {
            throw UnusableInput(
                place: directory.path,
                problem: step.map { "there is no checkpoint of step \($0)" } ?? "the run has no checkpoint",
                remedy: entries.isEmpty
                    ? "wait for its first checkpoint; `cjepa-exp status` shows its progress"
                    : "there are checkpoints of steps \(entries.map { "\($0.step)" }.joined(separator: ", ")); "
                        + "resources.checkpoints_kept keeps more while a run trains")
        }
        path = entry.path
        run = directory
    }

    /// - Parameter hints: What the user says; what a run's plan says takes its place.
    /// - Throws: `WeightError`, `SafetensorsError`, `RunStoreError`.
    func open(_ hints: PretrainedWeights.Hints = .init()) throws -> PretrainedWeights {
        try PretrainedWeights(path: path, hints: completed(hints))
    }

    /// What the plan of the run says of its network.
    func completed(_ hints: PretrainedWeights.Hints) throws -> PretrainedWeights.Hints {
        guard let run else { return hints }
        let model = try run.loadPlan().run.configuration.model
        let side = model.imageSize / model.patchSize
        return PretrainedWeights.Hints(heads: model.heads, rows: side, columns: side)
    }
}
