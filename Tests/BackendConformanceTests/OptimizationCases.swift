import Kernels
import TensorCore

private let counts = [0, 1, 7, 16, 17, 33, 1_000]

let optimizationCases: [any OperationCase] =
    counts.flatMap { count in
        [1, 2, 1_000, 100_000].flatMap { t in [false, true].map { AdamWCase(count: count, t: t, coarse: $0) } }
    }
    + counts.flatMap { count in [0, 0.996, 0.99999, 1].map { MovingAverageCase(count: count, momentum: $0) } }

/// `coarse`: a learning rate, a weight decay and an ε so large that an error in any of them shows in the parameters.
struct AdamWCase: OperationCase {
    let count: Int, t: Int, coarse: Bool
    var operation: Operation { .adamW }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let gradients = bench.input(count, scale: 0.01)
        // Second moments are squares; some of the elements have never had a gradient.
        let squares = (0..<count).map { $0 % 5 == 0 ? 0 : Double(Float(1e-4) * Float($0 % 7)) }
        bench.backend.adamW(
            parameters: bench.changed("parameters", count), gradients: gradients,
            firstMoments: bench.changed("first moments", count, scale: 0.01),
            secondMoments: bench.changed("second moments", squares, Shape(count)),
            coarse
                ? AdamWStep(learningRate: 0.5, weightDecay: 0.3, beta1: 0.8, beta2: 0.95, epsilon: 0.01, t: t)
                : AdamWStep(learningRate: 1e-3, weightDecay: 0.05, t: t))
    }
}

struct MovingAverageCase: OperationCase {
    let count: Int, momentum: Double
    var operation: Operation { .exponentialMovingAverage }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.exponentialMovingAverage(
            // Large, so that a small 1 − momentum shows.
            source: bench.input(count, scale: 1_000), momentum: momentum, target: bench.changed("target", count))
    }
}
