import Kernels
import Networks
import TensorCore

/// The end of a step: the sum of the shards' gradients, its norm, AdamW and the target encoder.
///
/// The flat vector is cut into chunks that never cross a network or the border of weight decay, and matrices between
/// groups of 32 rows; chunks are shared out over threads, and sums over chunks run in order. A chunk is updated, averaged
/// into the target encoder and packed again while it is in the cache.
final class ParameterUpdate<Backend: KernelBackend>: TeamWork {
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
    let team: ThreadTeam
    let backend: Backend
    /// For what other processes send; a single element where there are none.
    let staging: Tensor<Backend>
    /// Squares of each chunk of the gradient.
    private let squares: HostBuffer<Double>
    /// The gradient: all sums together, flat.
    let gradients: Tensor<Backend>
    /// Whether that is the memory of the first sum that is added.
    let isInPlace: Bool
    private var sweep: Sweep?

    /// What is done to every chunk, and what that reads.
    private enum Sweep {
        /// Chunks of one sum after the other.
        case clear(ArraySlice<Tensor<Backend>>)
        case add(ArraySlice<Tensor<Backend>>, isFirst: Bool, isLast: Bool)
        case measure
        case apply(StepHyperparameters, clip: Double, t: Int, TrainingState<Backend>)
    }

    /// - Parameters:
    ///   - gradients: Where all sums are added up.
    ///   - isInPlace: Whether that is the first sum's own memory; all of them then come at once.
    ///   - ranks: Processes that train together.
    init(
        _ networks: MethodNetworks, gradients: Tensor<Backend>, isInPlace: Bool, ranks: Int, team: ThreadTeam,
        backend: Backend
    ) {
        self.gradients = gradients
        self.isInPlace = isInPlace
        staging = Self.makeStaging(ranks > 1 ? networks.count : 1, on: backend)
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
        squares = HostBuffer(count: chunks.count)
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
    func clear(_ sums: ArraySlice<Tensor<Backend>>) { run(.clear(sums), sums.count * chunks.count) }

    /// Adds some sums of gradients to the gradient, one after the other.
    ///
    /// - Parameters:
    ///   - isFirst: What was added before does not count.
    ///   - isLast: The gradient is complete; its norms are taken.
    func add(_ sums: ArraySlice<Tensor<Backend>>, isFirst: Bool, isLast: Bool) {
        precondition(!isInPlace || (isFirst && isLast), "sums that come in parts need a gradient of their own")
        run(.add(sums, isFirst: isFirst, isLast: isLast), chunks.count)
    }

    /// Takes the squares of a complete gradient that did not come from `add`.
    func measure() { run(.measure, chunks.count) }

    /// Euclidean norms of the summed gradient, and of its parts.
    func norms() -> (total: Double, encoder: Double, predictor: Double) {
        var (total, encoder, predictor) = (0.0, 0.0, 0.0)
        for index in chunks.indices {
            let section = chunks[index].section
            total += squares[index]
            if section == encoderNumber { encoder += squares[index] }
            if section == predictorNumber { predictor += squares[index] }
        }
        return (total.squareRoot(), encoder.squareRoot(), predictor.squareRoot())
    }

    /// AdamW on every parameter, then the moving average of the encoder.
    ///
    /// - Parameters:
    ///   - norm: Of the summed gradient, for clipping.
    ///   - t: Number of this step, from 1.
    func apply(
        _ hyperparameters: StepHyperparameters, norm: Double, t: Int, state: TrainingState<Backend>
    ) {
        let clip = hyperparameters.clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        run(.apply(hyperparameters, clip: clip, t: t, state), chunks.count)
    }

    // MARK: Chunks

    private func run(_ sweep: Sweep, _ count: Int) {
        self.sweep = sweep
        team.forEach(count, of: self)
        self.sweep = nil
    }

    func doPiece(_ index: Int, thread: Int) {
        let chunk = chunks[index % chunks.count]
        switch sweep {
        case nil: preconditionFailure("a chunk without a sweep")
        case .clear(let sums):
            backend.fill(sums[sums.startIndex + index / chunks.count].window(at: chunk.offset, chunk.shape), with: 0)
        case .add(let sums, let isFirst, let isLast):
            add(sums, isFirst: isFirst, chunk)
            if isLast { squares[index] = squareSum(chunk) }
        case .measure: squares[index] = squareSum(chunk)
        case .apply(let hyperparameters, let clip, let t, let state):
            apply(hyperparameters, clip: clip, t: t, state, chunk)
        }
    }

    private func squareSum(_ chunk: Chunk) -> Double {
        backend.sumOfSquares(gradients.window(at: chunk.offset, chunk.shape))
    }

    private func add(_ sums: ArraySlice<Tensor<Backend>>, isFirst: Bool, _ chunk: Chunk) {
        let window = { (flat: Tensor<Backend>) in flat.window(at: chunk.offset, chunk.shape) }
        let destination = window(gradients)
        if isFirst && !isInPlace { backend.copy(window(sums[sums.startIndex]), to: destination) }
        for sum in sums.dropFirst(isFirst ? 1 : 0) { backend.add(window(sum), times: 1, to: destination) }
    }

    private func apply(
        _ hyperparameters: StepHyperparameters, clip: Double, t: Int, _ state: TrainingState<Backend>, _ chunk: Chunk
    ) {
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
        let momentum = state.targetIsSeparate && chunk.offset < encoderCount ? hyperparameters.momentum : nil
        if let momentum {
            backend.exponentialMovingAverage(
                source: window(state.online), momentum: momentum, target: window(state.target))
        }
        state.refreshPackedWeights(
            chunk.offset..<(chunk.offset + chunk.shape.count), target: momentum != nil, on: backend)
    }
}
