import Analysis
import ExperimentSpec
import Foundation
import PretrainedWeights
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

    /// What the user says of weights whose file does not.
    struct Hints {
        var heads: Int?
        /// Side of the images, pixels.
        var imageSize: Int?

        /// The option that was given; none where none was.
        var option: String? { heads != nil ? "--heads" : imageSize != nil ? "--image-size" : nil }
    }

    /// - Parameters:
    ///   - text: A run as every command finds it, a checkpoint in its folder, or a file or folder of weights.
    ///   - encoder: None: the target encoder where there is one.
    /// - Throws: `UnusableInput` where there is nothing of that name; errors of what is read.
    init(_ text: String, encoder: EvaluationConfiguration.Encoder?, hints: Hints, results: String) throws {
        let files = FileManager.default
        if let (directory, checkpoint) = Self.checkpoint(at: text) {
            try Self.refuse(hints, text)
            try self.init(directory, checkpoint, encoder: encoder ?? .target)
            return
        }
        if files.fileExists(atPath: text), !files.fileExists(atPath: RunDirectory(path: text).planFile) {
            try self.init(weights: text, encoder, hints)
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
        try Self.refuse(hints, text)
        guard let newest = directory.checkpoints.entries.last else {
            throw UnusableInput(
                place: directory.path, problem: "the run has no checkpoint to compute features from",
                remedy: "wait for its first checkpoint; `cjepa-exp status` shows its progress")
        }
        try self.init(directory, newest.path, encoder: encoder ?? .target)
    }

    /// A file that is a checkpoint of a run, with the run's plan beside it.
    private static func checkpoint(at path: String) -> (RunDirectory, String)? {
        let directory = RunDirectory(path: URL(fileURLWithPath: path).deletingLastPathComponent().path)
        let name = (path as NSString).lastPathComponent
        let isOfRun = directory.checkpoints.entries.contains { ($0.path as NSString).lastPathComponent == name }
        return isOfRun && FileManager.default.fileExists(atPath: directory.planFile) ? (directory, path) : nil
    }

    private static func refuse(_ hints: Hints, _ text: String) throws {
        guard let option = hints.option else { return }
        throw UnusableInput(
            place: option, problem: "does not apply to \(text), whose plan says it", remedy: "leave it out")
    }

    private init(weights path: String, _ encoder: EvaluationConfiguration.Encoder?, _ hints: Hints) throws {
        let role: PretrainedEncoder.Role? = encoder.map { $0 == .target ? .target : .context }
        let found = try PretrainedWeights(path: path, hints: .init(heads: hints.heads)).encoder(role)
        let settings = try found.geometry.settings(imageSize: hints.imageSize, file: path)
        // Only squares have settings.
        let side = hints.imageSize.map { $0 / found.geometry.patchSize } ?? found.geometry.rows ?? 0
        let values = try found.values()
        for remark in found.remarks { Console.note("note: \(path): \(remark)") }
        if let first = values.nonFinite.first {
            Console.note(
                "warning: \(path): \(counted(values.nonFinite.count, "tensor")) with numbers that are not finite, such as "
                    + first)
        }
        weights = try EncoderWeights(
            settings, parameters: values.parameters,
            positions: found.positions(rows: side, columns: side).values)
        run = nil
        name = path
        precision = .float32
        origin = [("weights", path), ("encoder", found.role.rawValue)]
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
