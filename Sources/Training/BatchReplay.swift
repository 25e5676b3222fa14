package import Datasets
package import Masking
import Networks
package import TensorCore

/// What one step of a run sees.
package struct ReplayedBatch: Sendable {
    /// The step, from 0: batch n leads from the weights of n steps to those of n + 1.
    package let step: Int
    package let epoch: Int
    /// [B, C, S, S], cropped, resized and normalised.
    package let images: HostBuffer<Float>
    /// Where each image stands in the files of the training split, [B].
    package let indices: [Int32]
    /// Class of each image, −1 where there is none, [B].
    package let labels: [Int32]
    /// The part of each image that is shown, in pixels of the original, [B].
    package let crops: [CropRegion]
    package let masks: MaskBatch
}

/// Makes the batches of a run's steps again, without training: they are functions of seed and step alone.
package struct BatchReplay {
    private let settings: RunSettings
    private let dataset: ImageDataset
    private let stepsPerEpoch: Int
    private var renderer: BatchRenderer

    /// - Parameter data: The whole data set; the configuration says how much of it is used.
    /// - Throws: `TrainingError`, `DatasetError` for a configuration that does not fit the data.
    package init(_ settings: RunSettings, data: DatasetSplits) throws {
        self.settings = settings
        dataset = try settings.trainingImages(of: data)
        renderer = try BatchRenderer(
            dataset: dataset,
            settings: BatchLoaderSettings(settings.configuration, steps: 0..<settings.totalSteps))
        stepsPerEpoch = dataset.count / settings.limits.imageCount
    }

    /// Mean and standard deviation that the images are normalised with.
    package var normalization: Normalization { dataset.normalization }

    /// - Parameter step: 0..<`totalSteps`.
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func batch(_ step: Int) throws -> ReplayedBatch {
        precondition((0..<settings.totalSteps).contains(step), "step \(step) of \(settings.totalSteps)")
        let size = settings.networks.encoder.settings.imageSize
        let count = settings.limits.imageCount
        let images = HostBuffer<Float>(count: count * dataset.channels * size * size)
        try renderer.render(step: step, part: 0..<count, into: images)
        let choices = try renderer.choices(step: step)
        return ReplayedBatch(
            step: step, epoch: step / stepsPerEpoch, images: images,
            indices: choices.map { dataset.sourceIndices[$0.image] },
            labels: choices.map { dataset.labels?[$0.image] ?? -1 }, crops: choices.map(\.region),
            masks: settings.masks(at: step))
    }
}
