import Expressions
import Kernels
import TensorCore
import TestSupport
import Testing

/// A term of two matrices that goes through one operation, with numbers where the operation is smooth.
struct DerivativeCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Rows and columns of the inputs.
    let shapes: [(Int, Int)]
    let makesPositive: Bool
    let build: @Sendable ([Expression]) -> Expression

    init(
        _ description: String, _ shapes: [(Int, Int)] = [(4, 3)], positive: Bool = false,
        _ build: @escaping @Sendable ([Expression]) -> Expression
    ) {
        (testDescription, self.shapes, makesPositive, self.build) = (description, shapes, positive, build)
    }

    static let all: [DerivativeCase] = [
        DerivativeCase("square root", positive: true) { sqrt($0[0]) },
        DerivativeCase("exponential") { exp($0[0]) },
        DerivativeCase("logarithm", positive: true) { log($0[0]) },
        DerivativeCase("sine") { sin($0[0]) },
        DerivativeCase("cosine") { cos($0[0]) },
        DerivativeCase("square root, summed", positive: true) { sqrt($0[0]).sum(over: .rows) },
        DerivativeCase("exponential, summed") { exp($0[0]).sum(over: .columns) },
        DerivativeCase("logarithm, summed", positive: true) { log($0[0]).sum(over: .rows) },
        DerivativeCase("sine, summed") { sin($0[0]).sum(over: .columns) },
        DerivativeCase("cosine, summed") { cos($0[0]).sum() },
        DerivativeCase("relu, summed") { relu($0[0]).sum(over: .rows) },
        DerivativeCase("relu") { relu($0[0]) },
        DerivativeCase("magnitude") { $0[0].magnitude },
        DerivativeCase("sum", [(4, 3), (4, 3)]) { $0[0] + $0[1] },
        DerivativeCase("difference", [(4, 3), (4, 3)]) { $0[0] - $0[1] },
        DerivativeCase("product of elements", [(4, 3), (4, 3)]) { $0[0] * $0[1] },
        DerivativeCase("quotient", [(4, 3), (4, 3)], positive: true) { $0[0] / $0[1] },
        DerivativeCase("square", [(4, 3)]) { $0[0].squared },
        DerivativeCase("a row repeated, left", [(1, 3), (4, 3)], positive: true) { $0[0] / $0[1] },
        DerivativeCase("a row repeated, right", [(4, 3), (1, 3)], positive: true) { $0[0] / $0[1] },
        DerivativeCase("a column repeated", [(4, 3), (4, 1)]) { $0[0] * $0[1] },
        DerivativeCase("a number repeated", [(4, 3), (1, 1)]) { $0[0] - $0[1] },
        DerivativeCase("a row and a column", [(1, 3), (4, 1)]) { $0[0] * $0[1] },
        DerivativeCase("numbers on both sides") { 2 - 3 / (1 + $0[0].squared) * 0.5 + (4 - -$0[0]) },
        DerivativeCase("sum over rows") { $0[0].squared.sum(over: .rows) },
        DerivativeCase("sum over columns") { $0[0].squared.sum(over: .columns) },
        DerivativeCase("sum of all") { exp($0[0].sum() * 0.1) },
        DerivativeCase("sum of a repeated row", [(1, 3), (4, 3)]) { ($0[0] + 0 * $0[1]).sum(over: .rows).squared },
        DerivativeCase("mean") { $0[0].mean(over: .rows).squared },
        DerivativeCase("variance over rows") { $0[0].variance(over: .rows, correction: 1) },
        DerivativeCase("variance over columns") { $0[0].variance(over: .columns) },
        DerivativeCase("mean of several", [(4, 3), (4, 3)]) { .mean([$0[0].squared, exp($0[1]), $0[0] * $0[1]]) },
        DerivativeCase("matrix product", [(4, 3), (3, 5)]) { $0[0].times($0[1]) },
        DerivativeCase("matrix product, left transposed", [(3, 4), (3, 5)]) { $0[0].transposed.times($0[1]) },
        DerivativeCase("matrix product, right transposed", [(4, 3), (5, 3)]) { $0[0].times($0[1].transposed) },
        DerivativeCase("matrix product, both transposed", [(3, 4), (5, 3)]) {
            $0[0].transposed.times($0[1].transposed)
        },
        DerivativeCase("matrix product with itself", [(4, 3)]) { $0[0].transposed.times($0[0]) },
        DerivativeCase("sum of a matrix product", [(4, 3), (3, 5)]) { $0[0].times($0[1]).sum(over: .rows) },
        DerivativeCase("transpose") { exp($0[0]).transposed },
        DerivativeCase("diagonal", [(3, 3)]) { exp($0[0]).diagonal },
        DerivativeCase("diagonal matrix", [(3, 1), (3, 3)]) { $0[0].diagonalMatrix.times($0[1]) },
        DerivativeCase("off the diagonal", [(3, 3)]) { $0[0].offDiagonal.squared },
        DerivativeCase("rows") { exp($0[0])[rows: 1..<3] },
        DerivativeCase("first and last rows") { exp($0[0])[rows: 0..<1] * $0[0][rows: 3..<4] },
        DerivativeCase("stack", [(2, 3), (1, 3), (4, 3)]) { .stack($0).times(Expression.stack($0).transposed) },
        DerivativeCase("softmax over columns") { $0[0].softmax(over: .columns) },
        DerivativeCase("softmax over rows") { $0[0].softmax(over: .rows) },
        DerivativeCase("log-sum-exp over columns") { $0[0].logSumExp(over: .columns) },
        DerivativeCase("log-sum-exp of all") { $0[0].logSumExp(over: .all) },
        DerivativeCase("standardised over rows") { $0[0].standardized(over: .rows) },
        DerivativeCase("standardised over columns") { $0[0].standardized(over: .columns) },
        DerivativeCase("normalised") { $0[0].normalized(over: .columns) },
    ]
}

