package import TensorCore

/// Renders parts of batches where they are asked for, as a loader with the same settings does on its threads.
package struct BatchRenderer {
    private let dataset: ImageDataset
    private let settings: BatchLoaderSettings
    private var order: BatchOrder
    private var renderer: ImageRenderer
    private let indices: HostBuffer<Int32>

    /// - Throws: `DatasetError` if the data set has fewer images than a batch.
    package init(dataset: ImageDataset, settings: BatchLoaderSettings) throws {
        self.init(
            dataset: dataset, settings: settings,
            order: try BatchOrder(count: dataset.count, batchSize: settings.batchSize, seed: settings.seed))
    }

    init(dataset: ImageDataset, settings: BatchLoaderSettings, order: BatchOrder) {
        self.dataset = dataset
        self.settings = settings
        self.order = order
        renderer = ImageRenderer(dataset, size: settings.imageSize)
        indices = HostBuffer(count: settings.batchSize)
    }

    /// The images of a step's batch, and the part of each that the step sees, [B].
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func choices(step: Int) throws -> [BatchChoice] {
        order.fill(step: step, into: indices)
        return try (0..<settings.batchSize).map { place in
            let image = Int(indices[place])
            let size = try renderer.size(of: image)
            return BatchChoice(
                image: image, region: region(ofImage: image, step: step)?(size) ?? CropRegion(of: size))
        }
    }

    /// Writes the images `part` of a step's batch to the front of `images`, [part.count or more, channels, size, size].
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func render(step: Int, part: Range<Int>, into images: HostBuffer<Float>) throws {
        try render(step: step, part: part, into: images, from: 0) { false }
    }

    /// Writes the index of each image of a step's batch in the data set, [B].
    mutating func fill(step: Int, into indices: HostBuffer<Int32>) { order.fill(step: step, into: indices) }

    /// - Parameters:
    ///   - first: Place in `images` of the first image of `part`.
    ///   - shouldStop: Asked before each image; the rest is then not rendered.
    mutating func render(
        step: Int, part: Range<Int>, into images: HostBuffer<Float>, from first: Int, unless shouldStop: () -> Bool
    ) throws {
        order.fill(step: step, into: indices)
        for (place, slot) in zip(part, first...) {
            if shouldStop() { break }
            let image = Int(indices[place])
            if let region = region(ofImage: image, step: step) {
                try renderer.render(image, into: images, slot: slot, region: region)
            } else {
                try renderer.render(image, into: images, slot: slot)
            }
        }
    }

    /// The part of an image that a step sees, by the image's size; none: what evaluations see.
    private func region(ofImage image: Int, step: Int) -> ((ImageSize) -> CropRegion)? {
        guard let crop = settings.crop else { return nil }
        let (seed, epoch) = (settings.seed, order.epoch(step: step))
        return { size in
            var random = RandomStream(seed: seed, purpose: .crop, epoch: epoch, sample: image)
            return crop.region(height: size.height, width: size.width, random: &random)
        }
    }
}

/// An image of a batch.
package struct BatchChoice: Sendable, Hashable {
    /// Its index in the data set.
    package let image: Int
    /// The part of it that is shown.
    package let region: CropRegion
}
