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
    /// How it was shown its images, where a file beside its weights says so.
    let stated: StatedView?
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
        var weights = PretrainedWeights.Hints()
        /// Side of the images, pixels.
        var imageSize: Int?

        /// The option that was given; none where none was.
        var option: String? {
            imageSize != nil ? "--image-size" : weights.heads != nil ? "--heads" : weights.rows != nil ? "--grid" : nil
        }
    }

    /// - Parameters:
    ///   - text: A run as every command finds it, a checkpoint in its folder, or a file or folder of weights.
    ///   - encoder: None: the target encoder where there is one.
    /// - Throws: `UnusableInput` where there is nothing of that name; errors of what is read.
    init(_ text: String, encoder: EncoderChoice?, hints: Hints, results: String) throws {
        let place = try WeightPlace(text, results: results)
        guard let run = place.run else {
            try self.init(weights: place.path, encoder, hints)
            return
        }
        if let option = hints.option {
            throw UnusableInput(
                place: option, problem: "does not apply to \(text), whose plan says it", remedy: "leave it out")
        }
        try self.init(run, place.path, encoder: encoder == .context ? .context : .target)
    }

    private init(weights path: String, _ encoder: EncoderChoice?, _ hints: Hints) throws {
        let found = try PretrainedWeights(path: path, hints: hints.weights).encoder(encoder?.role)
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
        stated = StatedView(of: path, imageSize: weights.imageSize)
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
        stated = nil
        run = Run(configuration: configuration, provenance: Self.provenance(directory))
        name = directory.name
        precision = configuration.training.precision
        origin = [
            ("experiment", plan.experiment), ("run", directory.name), ("encoder", encoder.rawValue),
            ("step", "\(checkpoint.step)"),
        ]
    }

    /// A run whose results are damaged has an encoder all the same; its data cannot be compared then.
    private static func provenance(_ directory: RunDirectory) -> [String: String] {
        guard FileManager.default.fileExists(atPath: directory.resultsFile) else { return [:] }
        do {
            return try RunFile(path: directory.resultsFile).provenance
        } catch {
            Console.note("warning: \(ErrorReport(error).line)")
            return [:]
        }
    }
}
