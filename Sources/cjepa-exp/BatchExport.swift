import Analysis
import Datasets
import ExperimentSpec
import Foundation
import Masking
import RunStore
import TensorCore
import Training

/// Writes what chosen steps of a run see, made again from seed and step.
struct BatchExport {
    private let directory: RunDirectory
    private let plan: RunPlan
    private let settings: RunSettings
    private let normalization: Normalization
    private var replay: BatchReplay

    /// - Parameter dataFolder: Where the data set's files lie, if not where the plan says.
    /// - Throws: `DatasetError`, `UnusableInput` where the data is not there or another; `RunStoreError`.
    init(_ directory: RunDirectory, dataFolder: String?) throws {
        self.directory = directory
        plan = try directory.loadPlan()
        settings = try RunSettings(plan.run.configuration)
        // A run that has stored nothing yet has batches too.
        let provenance =
            FileManager.default.fileExists(atPath: directory.resultsFile)
            ? try RunFile(path: directory.resultsFile).provenance : [:]
        var data = SplitsCache(folder: dataFolder)
        replay = try BatchReplay(
            settings, data: data.load(plan.run.configuration, trainedOn: provenance))
        normalization = replay.normalization
    }

    /// Writes one file for each step into `folder`.
    ///
    /// - Returns: The files.
    /// - Throws: `UnusableInput` for steps that the run does not have; `AnalysisError` where a file exists and may not
    ///   be replaced, before anything is written.
    mutating func write(
        _ steps: [Int], _ format: ArrayFormat, to folder: String, replacing: Bool
    ) throws -> [String] {
        if let beyond = steps.first(where: { $0 >= settings.totalSteps }) {
            throw UnusableInput(
                place: "--batches",
                problem: "there is no batch \(beyond): \(directory.name) has \(counted(settings.totalSteps, "step"))",
                remedy: "give batches from 0 to \(settings.totalSteps - 1)")
        }
        let files = steps.map { (folder as NSString).appendingPathComponent("batch_\($0).\(format.fileExtension)") }
        try ArrayFormat.prepare(files, replacing: replacing)
        for (step, file) in zip(steps, files) {
            try format.write(arrays(try replay.batch(step)), origin: origin, to: file)
        }
        return files
    }

    private var origin: [(String, String)] {
        [
            ("format", "cjepa-exp batch"), ("experiment", plan.experiment), ("run", directory.name),
            ("configuration_hash", plan.run.configurationHash),
        ]
    }

    /// docs/tables.md describes them.
    private func arrays(_ batch: ReplayedBatch) -> [NamedArray] {
        let model = settings.configuration.model
        let masks = batch.masks
        let count = masks.images
        let crops = batch.crops.flatMap { [$0.top, $0.left, $0.height, $0.width].map(Int32.init) }
        let used = settings.hyperparameters(at: batch.step)
        func number(_ name: String, _ value: Int, _ meaning: String) -> NamedArray {
            NamedArray(name, .int32s([Int32(clamping: value)]), shape: [], meaning: meaning)
        }
        func number(_ name: String, _ value: Double, _ meaning: String) -> NamedArray {
            NamedArray(name, .doubles([value]), shape: [], meaning: meaning)
        }
        return [
            NamedArray(
                "images", .floats(batch.images.array),
                shape: [count, model.channels, model.imageSize, model.imageSize],
                meaning: "crops, resized, (pixel / 255 − mean) / std of each channel"),
            NamedArray(
                "context", .int32s(masks.context), shape: [count, masks.contextCount],
                meaning: "patches of the context, row · grid + column"),
            NamedArray(
                "targets", .int32s(masks.targets), shape: [masks.blocks, count, masks.targetCount],
                meaning: "patches of each target block, row · grid + column"),
            NamedArray(
                "indices", .int32s(batch.indices), shape: [count],
                meaning: "index of the image in the training split, from 0"),
            NamedArray("labels", .int32s(batch.labels), shape: [count], meaning: "class; training does not see it"),
            NamedArray(
                "crops", .int32s(crops), shape: [count, 4],
                meaning: "top, left, height, width of the crop in pixels of the image"),
            NamedArray(
                "mean", .doubles(normalization.mean), shape: [normalization.mean.count],
                meaning: "of each channel, where a pixel is 0 to 1"),
            NamedArray(
                "std", .doubles(normalization.standardDeviation), shape: [normalization.mean.count],
                meaning: "of each channel, where a pixel is 0 to 1"),
            number("batch", batch.step, "steps done before this one"),
            number("epoch", batch.epoch, "whole passes over the training images before"),
            number("seed", plan.run.seed, "seed of the run"),
            number("grid", model.imageSize / model.patchSize, "patches along one side of an image"),
            number("patch_size", model.patchSize, "pixels along one side of a patch"),
            number("learning_rate", used.learningRate, "of this step"),
            number("weight_decay", used.weightDecay, "of this step"),
            number("momentum", used.recordedMomentum, "share of the old target encoder kept after this step"),
        ]
    }
}
