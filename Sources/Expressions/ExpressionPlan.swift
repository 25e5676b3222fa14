import Kernels
import TensorCore

/// The order in which expressions are computed, and where in memory each value is meanwhile.
///
/// Each expression's operands are computed when it is their turn, depth first, and the expressions in the order of the list:
/// what only the first one needs has left the memory before the second one begins.
struct ExpressionPlan: Sendable {
    /// Where the numbers of a matrix are, and its shape.
    struct Operand {
        enum Source: Hashable {
            case input(Int)
            case constants
            case workspace
        }

        var source: Source
        /// Elements before the first one.
        var offset: Int
        var shape: Shape
    }

    struct Step {
        enum Operation {
            case function(ElementFunction)
            case elementwise(ElementOperation)
            case sum, maximum, transpose, diagonal, diagonalMatrix, copy
            case normal(Int)
            case product(transposeLeft: Bool, transposeRight: Bool)
        }

        let operation: Operation
        /// The same twice where there is only one; the result where there is none.
        let a, b: Operand
        let result: Operand
    }

    private(set) var steps: [Step] = []
    private(set) var results: [Operand] = []
    private(set) var constants: [Double] = []
    /// Elements of memory for all values.
    var elements: Int { arena.size }
    private(set) var flops = 0.0
    /// Those of matrix products alone.
    private(set) var productFlops = 0.0

    private let nodes: [ExpressionGraph.Node]
    /// The last node that reads a value, by the value's node; `Int.max` where a result lies in its memory.
    private var lastReaders: [Int: Int] = [:]
    private var operands: [Int: Operand] = [:]
    private var arena = Arena()

    init(_ expressions: [Expression]) {
        precondition(!expressions.isEmpty, "a program of no expressions")
        let graph = expressions[0].graph
        precondition(expressions.allSatisfy { $0.graph === graph }, "expressions of several graphs")
        nodes = graph.nodes
        let order = order(of: expressions.map(\.index))
        for index in order {
            for operand in operandIndices(of: index) { lastReaders[base(of: operand)] = index }
        }
        for expression in expressions { lastReaders[base(of: expression.index)] = .max }
        for index in order { add(index) }
        results = expressions.map { result(operand($0.index)) }
    }

    // MARK: What is read by what

    /// All nodes that the results need, each after its operands.
    private func order(of results: [Int]) -> [Int] {
        var order: [Int] = []
        var isKnown = Array(repeating: false, count: nodes.count)
        // Nodes that wait for operands not yet looked at. No recursion: a graph may be deeper than a thread's stack.
        var waiting: [(index: Int, operands: ArraySlice<Int>)] = []
        func enter(_ index: Int) {
            guard !isKnown[index] else { return }
            isKnown[index] = true
            waiting.append((index, operandIndices(of: index)[...]))
        }
        for result in results {
            enter(result)
            while let index = waiting.last?.index {
                if let operand = waiting[waiting.count - 1].operands.popFirst() {
                    enter(operand)
                } else {
                    order.append(index)
                    waiting.removeLast()
                }
            }
        }
        return order
    }

    /// The operands that a node reads; an operation on elements repeats rows and columns by itself.
    private func operandIndices(of index: Int) -> [Int] {
        guard case .elementwise = nodes[index].operation else { return nodes[index].operands }
        return nodes[index].operands.map { operand in
            if case .repeated = nodes[operand].operation { nodes[operand].operands[0] } else { operand }
        }
    }

    /// The node in whose memory a value lies.
    private func base(of index: Int) -> Int {
        switch nodes[index].operation {
        case .stopGradient, .rows: base(of: nodes[index].operands[0])
        default: index
        }
    }

    // MARK: Steps and memory

    func operand(_ index: Int) -> Operand {
        guard let operand = operands[index] else { preconditionFailure("expression \(index) is not planned") }
        return operand
    }

