import Kernels
import TensorCore

/// (rows, inputs, outputs): single rows and columns, odd sizes, sizes of a small ViT, and enough for blocked loops; the
/// last two need several blocks of rows and of depth, and a weight that is too large for a back end's own loops.
private let sizes = [
    (1, 1, 1), (1, 5, 3), (3, 1, 7), (5, 16, 1), (7, 9, 11), (16, 16, 16), (17, 33, 15), (2, 96, 288), (49, 96, 65),
    (130, 97, 131), (1, 192, 10), (200, 48, 384), (65, 384, 96), (530, 260, 5), (3, 365, 370),
]

let productCases: [any OperationCase] =
    sizes.flatMap { rows, inputs, outputs -> [any OperationCase] in
        [
            LinearCase(rows: rows, inputs: inputs, outputs: outputs, bias: true),
            LinearCase(rows: rows, inputs: inputs, outputs: outputs, bias: false),
            LinearGELUCase(rows: rows, inputs: inputs, outputs: outputs, scale: 1),
            LinearBackwardInputCase(rows: rows, inputs: inputs, outputs: outputs, accumulate: true),
            LinearBackwardInputCase(rows: rows, inputs: inputs, outputs: outputs, accumulate: false),
            LinearBackwardWeightCase(rows: rows, inputs: inputs, outputs: outputs, bias: true),
            LinearBackwardWeightCase(rows: rows, inputs: inputs, outputs: outputs, bias: false),
        ]
            + [(1, 0), (0.5, 1), (-2, 0.25)].flatMap { alpha, beta in
                [(false, false), (false, true), (true, false), (true, true)].map {
                    MultiplyCase(
                        n: rows, k: inputs, d: outputs, transposeA: $0.0, transposeB: $0.1, alpha: alpha, beta: beta)
                }
            }
    }
    + [LinearGELUCase(rows: 9, inputs: 3, outputs: 40, scale: 4)]
    + [0, 1, 7, 16, 33, 1_000].flatMap { count in
        [false, true].map { GELUBackwardCase(count: count, scale: 1.5, inPlace: $0) }
    }
    + [GELUBackwardCase(count: 500, scale: 8, inPlace: false)]

struct MultiplyCase: OperationCase {
    let n: Int, k: Int, d: Int, transposeA: Bool, transposeB: Bool, alpha: Double, beta: Double
    var operation: Operation { .multiply }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let a = transposeA ? bench.input(k, n) : bench.input(n, k)
        let b = transposeB ? bench.input(d, k) : bench.input(k, d)
        // With beta 0, what C held must not matter: it begins as NaN.
        let c = beta == 0 ? bench.output("c", n, d) : bench.changed("c", n, d)
        bench.backend.multiply(
            a, transposed: transposeA, b, transposed: transposeB, alpha: Backend.Scalar(alpha),
            beta: Backend.Scalar(beta), to: c)
    }
}

struct LinearCase: OperationCase {
    let rows: Int, inputs: Int, outputs: Int, bias: Bool
    var operation: Operation { .linear }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (x, weight) = (bench.input(1, rows, inputs), bench.input(outputs, inputs))
        bench.backend.linear(
            x, weight: weight, bias: bias ? bench.input(outputs) : nil, to: bench.output("y", 1, rows, outputs))
    }
}

struct LinearGELUCase: OperationCase {
    let rows: Int, inputs: Int, outputs: Int, scale: Double
    var operation: Operation { .linearGELU }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (x, weight) = (bench.input(rows, inputs, scale: scale), bench.input(outputs, inputs))
        bench.backend.linearGELU(
            x, weight: weight, bias: bench.input(outputs), pre: bench.output("pre", rows, outputs),
            to: bench.output("y", rows, outputs))
    }
}

struct LinearBackwardInputCase: OperationCase {
    let rows: Int, inputs: Int, outputs: Int, accumulate: Bool
    var operation: Operation { .linearBackwardInput }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (dy, weight) = (bench.input(rows, outputs), bench.input(outputs, inputs))
        let dx = accumulate ? bench.changed("dx", rows, inputs) : bench.output("dx", rows, inputs)
        bench.backend.linearBackwardInput(dy: dy, weight: weight, dx: dx, accumulate: accumulate)
    }
}

struct LinearBackwardWeightCase: OperationCase {
    let rows: Int, inputs: Int, outputs: Int, bias: Bool
    var operation: Operation { .linearBackwardWeight }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (x, dy) = (bench.input(rows, inputs), bench.input(rows, outputs))
        bench.backend.linearBackwardWeight(
            x, dy: dy, dWeight: bench.changed("dWeight", outputs, inputs),
            dBias: bias ? bench.changed("dBias", outputs) : nil)
    }
}

/// A linear map and its gradients with a weight that the back end may keep packed.
struct PackedLinearCase: OperationCase {
    let operation: Operation
    let rows: Int, inputs: Int, outputs: Int, adds: Bool

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let values = bench.input(outputs, inputs)
        let weight = bench.packed(values)
        let (x, dy) = (bench.input(rows, inputs), bench.input(rows, outputs))
        switch operation {
        case .packedLinear:
            bench.backend.linear(
                x, weight: weight, bias: adds ? bench.input(outputs) : nil, to: bench.output("y", rows, outputs))
        case .packedLinearBackwardInput:
            let dx = adds ? bench.changed("dx", rows, inputs) : bench.output("dx", rows, inputs)
            bench.backend.linearBackwardInput(dy: dy, weight: weight, dx: dx, accumulate: adds)
        default:
            bench.backend.linearBackwardWeight(
                x, dy: dy, weight: weight, dWeight: bench.changed("dWeight", outputs, inputs),
                dBias: adds ? bench.changed("dBias", outputs) : nil)
        }
    }
}

let packedLinearCases: [any OperationCase] =
    [Operation.packedLinear, .packedLinearBackwardInput, .packedLinearBackwardWeight].flatMap { operation in
        [(1, 1, 1), (5, 48, 20), (40, 33, 96), (530, 16, 40)].flatMap { rows, inputs, outputs in
            [true, false].map {
                PackedLinearCase(operation: operation, rows: rows, inputs: inputs, outputs: outputs, adds: $0)
            }
        }
    }

/// With a large scale, the tails of the normal distribution.
struct GELUBackwardCase: OperationCase {
    let count: Int, scale: Double, inPlace: Bool
    var operation: Operation { .geluBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let pre = bench.input(count, scale: scale)
        if inPlace {
            let gradient = bench.changed("dx", count)
            bench.backend.geluBackward(pre: pre, dy: gradient, dx: gradient)
        } else {
            bench.backend.geluBackward(pre: pre, dy: bench.input(count), dx: bench.output("dx", count))
        }
    }
}
