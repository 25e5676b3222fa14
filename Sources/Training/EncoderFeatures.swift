package import Datasets
package import Kernels
import Networks
import TensorCore

/// An encoder at work: features of any number of images, a few at a time.
package final class EncoderFeatures<Backend: KernelBackend> {
    private let extractor: FeatureExtractor<Backend>
    private let parameters: Parameters<Backend>
    private let channels: Int

    /// - Parameters:
    ///   - backend: Of the precision that is wanted.
    ///   - threads: No result depends on them.
    package init(_ weights: EncoderWeights, backend: Backend, threads: Int) {
        let encoder = VisionTransformer(weights.settings)
        func tensor(_ values: [Float], _ shape: Shape) -> Tensor<Backend> {
            let made = backend.makeTensor(shape)
            backend.store(values as Any as? [Backend.Scalar] ?? values.map { Backend.Scalar($0) }, in: made)
            return made
        }
        let flat = tensor(weights.parameters, Shape(encoder.layout.count))
        let packed = backend.makePackedWeights(of: encoder.matrices(trained: false), in: flat)
        if let packed { backend.refresh(packed, from: flat, range: 0..<flat.count) }
        parameters = Parameters(flat, packed: packed)
        channels = weights.channels
        let positions = weights.positions.map {
            tensor($0, Shape(weights.settings.patchCount, weights.settings.width))
        }
        extractor = FeatureExtractor(encoder, backend: backend, threads: threads, positions: positions)
    }

    /// Hands over features of the images from `first` on.
    ///
    /// - Parameters:
    ///   - first: 0, or the end of what an earlier call handed over.
    ///   - take: Gets images and their features, one row after the other; from several threads at once, in no order.
    /// - Throws: `TrainingError` for images of other channels than the encoder's; `DatasetError` for an image that cannot be
    ///   read, and what `take` throws: images before it were handed over.
    package func stream(
        of dataset: ImageDataset, from first: Int, _ output: EncoderOutput,
        take: (Range<Int>, [Float]) throws -> Void
    ) throws {
        guard dataset.channels == channels else {
            throw TrainingError(
                description: "\(dataset.name) has images of \(dataset.channels) channels, but the encoder takes "
                    + "\(channels); give images that it can see")
        }
        try extractor.stream(of: dataset, first..<dataset.count, output, parameters: parameters, take: take)
    }
}