    private mutating func add(_ index: Int) {
        let node = nodes[index]
        let shape = Shape(node.rows, node.columns)
        let reads = operandIndices(of: index)
        let x = reads.map { operand($0) }
        switch node.operation {
        case .input(let number):
            operands[index] = Operand(source: .input(number), offset: 0, shape: shape)
        case .normal(let number):
            let place = Operand(source: .workspace, offset: arena.take(shape.count), shape: shape)
            operands[index] = place
            steps.append(Step(operation: .normal(number), a: place, b: place, result: place))
        case .constant(let values):
            operands[index] = addConstant(values, shape)
        case .stopGradient:
            operands[index] = x[0]
        case .rows(let start):
            operands[index] = Operand(
                source: x[0].source, offset: x[0].offset + start * node.columns, shape: shape)
        case .function(let function):
            append(.function(function), x[0], x[0], to: index, inPlace: reads)
        case .elementwise(let operation):
            append(.elementwise(operation), x[0], x[1], to: index, inPlace: reads)
        case .repeated:
            append(.elementwise(.add), x[0], addConstant([0], Shape(1, 1)), to: index)
        case .product(let transposeLeft, let transposeRight):
            append(.product(transposeLeft: transposeLeft, transposeRight: transposeRight), x[0], x[1], to: index)
            // `append` has counted an operation for each element.
            let inner = transposeLeft ? x[0].shape[0] : x[0].shape[1]
            flops += Double(2 * inner - 1) * Double(shape.count)
            productFlops += Double(2 * inner) * Double(shape.count)
        case .sum:
            append(.sum, x[0], x[0], to: index)
            flops += Double(x[0].shape.count - shape.count)
        case .maximum:
            append(.maximum, x[0], x[0], to: index)
            flops += Double(x[0].shape.count - shape.count)
        case .transpose: append(.transpose, x[0], x[0], to: index)
        case .diagonal: append(.diagonal, x[0], x[0], to: index)
        case .diagonalMatrix: append(.diagonalMatrix, x[0], x[0], to: index)
        case .stack:
            var place = Operand(source: .workspace, offset: arena.take(shape.count), shape: shape)
            operands[index] = place
            for part in x {
                place.shape = part.shape
                steps.append(Step(operation: .copy, a: part, b: part, result: place))
                place.offset += part.shape.count
            }
        }
        release(reads, after: index)
    }

    /// Where a result is read: an input is not the program's own, and is copied.
    private mutating func result(_ operand: Operand) -> Operand {
        guard case .input = operand.source else { return operand }
        let place = Operand(source: .workspace, offset: arena.take(operand.shape.count), shape: operand.shape)
        steps.append(Step(operation: .copy, a: operand, b: operand, result: place))
        return place
    }

    private mutating func addConstant(_ values: [Double], _ shape: Shape) -> Operand {
        constants += values
        return Operand(source: .constants, offset: constants.count - values.count, shape: shape)
    }

    /// - Parameter inPlace: Operands that the result may be written over.
    private mutating func append(
        _ operation: Step.Operation, _ a: Operand, _ b: Operand, to index: Int, inPlace: [Int] = []
    ) {
        let shape = Shape(nodes[index].rows, nodes[index].columns)
        var result = Operand(source: .workspace, offset: 0, shape: shape)
        if let spent = inPlace.first(where: { isSpent($0, after: index, shape, among: inPlace) }) {
            result.offset = operand(spent).offset
            // The memory is the result's from now on.
            lastReaders[spent] = nil
        } else {
            result.offset = arena.take(shape.count)
        }
        operands[index] = result
        flops += Double(shape.count)
        steps.append(Step(operation: operation, a: a, b: b, result: result))
    }

    /// Whether a result of this shape may take the place of an operand: nothing reads it later, and the operation reads
    /// each of its elements only for the same element of the result.
    private func isSpent(_ operand: Int, after index: Int, _ shape: Shape, among operands: [Int]) -> Bool {
        lastReaders[operand] == index && self.operand(operand).source == .workspace
            && self.operand(operand).shape == shape
            && operands.allSatisfy { $0 == operand || base(of: $0) != operand }
    }

    /// Gives back the memory of what a node was the last to read.
    private mutating func release(_ reads: [Int], after index: Int) {
        for base in reads.map(base(of:)) where lastReaders[base] == index {
            if case .workspace = operand(base).source { arena.giveBack(at: operand(base).offset) }
            lastReaders[base] = nil
        }
    }
}

/// Places of values in one piece of memory, each in the first gap that holds it.
private struct Arena: Sendable {
    private(set) var size = 0
    /// In order of their offsets.
    private var taken: [Range<Int>] = []

    mutating func take(_ count: Int) -> Int {
        let count = alignedElements(count)
        var start = 0
        var place = taken.count
        for (index, range) in taken.enumerated() {
            if range.lowerBound - start >= count {
                place = index
                break
            }
            start = range.upperBound
        }
        taken.insert(start..<start + count, at: place)
        size = max(size, start + count)
        return start
    }

    mutating func giveBack(at offset: Int) {
        // In order, so that the place is found by halving.
        var (low, high) = (0, taken.count)
        while low < high {
            let middle = (low + high) / 2
            if taken[middle].lowerBound < offset { low = middle + 1 } else { high = middle }
        }
        if low < taken.count, taken[low].lowerBound == offset { taken.remove(at: low) }
    }
}
