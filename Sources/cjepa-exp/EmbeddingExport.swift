import Analysis
import CPUKernels
import Datasets
import Diagnostics
import ExperimentSpec
import Foundation
import RunStore
import Training

/// Writes features of a run, or of all runs of an experiment: those stored of the test images, or those of the training
/// images, computed from checkpoints.
struct EmbeddingExport {
    let format: EmbeddingFormat
    let encoder: EvaluationConfiguration.Encoder
    /// Training step; none: the last that there is.
    let step: Int?
    let split: EmbeddingSet.Split
    let threads: Int
    /// Whether existing files are replaced.
    let replaces: Bool
    var data: SplitsCache
    /// Takes what is to be said of the runs' files.
    let remark: (ResultsRemark) -> Void

    /// - Parameter output: None: named after run, encoder, step and split, in the working directory.
    /// - Returns: The files written.
    /// - Throws: `AnalysisError` where the output exists, or there is nothing to write; errors of what is read.
    mutating func write(run directory: String, to output: String?) throws -> [String] {
        let source = try source(RunDirectory(path: directory))
        let set = try source.load(&self)
        return try format.write(set, to: output ?? format.defaultName(of: set), replacing: replaces)
    }

    /// One output for each run, in a folder. What is there already stays, and a run without features is left out: both
    /// are told as remarks, so that the same call later adds what has become available.
    ///
    /// - Returns: The files written.
    /// - Throws: The first run's error where no run has anything.
    mutating func write(runs directories: [String], to folder: String) throws -> [String] {
        var (files, kept, failure): ([String], Int, (any Error)?) = ([], 0, nil)
        for path in directories {
            let directory = RunDirectory(path: path)
            let target: String
            let set: EmbeddingSet
            do {
                let source = try source(directory)
                target = (folder as NSString).appendingPathComponent(source.outputName)
                if !replaces, format.isComplete(at: target) {
                    kept += 1
                    continue
                }
                set = try source.load(&self)
            } catch {
                remark(.damaged("\(directory.name) is skipped: \(ErrorReport(error).line)"))
                failure = failure ?? error
                continue
            }
            files += try format.write(set, to: target, replacing: true)
        }
        if files.isEmpty, kept == 0, let failure { throw failure }
        if kept > 0 { note("kept \(counted(kept, "existing output")) in \(folder); --force replaces them") }
        return files
    }

    // MARK: Sources

    /// Features that have a name before they are read or computed.
    private struct Source {
        let outputName: String
        let load: (inout EmbeddingExport) throws -> EmbeddingSet
    }

    private func source(_ directory: RunDirectory) throws -> Source {
        switch split {
        case .test:
            let set = try EmbeddingSet.load(
                runDirectory: directory.path, encoder: encoder.rawValue, step: step, remark: remark)
            return Source(outputName: format.defaultName(of: set)) { _ in set }
        case .train:
            let entry = try checkpoint(of: directory)
            return Source(
                outputName: format.defaultName(
                    run: directory.name, encoder: encoder.rawValue, step: entry.step, split: .train)
            ) { try $0.trainingFeatures(directory, entry) }
        }
    }

    private func checkpoint(of directory: RunDirectory) throws -> CheckpointSeries.Entry {
        let entries = directory.checkpoints.entries
        guard let last = entries.last else {
            throw UnusableInput(
                place: directory.path, problem: "the run has no checkpoint to compute features from",
                remedy: "wait for its first checkpoint; `cjepa-exp status` shows its progress")
        }
        guard let step else { return last }
        guard let entry = entries.first(where: { $0.step == step }) else {
            throw UnusableInput(
                place: directory.path,
                problem: "there is no checkpoint of step \(step) to compute features from",
                remedy: "there are checkpoints of steps \(entries.map { "\($0.step)" }.joined(separator: ", ")); "
                    + "resources.checkpoints_kept keeps more while a run trains")
        }
        return entry
    }

    /// Features of the training images that the run's evaluations look at.
    private mutating func trainingFeatures(
        _ directory: RunDirectory, _ entry: CheckpointSeries.Entry
    ) throws -> EmbeddingSet {
        let plan = try directory.loadPlan()
        let configuration = plan.run.configuration
        let results = try RunFile(path: directory.resultsFile)
        ResultsRemark(results).map(remark)
        // As it lies: looking sets no damaged checkpoint aside.
        let checkpoint = try Checkpoint.load(from: entry.path, expecting: plan.run.configurationHash)
        let images = try data.load(configuration, trainedOn: results.provenance)
            .evaluated(configuration.evaluation).train
        note("\(directory.name): features of \(counted(images.count, "training image")) at step \(checkpoint.step)")
        let encoders = try CheckpointEncoders(
            RunSettings(configuration), tensors: checkpoint.tensors, backend: CPUBackend(for: configuration),
            threads: threads)
        let features = try encoders.features(of: images, encoder: encoder)
        return EmbeddingSet(
            features: features.values, width: features.columns,
            labels: images.labels ?? Array(repeating: -1, count: images.count), indices: images.sourceIndices,
            labelNames: try results.classNames() ?? images.classNames, experiment: plan.experiment,
            run: directory.name, encoder: encoder.rawValue, step: checkpoint.step, split: .train,
            names: images.names)
    }

    private func note(_ text: String) {
        Console.note(text)
    }
}
