package import Datasets
package import Diagnostics
package import Kernels
package import Networks
import TensorCore

/// Runs images through an encoder and averages its outputs over patches.
///
/// Images go through in chunks of a fixed size, so features do not depend on the number of threads.
package final class FeatureExtractor<Backend: KernelBackend> {
    /// Pooled features of some images, one row an image.
    package struct Features: Sendable {
        /// Output of the encoder, [n, D].
        package let last: FeatureMatrix
        /// Outputs of the last four blocks (or all, if there are fewer), each through the final LayerNorm as DINO's
        /// evaluation does, concatenated, [n, 4·D].
        package let lastFour: FeatureMatrix
    }

    private let encoder: VisionTransformer
    private let backend: Backend
    private let team: ThreadTeam
    private let positions: Tensor<Backend>
    private let lanes: [Lane]

    private static var chunkSize: Int { 32 }

    /// Memory of one thread.
    private struct Lane {
        let workspace: Workspace<Backend>
        let staging: HostBuffer<Float>
        let images: Tensor<Backend>
    }

    package init(_ encoder: VisionTransformer, backend: Backend, threads: Int) {
        self.encoder = encoder
        self.backend = backend
        team = ThreadTeam(threads: threads)
        positions = encoder.positions(on: backend)
        let settings = encoder.settings
        let shape = Shape(Self.chunkSize, settings.channels, settings.imageSize, settings.imageSize)
        let tokens = Self.chunkSize * settings.patchCount
        let features = encoder.featureElements(images: Self.chunkSize, tokens: settings.patchCount, on: backend)
        let elements =
            features.kept + features.temporary + alignedElements(tokens * settings.width) + 2 * alignedElements(tokens)
            + alignedElements(Self.chunkSize * settings.width)
        lanes = (0..<threads).map { _ in
            Lane(
                workspace: Workspace(backend, capacity: elements), staging: HostBuffer(count: shape.count),
                images: backend.makeTensor(shape))
        }
    }

    /// - Parameters:
    ///   - indices: Images of the data set, whole and without augmentation.
    ///   - parameters: Flat parameters of the encoder.
    package func features(of dataset: ImageDataset, _ indices: Range<Int>, parameters: Parameters<Backend>) -> Features
    {
        let width = encoder.settings.width
        let kept = min(4, encoder.settings.depth)
        let chunks = (indices.count + Self.chunkSize - 1) / Self.chunkSize
        let last = HostBuffer<Float>(count: indices.count * width)
        let lastFour = HostBuffer<Float>(count: indices.count * kept * width)
        // Each thread has a lane; which chunks it takes does not change what they hold.
        let threads = min(team.threads, max(chunks, 1))
        team.forEach(threads) { thread in
            for chunk in stride(from: thread, to: chunks, by: threads) {
                let start = chunk * Self.chunkSize
                let count = min(Self.chunkSize, indices.count - start)
                let images = (indices.lowerBound + start)..<(indices.lowerBound + start + count)
                extract(dataset, images, parameters, lanes[thread], kept: kept) { layer, pooled in
                    for (row, image) in (start..<(start + count)).enumerated() {
                        for j in 0..<width {
                            let value = Float(pooled[row * width + j])
                            if let layer {
                                lastFour[(image * kept + layer) * width + j] = value
                            } else {
                                last[image * width + j] = value
                            }
                        }
                    }
                }
            }
        }
        return Features(
            last: FeatureMatrix(rows: indices.count, columns: width, values: last.array),
            lastFour: FeatureMatrix(rows: indices.count, columns: kept * width, values: lastFour.array))
    }

    /// Calls `pooled` with the number among the kept layers (none: the encoder's output) and [images, D].
    private func extract(
        _ dataset: ImageDataset, _ indices: Range<Int>, _ parameters: Parameters<Backend>, _ lane: Lane, kept: Int,
        pooled: (Int?, [Backend.Scalar]) -> Void
    ) {
        let settings = encoder.settings
        let workspace = lane.workspace
        workspace.reset()
        dataset.renderWhole(indices, size: settings.imageSize, into: lane.staging)
        let images = lane.images.slice(0..<indices.count)
        backend.upload(lane.staging, at: 0, to: images)
        let tokens = Shape(indices.count, settings.patchCount, settings.width)
        let normalized = workspace.take(tokens)
        let (mean, rstd) = (workspace.take(Shape(tokens.rows)), workspace.take(Shape(tokens.rows)))
        let average = workspace.take(Shape(indices.count, settings.width))
        let output = encoder.features(
            images, parameters: parameters, positions: positions, workspace: workspace
        ) { layer, x in
            let place = layer - (settings.depth - kept)
            guard place >= 0 else { return }
            encoder.normalize(x, parameters.flat, backend, mean: mean, rstd: rstd, to: normalized)
            backend.meanTokens(normalized, to: average)
            pooled(place, backend.values(of: average))
        }
        backend.meanTokens(output, to: average)
        pooled(nil, backend.values(of: average))
    }
}
