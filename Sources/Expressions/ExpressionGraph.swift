import Kernels

/// What a term of an objective computes, recorded operation by operation.
///
/// Every value is a matrix. The same operation on the same operands is recorded once, so that what a gradient shares with
/// the value that it belongs to is computed once. A graph knows shapes and no numbers; `ExpressionProgram` computes it.
package final class ExpressionGraph {
    struct Node: Hashable {
        let operation: Operation
        let operands: [Int]
        let rows, columns: Int
    }

    enum Operation: Hashable {
        case input(Int)
        /// Standard normal numbers, others for each number of the expression.
        case normal(Int)
        /// In row-major order.
        case constant([Double])
        case function(ElementFunction)
        case elementwise(ElementOperation)
        /// Over each axis of which the result has one entry.
        case sum, maximum
        case product(transposeLeft: Bool, transposeRight: Bool)
        case transpose
        case diagonal, diagonalMatrix
        /// As many rows as the result has, from this one on.
        case rows(from: Int)
        /// The operands' rows below one another.
        case stack
        case repeated
        /// The operand, through which no gradient goes.
        case stopGradient
    }

    private(set) var nodes: [Node] = []
    private var places: [Node: Int] = [:]
    private var inputCount = 0
    private var normalCount = 0

    package init() {}

    /// The next input: a matrix whose numbers are given when the expression is computed.
    package func input(rows: Int, columns: Int) -> Expression {
        precondition(rows > 0 && columns > 0, "an input of \(rows)×\(columns)")
        defer { inputCount += 1 }
        return record(.input(inputCount), [], rows, columns)
    }

    /// A matrix of standard normal numbers that are drawn anew at every step; each call makes another matrix.
    package func normal(rows: Int, columns: Int) -> Expression {
        precondition(rows > 0 && columns > 0, "random numbers of \(rows)×\(columns)")
        defer { normalCount += 1 }
        return record(.normal(normalCount), [], rows, columns)
    }

    /// Whether it has random numbers.
    package var drawsNumbers: Bool { normalCount > 0 }

    /// A number.
    package func constant(_ value: Double) -> Expression { record(.constant([value]), [], 1, 1) }

    /// A matrix of given numbers, in row-major order.
    package func constant(_ values: [Double], rows: Int, columns: Int) -> Expression {
        precondition(values.count == rows * columns, "\(values.count) numbers for \(rows)×\(columns)")
        return record(.constant(values), [], rows, columns)
    }

    func record(_ operation: Operation, _ operands: [Expression], _ rows: Int, _ columns: Int) -> Expression {
        precondition(operands.allSatisfy { $0.graph === self }, "an expression of another graph")
        let node = Node(operation: operation, operands: operands.map(\.index), rows: rows, columns: columns)
        if let known = places[node] { return Expression(graph: self, index: known) }
        nodes.append(node)
        places[node] = nodes.count - 1
        return Expression(graph: self, index: nodes.count - 1)
    }
}

/// A matrix that is computed from others; where in its graph it stands.
package struct Expression {
    package let graph: ExpressionGraph
    let index: Int

    var node: ExpressionGraph.Node { graph.nodes[index] }
    package var rows: Int { node.rows }
    package var columns: Int { node.columns }
    package var count: Int { rows * columns }

    /// The number, where the expression is a single constant one.
    var constant: Double? {
        if case .constant(let values) = node.operation, values.count == 1 { values[0] } else { nil }
    }

    var operands: [Expression] { node.operands.map { Expression(graph: graph, index: $0) } }
}
