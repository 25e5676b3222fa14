import Kernels
import Networks
import TensorCore

/// The end of a step: the sum of the shards' gradients, its norm, AdamW and the target encoder.
///
/// The flat vector is cut into chunks that never cross a network or the border of weight decay; chunks are shared out
/// over threads, and sums over chunks run in order.
final class ParameterUpdate<Backend: KernelBackend> {
    private struct Chunk {
        let section: String
        let offset: Int
        let shape: Shape
        let decays: Bool
    }

    private static var chunkElements: Int { 1 << 16 }

    private let chunks: [Chunk]
    private let encoderCount: Int
    private let team: ThreadTeam
    private let backend: Backend
    private let sums: HostBuffer<Double>
    private var gradients: Tensor<Backend>?

    init(_ networks: MethodNetworks, team: ThreadTeam, backend: Backend) {
        var chunks: [Chunk] = []
        for section in networks.sections {
            let parts = [
                (0..<section.layout.decayingCount, true), (section.layout.decayingCount..<section.layout.count, false),
            ]
            for (range, decays) in parts {
                for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunkElements) {
                    let count = min(Self.chunkElements, range.upperBound - start)
                    chunks.append(
                        Chunk(
                            section: section.name, offset: section.offset + start, shape: Shape(count), decays: decays))
                }
            }
        }
        self.chunks = chunks
        self.team = team
        self.backend = backend
        encoderCount = networks.encoder.layout.count
        sums = HostBuffer(count: chunks.count)
    }

    /// Adds all gradients into the first, in order, and returns it.
    func sum(_ shardGradients: [Tensor<Backend>]) -> Tensor<Backend> {
        let total = shardGradients[0]
        team.forEach(chunks.count) { index in
            let chunk = chunks[index]
            let destination = total.window(at: chunk.offset, chunk.shape)
            for gradient in shardGradients.dropFirst() {
                backend.add(gradient.window(at: chunk.offset, chunk.shape), times: 1, to: destination)
            }
            sums[index] = backend.sumOfSquares(destination)
        }
        gradients = total
        return total
    }

    /// Euclidean norms of the summed gradient.
    func sectionNorms() -> (total: Double, bySection: [String: Double]) {
        var total = 0.0
        var squares: [String: Double] = [:]
        for (index, chunk) in chunks.enumerated() {
            total += sums[index]
            squares[chunk.section, default: 0] += sums[index]
        }
        return (total.squareRoot(), squares.mapValues { $0.squareRoot() })
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
            if averagesTarget && chunk.offset < encoderCount {
                backend.exponentialMovingAverage(
                    source: window(state.online), momentum: hyperparameters.momentum, target: window(state.target))
            }
        }
    }
}
