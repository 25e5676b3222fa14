import Kernels
import TensorCore

/// (rows, columns).
private let sizes = [(1, 1), (2, 1), (2, 7), (5, 16), (3, 17), (64, 33), (17, 130), (256, 96), (1, 40)]

let statisticsCases: [any OperationCase] =
    sizes.flatMap { rows, columns -> [any OperationCase] in
        [0, 1].filter { rows > $0 }.flatMap { correction in
            [0.0, 30].map { ColumnMomentsCase(rows: rows, columns: columns, correction: correction, shift: $0) }
        }
            + ElementwiseLoss.allCases.map { ElementwiseLossCase(loss: $0, rows: rows, columns: columns) }
            + [true, false].flatMap { flag -> [any OperationCase] in
                [
                    NormalizeColumnsCase(rows: rows, columns: columns, factor: flag, inPlace: false),
                    NormalizeColumnsCase(rows: rows, columns: columns, factor: flag, inPlace: true),
                    BatchNormCase(rows: rows, columns: columns, affine: flag),
                    BatchNormBackwardCase(rows: rows, columns: columns, affine: flag),
                    CrossEntropyCase(rows: rows, classes: columns, large: false, inPlace: flag),
                    CrossEntropyCase(rows: rows, classes: columns, large: true, inPlace: flag),
                ]
            } + [AddColumnsCase(rows: rows, columns: columns)]
    }

struct ElementwiseLossCase: OperationCase {
    let loss: ElementwiseLoss, rows: Int, columns: Int
    var operation: Operation { .elementwiseLoss }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        // Multiples of 1/8 reach the kinks at −1, 0 and 1 exactly, in every precision.
        let count = rows * columns
        var random = RandomStream(seed: 3, purpose: .tests, sample: count)
        let prediction = (0..<count).map { _ in Double(random.integer(below: 33) - 16) / 8 }
        let target = (0..<count).map { _ in Double(random.integer(below: 17) - 8) / 8 }
        let sum = bench.backend.elementwiseLoss(
            loss, prediction: bench.input(prediction, Shape(rows, columns)),
            target: bench.input(target, Shape(rows, columns)), scale: 0.3,
            gradient: bench.output("gradient", rows, columns))
        bench.record("sum", sum)
    }
}

struct ColumnMomentsCase: OperationCase {
    let rows: Int, columns: Int, correction: Int, shift: Double
    var operation: Operation { .columnMoments }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.columnMoments(
            bench.input(rows, columns, shift: shift), correction: correction, mean: bench.output("mean", columns),
            variance: bench.output("variance", columns))
    }
}

struct NormalizeColumnsCase: OperationCase {
    let rows: Int, columns: Int, factor: Bool, inPlace: Bool
    var operation: Operation { .normalizeColumns }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (mean, scale) = (bench.input(columns), bench.input(columns))
        let x = inPlace ? bench.changed("y", rows, columns) : bench.input(rows, columns)
        bench.backend.normalizeColumns(
            x, mean: mean, factor: factor ? scale : nil, to: inPlace ? x : bench.output("y", rows, columns))
    }
}

struct AddColumnsCase: OperationCase {
    let rows: Int, columns: Int
    var operation: Operation { .addColumns }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.addColumns(
            bench.input(rows, columns), times: bench.input(columns), to: bench.changed("y", rows, columns))
    }
}

struct BatchNormCase: OperationCase {
    let rows: Int, columns: Int, affine: Bool
    var operation: Operation { .batchNorm }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let x = bench.input(rows, columns, scale: 2, shift: 3)
        let (gamma, beta) = (bench.input(columns, shift: 1), bench.input(columns))
        bench.backend.batchNorm(
            x, gamma: affine ? gamma : nil, beta: affine ? beta : nil, epsilon: 1e-5,
            mean: bench.output("mean", columns), rstd: bench.output("rstd", columns),
            to: bench.output("y", rows, columns))
    }
}

struct BatchNormBackwardCase: OperationCase {
    let rows: Int, columns: Int, affine: Bool
    var operation: Operation { .batchNormBackward }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (x, dy) = (bench.input(rows, columns), bench.input(rows, columns))
        let (mean, rstd) = (bench.input(columns, scale: 0.1), bench.input(columns, scale: 0.1, shift: 1))
        bench.backend.batchNormBackward(
            x, gamma: affine ? bench.input(columns, shift: 1) : nil, mean: mean, rstd: rstd, dy: dy,
            dx: bench.output("dx", rows, columns), dGamma: affine ? bench.changed("dGamma", columns) : nil,
            dBeta: affine ? bench.changed("dBeta", columns) : nil)
    }
}

/// `large`: logits in the hundreds, which overflow an exponential without its maximum.
struct CrossEntropyCase: OperationCase {
    let rows: Int, classes: Int, large: Bool, inPlace: Bool
    var operation: Operation { .softmaxCrossEntropy }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let labels = bench.indices(rows, below: classes)
        let scale = large ? 200.0 : 2
        let logits =
            inPlace
            ? bench.changed("gradient", rows, classes, scale: scale) : bench.input(rows, classes, scale: scale)
        let sum = bench.backend.softmaxCrossEntropy(
            logits: logits, labels: labels, scale: 0.125,
            gradient: inPlace ? logits : bench.output("gradient", rows, classes))
        bench.record("sum", sum)
    }
}
