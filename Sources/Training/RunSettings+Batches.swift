package import Datasets
package import ExperimentSpec
package import Masking
import Networks

/// What the steps of a run see, in one place: for training, and for whoever makes a step's batch again.
extension RunSettings {
    /// The images that training draws from.
    ///
    /// - Throws: `TrainingError` for images of other channels than the model's; `DatasetError`.
    package func trainingImages(of data: DatasetSplits) throws -> ImageDataset {
        let channels = networks.encoder.settings.channels
        guard data.train.channels == channels else {
            throw TrainingError(
                description: "\(data.train.name) has images of \(data.train.channels) channels, but model.channels is "
                    + "\(channels); set model.channels: \(data.train.channels)")
        }
        return try data.train.limited(to: configuration.data.trainSubset)
    }

    /// The masks of a step's batch.
    ///
    /// - Parameter step: From 0.
    package func masks(at step: Int) -> MaskBatch {
        sampler.sample(
            seed: UInt64(truncatingIfNeeded: configuration.seed), step: step, imageCount: limits.imageCount)
    }
}

extension BatchLoaderSettings {
    /// How a run's steps get their images.
    ///
    /// - Parameter parts: Of a batch, as `TrainingStep.imageParts`; none: whole batches.
    /// - Throws: `DatasetError` for crops that are none.
    package init(_ configuration: RunConfiguration, parts: [Range<Int>]? = nil, steps: Range<Int>) throws {
        self.init(
            batchSize: configuration.training.batchSize, parts: parts, imageSize: configuration.model.imageSize,
            crop: try RandomResizedCrop(scale: configuration.data.cropScale, aspect: configuration.data.cropAspect),
            seed: UInt64(truncatingIfNeeded: configuration.seed), startStep: steps.lowerBound,
            totalSteps: steps.upperBound, threads: configuration.resources.loaderThreads ?? 1,
            mostThreads: configuration.resources.loaderThreads ?? LoaderPace.mostThreads)
    }
}
