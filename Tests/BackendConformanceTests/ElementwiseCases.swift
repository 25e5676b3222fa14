import Kernels
import TensorCore

/// Counts around the widths of vector registers and of unrolled loops.
private let counts = [0, 1, 3, 8, 15, 16, 17, 31, 64, 129, 1_000]

let elementwiseCases: [any OperationCase] =
    counts.map { FillCase(count: $0) } + counts.map { CopyCase(count: $0) } + counts.map { AddCase(count: $0) }
    + counts.map { ScaleCase(count: $0) } + counts.map { SumOfSquaresCase(count: $0) }
    + counts.flatMap { count in [false, true].map { ReLUBackwardCase(count: count, inPlace: $0) } }
    + counts.map { ReLUCase(count: $0) } + counts.map { UploadCase(count: $0) } + [SpecialValuesCase()]

struct UploadCase: OperationCase {
    let count: Int
    var operation: Operation { .upload }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let source = HostBuffer((0..<count + 5).map { Float($0) / 3 })
        bench.backend.upload(source, at: 3, to: bench.output("y", count))
    }
}

struct FillCase: OperationCase {
    let count: Int
    var operation: Operation { .fill }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.fill(bench.output("x", count), with: -2.5)
    }
}

struct CopyCase: OperationCase {
    let count: Int
    var operation: Operation { .copy }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.copy(bench.input(count), to: bench.output("y", count))
    }
}

struct AddCase: OperationCase {
    let count: Int
    var operation: Operation { .add }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.add(bench.input(count), times: -0.75, to: bench.changed("y", count))
    }
}

struct ScaleCase: OperationCase {
    let count: Int
    var operation: Operation { .scale }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.scale(bench.changed("x", count), by: 1.375)
    }
}

struct SumOfSquaresCase: OperationCase {
    let count: Int
    var operation: Operation { .sumOfSquares }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.record("sum", bench.backend.sumOfSquares(bench.input(count, scale: 3, shift: 1)))
    }
}

struct ReLUCase: OperationCase {
    let count: Int
    var operation: Operation { .relu }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.relu(bench.input(count), to: bench.output("y", count))
    }
}

struct ReLUBackwardCase: OperationCase {
    let count: Int
    let inPlace: Bool
    var operation: Operation { .reluBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let x = bench.wholeInput(count, limit: 2)
        if inPlace {
            let gradient = bench.changed("dx", count)
            bench.backend.reluBackward(x, dy: gradient, dx: gradient)
        } else {
            bench.backend.reluBackward(x, dy: bench.input(count), dx: bench.output("dx", count))
        }
    }
}

/// Infinities and NaN pass through ReLU as through max(x, 0), and a NaN is not hidden.
struct SpecialValuesCase: OperationCase {
    var operation: Operation { .relu }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let values = (0..<4).flatMap { _ in [Double.infinity, -Double.infinity, .nan, 0, -1, 1, 2] }
        bench.backend.relu(bench.input(values, Shape(values.count)), to: bench.output("y", values.count))
    }
}
