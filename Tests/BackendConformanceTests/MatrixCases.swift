import Kernels
import TensorCore

/// (rows, columns), around the widths of vector registers.
private let sizes = [(1, 1), (1, 5), (7, 1), (3, 17), (16, 16), (31, 33), (5, 130)]

/// Which extents of an operand are 1 and repeated.
private let repeats = [(false, false), (true, false), (false, true), (true, true)]

let matrixCases: [any OperationCase] = functionCases + sizes.flatMap(cases) + specialCases

private let functionCases: [any OperationCase] = ElementFunction.allCases.flatMap { function -> [any OperationCase] in
    let plain = [1, 15, 16, 17, 100].flatMap { count in
        [false, true].map { ApplyCase(function: function, count: count, inPlace: $0) }
    }
    let nan = NaNCase(base: ApplyCase(function: function, count: 19, inPlace: false))
    return plain + [ExtremeApplyCase(function: function), nan]
}

private func cases(rows: Int, columns: Int) -> [any OperationCase] {
    var cases: [any OperationCase] = [TransposeCase(rows: rows, columns: columns)]
    for kind in ElementOperation.allCases {
        func add(_ a: (Bool, Bool), _ b: (Bool, Bool), _ place: CombineCase.Place) {
            cases.append(CombineCase(kind: kind, rows: rows, columns: columns, a: a, b: b, place: place))
        }
        for (index, a) in repeats.enumerated() {
            add(a, repeats[0], .apart)
            add(repeats[1], a, .apart)
            add(a, repeats[2], .apart)
            // The operations differ in one instruction: one of them stands for all where memory is what matters.
            guard kind == .divide, rows * columns < 1_000 else { continue }
            for b in repeats { add(a, b, .apart) }
            add(repeats[0], a, .overA)
            add(a, repeats[0], .overB)
            if index == 0 { add(a, a, .overBoth) }
        }
    }
    for to in repeats {
        for operation in [Operation.sum, .maximum] {
            let reduce = ReduceCase(operation: operation, rows: rows, columns: columns, to: to)
            cases += [reduce, NaNCase(base: reduce)]
        }
    }
    return cases
}

private let specialCases: [any OperationCase] =
    [InfiniteReduceCase(operation: .sum), InfiniteReduceCase(operation: .maximum), InfiniteCombineCase(), NumberCase()]
    + [1, 2, 17, 40].map { DiagonalCase(n: $0) } + [1, 2, 17, 40].map { DiagonalMatrixCase(n: $0) }
    + [1, 33].map { FillNormalCase(count: $0) }
    + ElementOperation.allCases.map { kind in
        NaNCase(base: CombineCase(kind: kind, rows: 3, columns: 7, a: repeats[0], b: repeats[1], place: .apart))
    }

struct ApplyCase: OperationCase {
    let function: ElementFunction, count: Int, inPlace: Bool
    var operation: Operation { .apply }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        // Square roots and logarithms of some negative numbers too: they are NaN.
        let shift = function == .squareRoot || function == .logarithm ? 2.0 : 0
        if inPlace {
            let x = bench.changed("y", count, scale: 1.5, shift: shift)
            bench.backend.apply(function, x, to: x)
        } else {
            bench.backend.apply(function, bench.input(count, scale: 1.5, shift: shift), to: bench.output("y", count))
        }
    }
}

/// Infinities, NaN, zeros, and numbers near the ends of a function's range.
struct ExtremeApplyCase: OperationCase {
    let function: ElementFunction
    var operation: Operation { .apply }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let common: [Double] = [.infinity, -.infinity, .nan, 0, -1, 1, 0x1p-126, 0x1p-140]
        let own: [Double] =
            switch function {
            case .exponential: [-200, -87.5, -30]
            case .sine, .cosine: [1e3, -1e5, 999_999, 3e6, -1e20]
            case .squareRoot, .logarithm: [1e30, 0x1.fffffep127]
            case .relu, .step: [1e30, -1e30]
            }
        // Each in an output of its own, since tolerances are relative to the largest number.
        for value in common + own {
            // Enough of them for whole vectors, of which not all are the same.
            let values = (0..<19).map { $0 % 3 == 1 ? 1 : Double(Float(value)) }
            bench.backend.apply(function, bench.input(values, Shape(19)), to: bench.output("y of \(value)", 19))
        }
    }
}

