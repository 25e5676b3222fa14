import Expressions
import Kernels
import TensorCore
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A value of x [4, 3] and y [4, 3], and the same by plain loops over rows of numbers.
struct ValueCase: Sendable, CustomTestStringConvertible {
    typealias Matrix = [[Double]]

    let testDescription: String
    let build: @Sendable (_ x: Expression, _ y: Expression) -> Expression
    let expected: @Sendable (_ x: Matrix, _ y: Matrix) -> Matrix

    init(
        _ description: String, _ build: @escaping @Sendable (Expression, Expression) -> Expression,
        _ expected: @escaping @Sendable (Matrix, Matrix) -> Matrix
    ) {
        (testDescription, self.build, self.expected) = (description, build, expected)
    }

    /// A function of each number.
    private static func each(
        _ description: String, _ build: @escaping @Sendable (Expression) -> Expression,
        _ value: @escaping @Sendable (Double) -> Double
    ) -> ValueCase {
        ValueCase(description, { x, _ in build(x) }, { x, _ in x.map { $0.map(value) } })
    }

    /// One matrix of both, element by element.
    private static func both(
        _ description: String, _ build: @escaping @Sendable (Expression, Expression) -> Expression,
        _ value: @escaping @Sendable (Double, Double) -> Double
    ) -> ValueCase {
        ValueCase(description, build, { x, y in zip(x, y).map { zip($0, $1).map(value) } })
    }

    static let all = functions + operations + reductions + statistics + matrices

    private static let functions: [ValueCase] = [
        each("square root", { sqrt($0.magnitude) }, { sqrt(abs($0)) }), each("exponential", { exp($0) }, { exp($0) }),
        each("logarithm", { log($0.squared + 0.1) }, { log($0 * $0 + 0.1) }), each("sine", { sin($0) }, { sin($0) }),
        each("cosine", { cos($0) }, { cos($0) }), each("relu", { relu($0) }, { max($0, 0) }),
        each("magnitude", { $0.magnitude }, { abs($0) }), each("negation", { -$0 }, { -$0 }),
        each("number on the right", { (($0 + 2) * 3 - 4) / 5 }, { (($0 + 2) * 3 - 4) / 5 }),
        each("number on the left", { 1 - 2 * (3 + $0) }, { 1 - 2 * (3 + $0) }),
        each("number divided", { 2 / ($0.squared + 1) }, { 2 / ($0 * $0 + 1) }),
        each("twice", { $0 + $0 }, { 2 * $0 }), each("without gradient", { $0.withoutGradient }, { $0 }),
    ]

    private static let operations: [ValueCase] = [
        both("sum", { $0 + $1 }, { $0 + $1 }), both("difference", { $0 - $1 }, { $0 - $1 }),
        both("product", { $0 * $1 }, { $0 * $1 }), both("quotient", { $0 / ($1 + 9) }, { $0 / ($1 + 9) }),
        both("mean of both", { .mean([$0, $1]) }, { ($0 + $1) / 2 }),
        ValueCase("a row for all rows", { $0 * $1[rows: 2..<3] }) { x, y in
            x.map { zip($0, y[2]).map { $0 * $1 } }
        },
        ValueCase("a column for all columns", { $0 - $1.sum(over: .columns) }) { x, y in
            zip(x, y).map { x, y in x.map { $0 - y.reduce(0, +) } }
        },
        ValueCase("a row and a column", { $0[rows: 0..<1] + $1.sum(over: .columns) }) { x, y in
            y.map { y in x[0].map { $0 + y.reduce(0, +) } }
        },
    ]

    private static let reductions: [ValueCase] = [
        ValueCase("sum over rows", { x, _ in x.sum(over: .rows) }) { x, _ in
            [columns(x).map { $0.reduce(0, +) }]
        },
        ValueCase("sum over columns", { x, _ in x.sum(over: .columns) }) { x, _ in x.map { [$0.reduce(0, +)] } },
        ValueCase("sum of all", { x, _ in x.sum() }) { x, _ in [[x.joined().reduce(0, +)]] },
        ValueCase("mean over rows", { x, _ in x.mean(over: .rows) }) { x, _ in [columns(x).map(mean)] },
        ValueCase("mean over columns", { x, _ in x.mean(over: .columns) }) { x, _ in x.map { [mean($0)] } },
        ValueCase("mean of all", { x, _ in x.mean() }) { x, _ in [[mean(Array(x.joined()))]] },
        ValueCase("maximum over rows", { x, _ in x.maximum(over: .rows) }) { x, _ in
            [columns(x).map { $0.max() ?? .nan }]
        },
        ValueCase("maximum of all", { x, _ in x.maximum(over: .all) }) { x, _ in [[x.joined().max() ?? .nan]] },
    ]

