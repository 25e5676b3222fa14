package import Datasets
package import Diagnostics
package import Kernels
package import Networks
import Synchronization
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
        /// Of the last layer, where a choice of patches was asked for.
        package let patches: PatchFeatures?
    }

    private let encoder: VisionTransformer
    private let backend: Backend
    /// For others too that work between its calls.
    let team: ThreadTeam
    private let positions: Tensor<Backend>
    private let lanes: [Lane]

    private static var chunkSize: Int { 32 }

    /// Memory of one thread.
    private struct Lane {
        let workspace: Workspace<Backend>
        let staging: HostBuffer<Float>
        let images: Tensor<Backend>
    }

    /// What a block makes of some images, until the next block runs.
    private struct BlockOutput {
        /// [images, N, D].
        let tokens: Tensor<Backend>
        /// Gives these through the final LayerNorm, [images, N, D].
        let normalized: () -> Tensor<Backend>
        /// Gives those averaged over patches, [images, D].
        let pooled: () -> [Backend.Scalar]
    }

    /// - Parameter positions: Of the encoder's patches, [N, D], on the back end; none: the sine-cosine table.
    package init(
        _ encoder: VisionTransformer, backend: Backend, threads: Int, positions: Tensor<Backend>? = nil
    ) {
        self.encoder = encoder
        self.backend = backend
        team = ThreadTeam(threads: threads)
        self.positions = positions ?? encoder.positions(on: backend)
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
    ///   - choice: The patches of these images whose features are wanted too.
    /// - Throws: `DatasetError` for an image that cannot be read.
    package func features(
        of dataset: ImageDataset, _ indices: Range<Int>, parameters: Parameters<Backend>,
        patches choice: PatchChoice? = nil
    ) throws -> Features {
        let width = encoder.settings.width
        let kept = min(4, encoder.settings.depth)
        precondition(
            choice.map { $0.images == indices.count && $0.patchesPerImage == encoder.settings.patchCount } ?? true,
            "patches chosen of \(choice?.images ?? 0) images, features of \(indices.count)")
        let last = HostBuffer<Float>(count: indices.count * width)
        let lastFour = HostBuffer<Float>(count: indices.count * kept * width)
        let chosen = HostBuffer<Float>(count: (choice?.places.count ?? 0) * width)
        let residuals = HostBuffer<Float>(count: chosen.count)
        let renderers = ImageRenderers(dataset, size: encoder.settings.imageSize)
        try forEachChunk(of: indices.count) { images, lane in
            let shifted = (indices.lowerBound + images.lowerBound)..<(indices.lowerBound + images.upperBound)
            let output = try encode(images.count, parameters, lane) { staging in
                try renderers.renderViews(shifted, into: staging)
            } visit: { layer, block in
                let place = layer - (encoder.settings.depth - kept)
                guard place >= 0 else { return }
                let values = block.pooled()
                for (row, image) in images.enumerated() {
                    for j in 0..<width { lastFour[(image * kept + place) * width + j] = Float(values[row * width + j]) }
                }
            }
            for (row, image) in images.enumerated() {
                for j in 0..<width { last[image * width + j] = Float(output.pooled[row * width + j]) }
            }
            guard let choice, images.contains(where: { !choice.rows(ofImage: $0).isEmpty }) else { return }
            let tokens = backend.values(of: output.tokens)
            for (slot, image) in images.enumerated() {
                for row in choice.rows(ofImage: image) {
                    let start = (slot * choice.patchesPerImage + choice.patch(ofRow: row)) * width
                    for j in 0..<width {
                        let value = Float(tokens[start + j])
                        chosen[row * width + j] = value
                        residuals[row * width + j] = value - last[image * width + j]
                    }
                }
            }
        }
        let matrix = { (buffer: HostBuffer<Float>, rows: Int, columns: Int) in
            FeatureMatrix(rows: rows, columns: columns, values: buffer.array)
        }
        return Features(
            last: matrix(last, indices.count, width), lastFour: matrix(lastFour, indices.count, kept * width),
            patches: choice.map { choice in
                PatchFeatures(
                    patches: matrix(chosen, choice.places.count, width),
                    residuals: matrix(residuals, choice.places.count, width), patchesPerImage: choice.patchesPerImage)
            })
    }

    /// Pooled outputs for images that `render` makes, [count, D].
    ///
    /// - Parameter render: Fills [range.count, C, S, S] with normalised images; called from several threads at once.
    func pooledFeatures(
        count: Int, parameters: Parameters<Backend>, render: (Range<Int>, HostBuffer<Float>) throws -> Void
    ) throws -> FeatureMatrix {
        let width = encoder.settings.width
        let result = HostBuffer<Float>(count: count * width)
        try forEachChunk(of: count) { images, lane in
            let output = try encode(images.count, parameters, lane) {
                try render(images, $0)
            } visit: { _, _ in
            }
            for (index, value) in output.pooled.enumerated() {
                result[images.lowerBound * width + index] = Float(value)
            }
        }
        return FeatureMatrix(rows: count, columns: width, values: result.array)
    }

    /// The output of one block for images that `render` makes, [count, N, D].
    func blockOutputs(
        count: Int, layer wanted: Int, parameters: Parameters<Backend>,
        render: (Range<Int>, HostBuffer<Float>) throws -> Void
    ) throws -> [Backend.Scalar] {
        let perImage = encoder.settings.patchCount * encoder.settings.width
        let result = HostBuffer<Backend.Scalar>(count: count * perImage)
        try forEachChunk(of: count) { images, lane in
            _ = try encode(images.count, parameters, lane) {
                try render(images, $0)
            } visit: { layer, block in
                guard layer == wanted else { return }
                for (index, value) in backend.values(of: block.tokens).enumerated() {
                    result[images.lowerBound * perImage + index] = value
                }
            }
        }
        return result.array
    }

    /// Hands over features of images as soon as they are there, a chunk at a time; holds no more than each thread works on.
    ///
    /// - Parameters:
    ///   - indices: Images of the data set, whole and without augmentation; they begin with a chunk, so that whoever goes
    ///     on behind a chunk gets the bits that come from the beginning.
    ///   - take: Gets rows and their features, one row after the other; called from several threads at once.
    /// - Throws: `DatasetError` for an image that cannot be read, or what `take` throws: for the first chunk for which
    ///   something is thrown. Chunks before it are done.
    func stream(
        of dataset: ImageDataset, _ indices: Range<Int>, _ kind: EncoderOutput, parameters: Parameters<Backend>,
        take: (Range<Int>, [Float]) throws -> Void
    ) throws {
        precondition(indices.lowerBound.isMultiple(of: Self.chunkSize), "\(indices) begin inside of a chunk")
        let (size, settings) = (Self.chunkSize, encoder.settings)
        let renderers = ImageRenderers(dataset, size: settings.imageSize)
        let failures = Mutex<[Int: any Error]>([:])
        team.forEach((indices.count + size - 1) / size) { chunk, thread in
            // Chunks are begun in their order, so none before one that failed is left out.
            guard failures.withLock(\.isEmpty) else { return }
            let start = indices.lowerBound + chunk * size
            let images = start..<min(start + size, indices.upperBound)
            do {
                var values = EncoderOutput.Values(kind, images: images.count, of: settings)
                let output = try encode(images.count, parameters, lanes[thread]) {
                    try renderers.renderViews(images, into: $0)
                } visit: { layer, block in
                    guard let place = kind.place(ofLayer: layer, depth: settings.depth) else { return }
                    values.take(kind.isPooled ? block.pooled() : backend.values(of: block.normalized()), at: place)
                }
                if let place = kind.place(ofLayer: nil, depth: settings.depth) {
                    values.take(kind.isPooled ? output.pooled : backend.values(of: output.tokens), at: place)
                }
                try take(images, values.rows)
            } catch {
                failures.withLock { $0[chunk] = error }
            }
        }
        if let first = failures.withLock({ $0.min { $0.key < $1.key } }) { throw first.value }
    }

    /// Each thread has a lane; which chunks it takes does not change what they hold.
    ///
    /// - Throws: What `body` throws for the first chunk for which it does.
    private func forEachChunk(of count: Int, _ body: (Range<Int>, Lane) throws -> Void) throws {
        let chunks = (count + Self.chunkSize - 1) / Self.chunkSize
        let threads = min(team.threads, max(chunks, 1))
        let failures = Mutex<[Int: any Error]>([:])
        team.forEach(threads) { thread in
            for chunk in stride(from: thread, to: chunks, by: threads) {
                let start = chunk * Self.chunkSize
                do {
                    try body(start..<min(start + Self.chunkSize, count), lanes[thread])
                } catch {
                    failures.withLock { $0[chunk] = error }
                    return
                }
            }
        }
        // Each thread comes to its first failure, so the first of all is among them.
        if let first = failures.withLock({ $0.min { $0.key < $1.key } }) { throw first.value }
    }

    /// One chunk through the encoder.
    ///
    /// - Parameter visit: Called with the number of each block, from 0, and its output.
    /// - Returns: The encoder's output averaged over patches, [images, D], and as it is, [images, N, D], until the lane
    ///   is used again.
    private func encode(
        _ count: Int, _ parameters: Parameters<Backend>, _ lane: Lane, render: (HostBuffer<Float>) throws -> Void,
        visit: (Int, BlockOutput) -> Void
    ) rethrows -> (pooled: [Backend.Scalar], tokens: Tensor<Backend>) {
        let settings = encoder.settings
        let workspace = lane.workspace
        workspace.reset()
        try render(lane.staging)
        let images = lane.images.slice(0..<count)
        backend.upload(lane.staging, at: 0, to: images)
        let tokens = Shape(count, settings.patchCount, settings.width)
        let normalized = workspace.take(tokens)
        let (mean, rstd) = (workspace.take(Shape(tokens.rows)), workspace.take(Shape(tokens.rows)))
        let average = workspace.take(Shape(count, settings.width))
        let output = encoder.features(
            images, parameters: parameters, positions: positions, workspace: workspace
        ) { layer, x in
            func normalize() -> Tensor<Backend> {
                encoder.normalize(x, parameters.flat, backend, mean: mean, rstd: rstd, to: normalized)
                return normalized
            }
            func pooled() -> [Backend.Scalar] {
                backend.meanTokens(normalize(), to: average)
                return backend.values(of: average)
            }
            withoutActuallyEscaping(normalize) { normalize in
                withoutActuallyEscaping(pooled) { pooled in
                    visit(layer, BlockOutput(tokens: x, normalized: normalize, pooled: pooled))
                }
            }
        }
        backend.meanTokens(output, to: average)
        return (backend.values(of: average), output)
    }
}