struct CombineCase: OperationCase {
    enum Place { case apart, overA, overB, overBoth }

    let kind: ElementOperation, rows: Int, columns: Int
    /// Whether rows, columns are repeated.
    let a: (Bool, Bool), b: (Bool, Bool)
    let place: Place
    var operation: Operation { .combine }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let extents = { (repeats: (Bool, Bool)) in [repeats.0 ? 1 : rows, repeats.1 ? 1 : columns] }
        switch place {
        case .apart:
            // Divisors far from 0.
            let divisor = bench.input(extents(b)[0], extents(b)[1], scale: 0.5, shift: 2)
            bench.backend.combine(kind, bench.input(extents(a)), divisor, to: bench.output("y", rows, columns))
        case .overA:
            let y = bench.changed("y", rows, columns)
            bench.backend.combine(kind, y, bench.input(extents(b)[0], extents(b)[1], scale: 0.5, shift: 2), to: y)
        case .overB:
            let y = bench.changed("y", rows, columns, scale: 0.5, shift: 2)
            bench.backend.combine(kind, bench.input(extents(a)), y, to: y)
        case .overBoth:
            let y = bench.changed("y", rows, columns, scale: 0.5, shift: 2)
            bench.backend.combine(kind, y, y, to: y)
        }
    }
}

struct InfiniteCombineCase: OperationCase {
    var operation: Operation { .combine }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let values: [Double] = [.infinity, -.infinity, .nan, 0, 1]
        for kind in ElementOperation.allCases {
            let (a, b) = (bench.input(values, Shape(5, 1)), bench.input(values, Shape(1, 5)))
            bench.backend.combine(kind, a, b, to: bench.output(kind.rawValue, 5, 5))
        }
    }
}

struct ReduceCase: OperationCase {
    let operation: Operation, rows: Int, columns: Int
    /// Whether the result has one row, one column.
    let to: (Bool, Bool)

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        let (x, y) = (
            bench.input(rows, columns, shift: 0.25), bench.output("y", to.0 ? 1 : rows, to.1 ? 1 : columns)
        )
        if operation == .sum { bench.backend.sum(x, to: y) } else { bench.backend.maximum(x, to: y) }
    }
}

struct InfiniteReduceCase: OperationCase {
    let operation: Operation

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        // A row of each: nothing but −∞, with ∞, with both.
        let (low, high) = (-Double.infinity, Double.infinity)
        let x = bench.input([low, low, low, 1, high, 2, low, high, 0], Shape(3, 3))
        for (name, rows, columns) in [("rows", 3, 1), ("columns", 1, 3), ("all", 1, 1)] {
            let y = bench.output(name, rows, columns)
            if operation == .sum { bench.backend.sum(x, to: y) } else { bench.backend.maximum(x, to: y) }
        }
    }
}

struct TransposeCase: OperationCase {
    let rows: Int, columns: Int
    var operation: Operation { .transpose }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.transpose(bench.input(rows, columns), to: bench.output("y", columns, rows))
    }
}

struct DiagonalCase: OperationCase {
    let n: Int
    var operation: Operation { .diagonal }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.diagonal(of: bench.input(n, n), to: bench.output("column", n, 1))
    }
}

struct DiagonalMatrixCase: OperationCase {
    let n: Int
    var operation: Operation { .diagonalMatrix }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.diagonalMatrix(bench.input(n, 1), to: bench.output("matrix", n, n))
    }
}

struct FillNormalCase: OperationCase {
    let count: Int
    var operation: Operation { .fillNormal }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.backend.fillNormal(
            bench.output("x", count), from: RandomStream(seed: 5, purpose: .tests, epoch: 2, sample: 1))
    }
}

struct NumberCase: OperationCase {
    var operation: Operation { .number }

    func run<Backend: KernelBackend>(on bench: Bench<Backend>) {
        bench.record("number", bench.backend.number(in: bench.input(1, 1)))
    }
}