    private static let statistics: [ValueCase] = [
        ValueCase("unbiased variance over rows", { x, _ in x.variance(over: .rows, correction: 1) }) { x, _ in
            [columns(x).map { variance($0) * 4 / 3 }]
        },
        ValueCase("variance over columns", { x, _ in x.variance(over: .columns) }) { x, _ in x.map { [variance($0)] } },
        ValueCase("standardised over columns", { x, _ in x.standardized(over: .columns, epsilon: 0.1) }) { x, _ in
            x.map { row in row.map { ($0 - mean(row)) / sqrt(variance(row) + 0.1) } }
        },
        ValueCase("standardised over rows", { x, _ in x.standardized(over: .rows) }) { x, _ in
            columns(columns(x).map { row in row.map { ($0 - mean(row)) / sqrt(variance(row) + 1e-5) } })
        },
        ValueCase("normalised", { x, _ in x.normalized(over: .columns) }) { x, _ in
            x.map { row in row.map { $0 / sqrt(inner(row, row) + 1e-12) } }
        },
        ValueCase("softmax over columns", { x, _ in x.softmax(over: .columns) }) { x, _ in
            x.map { row in row.map { exp($0) / row.reduce(0) { $0 + exp($1) } } }
        },
        ValueCase("log-sum-exp over rows", { x, _ in x.logSumExp(over: .rows) }) { x, _ in
            [columns(x).map { log($0.reduce(0) { $0 + exp($1) }) }]
        },
    ]

    private static let matrices: [ValueCase] = [
        ValueCase("transpose", { x, _ in x.transposed }) { x, _ in columns(x) },
        ValueCase("product of matrices", { $0.times($1.transposed) }) { x, y in
            x.map { row in y.map { inner(row, $0) } }
        },
        ValueCase("product of a transposed matrix", { $0.transposed.times($1) }) { x, y in
            columns(x).map { column in columns(y).map { inner(column, $0) } }
        },
        ValueCase("diagonal", { $0.transposed.times($1).diagonal }) { x, y in
            zip(columns(x), columns(y)).map { [inner($0, $1)] }
        },
        ValueCase("off the diagonal", { $0.transposed.times($1).offDiagonal }) { x, y in
            columns(x).enumerated().map { i, a in columns(y).enumerated().map { j, b in i == j ? 0 : inner(a, b) } }
        },
        ValueCase("rows", { x, _ in x[rows: 1..<3] }) { x, _ in Array(x[1..<3]) },
        ValueCase("stack", { .stack([$0[rows: 3..<4], $1]) }) { x, y in [x[3]] + y },
    ]
}

private func columns(_ x: [[Double]]) -> [[Double]] { x[0].indices.map { j in x.map { $0[j] } } }
private func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
private func variance(_ x: [Double]) -> Double { mean(x.map { ($0 - mean(x)) * ($0 - mean(x)) }) }

@Suite struct ValueTests {
    @Test("values are those of plain loops", arguments: ValueCase.all)
    func value(_ value: ValueCase) {
        let backend = ReferenceBackend<Double>()
        let graph = ExpressionGraph()
        let result = value.build(graph.input(rows: 4, columns: 3), graph.input(rows: 4, columns: 3))
        let program = ExpressionProgram([result], on: backend)
        let numbers = [normals(12, sample: 1), normals(12, sample: 2)]
        let tensors = numbers.map { backend.tensor($0, 4, 3) }
        let rows = numbers.map { numbers in (0..<4).map { Array(numbers[3 * $0..<3 * $0 + 3]) } }
        let expected = value.expected(rows[0], rows[1])
        #expect(result.rows == expected.count && result.columns == expected[0].count)
        program.run(workspace: Workspace(backend, capacity: program.elements), input: { tensors[$0] }) {
            #expect(relativeError(backend.doubles($0(0)), Array(expected.joined())) <= 1e-13)
        }
    }
}
