@testable import Expressions
import Kernels
import TensorCore
import TestSupport
import Testing

/// Programs of random graphs against a plain evaluation that keeps every value in memory of its own.
@Suite struct RandomGraphTests {
    private let backend = ReferenceBackend<Double>()
    private static let extents = [1, 2, 3]

    /// Grows a graph by operations on random earlier expressions, until it has enough.
    private func grow(_ graph: ExpressionGraph, _ random: inout RandomStream) -> [Expression] {
        var all = Self.extents.flatMap { rows in
            Self.extents.map { graph.input(rows: rows, columns: $0) }
        }
        all.append(graph.constant([0.5, -1, 2], rows: 1, columns: 3))
        all.append(graph.normal(rows: 2, columns: 3))
        while all.count < 60 {
            let a = all[random.integer(below: all.count)]
            let b = all[random.integer(below: all.count)]
            let repeats = { (x: Int, y: Int) in x == y || x == 1 || y == 1 }
            switch random.integer(below: 14) {
            case 0 where repeats(a.rows, b.rows) && repeats(a.columns, b.columns): all.append(a + b)
            case 1 where repeats(a.rows, b.rows) && repeats(a.columns, b.columns): all.append(a - b)
            case 2 where repeats(a.rows, b.rows) && repeats(a.columns, b.columns): all.append(sin(a) * b)
            case 3 where repeats(a.rows, b.rows) && repeats(a.columns, b.columns): all.append(a / (1 + b.squared))
            case 4 where a.columns == b.rows: all.append(a.times(b))
            case 5 where a.rows == b.rows: all.append(a.transposed.times(b))
            case 6: all.append(sin(a))
            case 7: all.append(relu(a))
            case 8: all.append(a.sum(over: random.integer(below: 2) == 0 ? .rows : .columns))
            case 9: all.append(a.transposed)
            case 10 where a.rows == a.columns: all.append(a.offDiagonal)
            case 11 where a.rows > 1: all.append(a[rows: 1..<a.rows])
            case 12 where a.columns == b.columns && a.rows + b.rows <= 3: all.append(.stack([a, b]))
            case 13: all.append(a.withoutGradient * a.maximum(over: .all))
            default: continue
            }
        }
        return all
    }

    @Test("reused memory gives the values of memory that is not reused", arguments: 0..<40)
    func reuse(_ sample: Int) {
        var random = RandomStream(seed: 17, purpose: .tests, sample: sample)
        let graph = ExpressionGraph()
        let all = grow(graph, &random)
        let scalar = all.suffix(6).reduce(graph.constant(0)) { $0 + sin($1.sum()) }
        let inputs = Array(all.prefix(9))
        let gradient = graph.gradient(of: scalar, withRespectTo: inputs)
        // Some of everything, so that results are in the middle of the graph too.
        let results = [scalar] + gradient + (0..<8).map { _ in all[random.integer(below: all.count)] }
        let tensors = inputs.enumerated().map { number, input in
            backend.constant(normals(input.count, sample: number), Shape(input.rows, input.columns))
        }
        let randomness = StepRandomness(seed: 3, step: sample)

        // Nothing is written over where every expression is a result.
        let everything = (0..<graph.nodes.count).map { Expression(graph: graph, index: $0) }
        let plain = ExpressionProgram(everything, on: backend)
        let program = ExpressionProgram(results, on: backend)
        #expect(program.elements < plain.elements)
        let workspace = Workspace(backend, capacity: plain.elements)
        let expected = plain.run(workspace: workspace, input: { tensors[$0] }, randomness: randomness) { value in
            results.map { backend.doubles(value($0.index)) }
        }
        // What an earlier run left in memory must not matter.
        backend.fill(workspace.take(Shape(plain.elements)), with: .nan)
        workspace.reset()
        let actual = program.run(workspace: workspace, input: { tensors[$0] }, randomness: randomness) { value in
            results.indices.map { backend.doubles(value($0)) }
        }
        #expect(actual == expected)
        let areFinite = actual.joined().allSatisfy { $0.isFinite }
        #expect(areFinite)
    }

    @Test("the gradient of a random graph is that of central differences", arguments: 0..<12)
    func gradient(_ sample: Int) {
        var random = RandomStream(seed: 18, purpose: .tests, sample: sample)
        let graph = ExpressionGraph()
        let all = grow(graph, &random).filter { !$0.stopsGradient }
        let scalar = all.suffix(6).reduce(graph.constant(0)) { $0 + sin($1.mean()) }
        let inputs = Array(all.prefix(9))
        let program = ExpressionProgram([scalar] + graph.gradient(of: scalar, withRespectTo: inputs), on: backend)
        let workspace = Workspace(backend, capacity: program.elements)
        func run<Result>(
            _ x: [Double], _ body: ((Int) -> Tensor<ReferenceBackend<Double>>) -> Result
        ) -> Result {
            var start = 0
            let tensors = inputs.map { input in
                defer { start += input.count }
                return backend.constant(Array(x[start..<start + input.count]), Shape(input.rows, input.columns))
            }
            return program.run(workspace: workspace, input: { tensors[$0] }, body)
        }
        let x = normals(inputs.reduce(0) { $0 + $1.count }, sample: 40 + sample)
        let analytic = run(x) { value in inputs.indices.flatMap { backend.doubles(value($0 + 1)) } }
        let error = gradientError(of: { run($0) { backend.doubles($0(0))[0] } }, analytic: analytic, at: x)
        #expect(error <= 1e-6)
    }
}

extension Expression {
    /// Whether anything in the expression hides a dependence from the gradient.
    fileprivate var stopsGradient: Bool {
        switch node.operation {
        case .stopGradient, .maximum: true
        default: operands.contains(where: \.stopsGradient)
        }
    }
}
