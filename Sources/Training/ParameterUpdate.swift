import Kernels
import Networks
import TensorCore

/// The end of a step: the sum of the shards' gradients, its norm, AdamW and the target encoder.
///
/// The flat vector is cut into chunks that never cross a network or the border of weight decay, and matrices between
/// groups of 32 rows; chunks are shared out over threads, and sums over chunks run in order. A chunk is updated, averaged
/// into the target encoder and packed again while it is in the cache.
final class ParameterUpdate<Backend: KernelBackend> {
    private struct Chunk {
        /// Number of the network.
        let section: Int
        let offset: Int
        let shape: Shape
        let decays: Bool
    }

    /// The most elements of a chunk, where 32 rows of a matrix are fewer.
    private static var chunkElements: Int { 1 << 16 }
    /// Matrices are cut between groups of so many rows, which `KernelBackend.refresh` relies on.
    private static var rowGroup: Int { 32 }

    private let chunks: [Chunk]
    private let encoderCount: Int
    private let encoderNumber, predictorNumber: Int?
    private let team: ThreadTeam
    private let backend: Backend
    private let sums: HostBuffer<Double>
    private var gradients: Tensor<Backend>?

    init(_ networks: MethodNetworks, team: ThreadTeam, backend: Backend) {
        var chunks: [Chunk] = []
        for (number, section) in networks.sections.enumerated() {
            for (range, decays) in Self.pieces(of: section.layout) {
                chunks.append(
                    Chunk(
                        section: number, offset: section.offset + range.lowerBound, shape: Shape(range.count),
                        decays: decays))
            }
        }
        self.chunks = chunks
        self.team = team
        self.backend = backend
        encoderCount = networks.encoder.layout.count
        encoderNumber = networks.sections.firstIndex { $0.name == "encoder" }
        predictorNumber = networks.sections.firstIndex { $0.name == "predictor" }
        sums = HostBuffer(count: chunks.count)
    }

    /// A layout's elements in order, gaps included, cut where chunks may end.
    private static func pieces(of layout: ParameterLayout) -> [(range: Range<Int>, decays: Bool)] {
        var pieces: [(range: Range<Int>, decays: Bool)] = []
        let entries = layout.entries.sorted { $0.slot.offset < $1.slot.offset }
        for (index, entry) in entries.enumerated() {
            let end = index + 1 < entries.count ? entries[index + 1].slot.offset : layout.count
            let columns = max(entry.slot.shape.columns, 1)
            let step =
                entry.slot.shape.rank == 2
                ? max(rowGroup, chunkElements / columns / rowGroup * rowGroup) * columns : chunkElements
            var start = entry.slot.offset
            while start < end {
                // What a last piece leaves behind it, less than a whole group of rows or a gap, belongs to it.
                let next = start + step < entry.slot.offset + entry.slot.shape.count ? start + step : end
                // Small neighbours of one kind make a piece together.
                if let last = pieces.last, last.decays == entry.decays, last.range.upperBound == start,
                    last.range.count + next - start <= chunkElements
                {
                    pieces[pieces.count - 1].range = last.range.lowerBound..<next
                } else {
                    pieces.append((start..<next, entry.decays))
                }
                start = next
            }
        }
        return pieces
    }

    /// Sets all sums to zero.
    func clear(_ sums: [Tensor<Backend>]) {
        team.forEach(sums.count * chunks.count) { index in
            let chunk = chunks[index % chunks.count]
            backend.fill(sums[index / chunks.count].window(at: chunk.offset, chunk.shape), with: 0)
        }
    }

    /// Adds all sums into the first, in order, and returns it.
    func sum(_ parts: [Tensor<Backend>]) -> Tensor<Backend> {
        let total = parts[0]
        team.forEach(chunks.count) { index in
            let chunk = chunks[index]
            let destination = total.window(at: chunk.offset, chunk.shape)
            for part in 1..<parts.count {
                backend.add(parts[part].window(at: chunk.offset, chunk.shape), times: 1, to: destination)
            }
            sums[index] = backend.sumOfSquares(destination)
        }
        gradients = total
        return total
    }

    /// Euclidean norms of the summed gradient, and of its parts.
    func norms() -> (total: Double, encoder: Double, predictor: Double) {
        var (total, encoder, predictor) = (0.0, 0.0, 0.0)
        for index in chunks.indices {
            let section = chunks[index].section
            total += sums[index]
            if section == encoderNumber { encoder += sums[index] }
            if section == predictorNumber { predictor += sums[index] }
        }
        return (total.squareRoot(), encoder.squareRoot(), predictor.squareRoot())
    }

    /// AdamW on every parameter, then the moving average of the encoder.
    ///
    /// - Parameters:
    ///   - norm: Of the summed gradient, for clipping.
    ///   - t: Number of this step, from 1.
    func apply(
        _ hyperparameters: StepHyperparameters, norm: Double, t: Int, state: TrainingState<Backend>,
        averagesTarget: Bool
    ) {
        guard let gradients else { preconditionFailure("no gradients were summed") }
        let clip = hyperparameters.clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        team.forEach(chunks.count) { index in
            let chunk = chunks[index]
            let window = { (flat: Tensor<Backend>) in flat.window(at: chunk.offset, chunk.shape) }
            if clip < 1 { backend.scale(window(gradients), by: Backend.Scalar(clip)) }
            backend.adamW(
                parameters: window(state.online), gradients: window(gradients),
                firstMoments: window(state.firstMoments), secondMoments: window(state.secondMoments),
                AdamWStep(
                    learningRate: hyperparameters.learningRate,
                    weightDecay: chunk.decays ? hyperparameters.weightDecay : 0, beta1: hyperparameters.beta1,
                    beta2: hyperparameters.beta2, epsilon: hyperparameters.epsilon, t: t))
            // The encoder comes first in the flat vector, at the places that it has in the target's.
            let averages = averagesTarget && chunk.offset < encoderCount
            if averages {
                backend.exponentialMovingAverage(
                    source: window(state.online), momentum: hyperparameters.momentum, target: window(state.target))
            }
            state.refreshPackedWeights(
                chunk.offset..<(chunk.offset + chunk.shape.count), target: averages, on: backend)
        }
    }
}