@Suite struct DerivativeTests {
    private let backend = ReferenceBackend<Double>()

    @Test("the derivative of each operation is that of central differences", arguments: DerivativeCase.all)
    func gradient(_ derivative: DerivativeCase) {
        let graph = ExpressionGraph()
        let inputs = derivative.shapes.map { graph.input(rows: $0.0, columns: $0.1) }
        let value = derivative.build(inputs)
        // Weights, so that no derivative is lost in a sum that is constant.
        let weights = graph.constant(normals(value.count, sample: 9), rows: value.rows, columns: value.columns)
        let result = (value * weights).sum()
        let program = ExpressionProgram(
            [result] + graph.gradient(of: result, withRespectTo: inputs), on: backend)
        let counts = inputs.map(\.count)
        var x = normals(counts.reduce(0, +), sample: 1)
        if derivative.makesPositive { x = x.map { 0.5 + abs($0) } }
        let tensors = { (x: [Double]) -> [Tensor<ReferenceBackend<Double>>] in
            var start = 0
            return zip(derivative.shapes, counts).map { shape, count in
                defer { start += count }
                return backend.tensor(Array(x[start..<start + count]), shape.0, shape.1)
            }
        }
        let workspace = Workspace(backend, capacity: program.elements)
        let at = tensors(x)
        let analytic = program.run(workspace: workspace, input: { at[$0] }) { result in
            inputs.indices.flatMap { backend.doubles(result($0 + 1)) }
        }
        let error = gradientError(
            of: { x in
                let at = tensors(x)
                return program.run(workspace: workspace, input: { at[$0] }) { backend.doubles($0(0))[0] }
            }, analytic: analytic, at: x)
        #expect(error <= 1e-8, "\(derivative.testDescription): \(error)")
    }

    @Test("no gradient goes through what is marked so")
    func stopped() {
        let graph = ExpressionGraph()
        let x = graph.input(rows: 1, columns: 2)
        let result = (x.withoutGradient * x).sum()
        let program = ExpressionProgram(graph.gradient(of: result, withRespectTo: [x]), on: backend)
        let input = backend.tensor([2, -3], 1, 2)
        program.run(workspace: Workspace(backend, capacity: program.elements), input: { _ in input }) {
            #expect(backend.doubles($0(0)) == [2, -3])
        }
    }

    @Test("the derivative with respect to what a result does not depend on is zero")
    func independent() {
        let graph = ExpressionGraph()
        let (x, y) = (graph.input(rows: 2, columns: 2), graph.input(rows: 2, columns: 3))
        let program = ExpressionProgram(graph.gradient(of: x.sum(), withRespectTo: [y, x]), on: backend)
        let inputs = [backend.tensor([1, 2, 3, 4], 2, 2), backend.tensor(filledWith: 5, 2, 3)]
        program.run(workspace: Workspace(backend, capacity: program.elements), input: { inputs[$0] }) {
            #expect(backend.doubles($0(0)) == [0, 0, 0, 0, 0, 0])
            #expect(backend.doubles($0(1)) == [1, 1, 1, 1])
        }
    }

    @Test("softmax and log-sum-exp neither overflow nor lose small numbers")
    func large() {
        let graph = ExpressionGraph()
        let x = graph.input(rows: 1, columns: 3)
        let program = ExpressionProgram(
            [x.softmax(over: .columns), x.logSumExp(over: .columns)]
                + graph.gradient(of: x.logSumExp(over: .columns), withRespectTo: [x]), on: backend)
        let input = backend.tensor([1e4, 1e4, -1e4], 1, 3)
        program.run(workspace: Workspace(backend, capacity: program.elements), input: { _ in input }) {
            #expect(backend.doubles($0(0)) == [0.5, 0.5, 0])
            #expect(relativeError(backend.doubles($0(1)), [1e4 + 0.693147180559945]) <= 1e-15)
            #expect(backend.doubles($0(2)) == [0.5, 0.5, 0])
        }
    }

    @Test("a NaN in an input reaches the result", arguments: DerivativeCase.all)
    func nan(_ derivative: DerivativeCase) {
        let graph = ExpressionGraph()
        let inputs = derivative.shapes.map { graph.input(rows: $0.0, columns: $0.1) }
        let program = ExpressionProgram([derivative.build(inputs).sum()], on: backend)
        let tensors = derivative.shapes.map { backend.tensor(filledWith: .nan, $0.0, $0.1) }
        program.run(workspace: Workspace(backend, capacity: program.elements), input: { tensors[$0] }) {
            #expect(backend.doubles($0(0))[0].isNaN)
        }
    }
}
