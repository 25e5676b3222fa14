import Expressions
import Kernels
import TensorCore
import TestSupport
import Testing

@Suite struct ProgramTests {
    private let backend = ReferenceBackend<Double>()

    private func values(_ expressions: [Expression], _ inputs: [Tensor<ReferenceBackend<Double>>]) -> [[Double]] {
        let program = ExpressionProgram(expressions, on: backend)
        let workspace = Workspace(backend, capacity: program.elements)
        // Twice, so that what the first run leaves in memory would show.
        program.run(workspace: workspace, input: { inputs[$0] }) { _ in }
        let values = program.run(workspace: workspace, input: { inputs[$0] }) { result in
            expressions.indices.map { backend.doubles(result($0)) }
        }
        #expect(workspace.allocations == 1 && workspace.highWaterMark <= program.elements)
        return values
    }

    @Test("an operand that is read later is not written over")
    func liveness() {
        let graph = ExpressionGraph()
        let x = graph.input(rows: 2, columns: 2)
        let a = x + 1
        let b = a * 2
        let c = a - b[rows: 0..<1]
        let d = (c * c) / a
        let input = backend.tensor([1, 2, 3, 4], 2, 2)
        let result = values([d, b, a, c.transposed, x], [input])
        #expect(result == [[2, 3, 0, 0.2], [4, 6, 8, 10], [2, 3, 4, 5], [-2, 0, -3, -1], [1, 2, 3, 4]])
    }

    @Test("a part of an operand is not read after the operand was written over")
    func overlap() {
        let graph = ExpressionGraph()
        let a = graph.input(rows: 3, columns: 1) + 0.5
        let input = backend.tensor([1, 2, 4], 3, 1)
        #expect(values([a - a[rows: 0..<1]], [input]) == [[0, 1, 3]])
        #expect(values([a[rows: 2..<3] - a], [input]) == [[3, 2, 0]])
    }

    @Test("inputs, constants and parts of inputs may be results")
    func trivial() {
        let graph = ExpressionGraph()
        let x = graph.input(rows: 2, columns: 1)
        let results = [x, graph.constant(3), x[rows: 1..<2], graph.constant([1, 2], rows: 1, columns: 2)]
        #expect(values(results, [backend.tensor([7, 8], 2, 1)]) == [[7, 8], [3], [8], [1, 2]])
    }

    @Test("the same operation is recorded and counted once")
    func shared() {
        let graph = ExpressionGraph()
        let (x, y) = (graph.input(rows: 3, columns: 4), graph.input(rows: 4, columns: 5))
        let once = ExpressionProgram([x.times(y)], on: backend)
        let twice = ExpressionProgram([x.times(y), x.times(y) + x.times(y)], on: backend)
        #expect(once.flops == 2 * 3 * 4 * 5)
        #expect(twice.flops == 2 * 3 * 4 * 5 + 15)
    }

    @Test("memory is that of the values that live at once")
    func memory() {
        let graph = ExpressionGraph()
        var x = graph.input(rows: 16, columns: 16)
        for _ in 0..<50 { x = exp(x).transposed }
        // One value and its transpose.
        #expect(ExpressionProgram([x], on: backend).elements == 2 * 256)
    }

    @Test("a chain on Float agrees with Double")
    func float() {
        let graph = ExpressionGraph()
        let x = graph.input(rows: 8, columns: 5)
        let y = x.standardized(over: .rows)
        let result =
            log(1 + y.transposed.times(y).squared.mean()) + x.softmax(over: .columns).variance(over: .all).sum()
        let expressions = [result] + graph.gradient(of: result, withRespectTo: [x])
        let numbers = normals(40, sample: 4)
        let exact = values(expressions, [backend.tensor(numbers, 8, 5)])
        let single = ReferenceBackend<Float>()
        let program = ExpressionProgram(expressions, on: single)
        let input = single.tensor(numbers, 8, 5)
        program.run(workspace: Workspace(single, capacity: program.elements), input: { _ in input }) { result in
            for (index, expected) in exact.enumerated() {
                #expect(relativeError(single.doubles(result(index)), expected) <= 2e-6)
            }
        }
    }
}
