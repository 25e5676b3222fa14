import Kernels

extension ExpressionGraph {
    /// The derivatives of a number with respect to matrices, by reverse accumulation, as further expressions.
    ///
    /// - Parameter result: 1×1.
    /// - Returns: For each of `inputs` a matrix of its shape; zeros where the result does not depend on it.
    package func gradient(of result: Expression, withRespectTo inputs: [Expression]) -> [Expression] {
        precondition(result.count == 1, "a gradient of \(result.rows)×\(result.columns), not of one number")
        // A node's derivative may lack rows or columns that are all the same.
        var derivatives: [Int: Expression] = [result.index: constant(1)]
        for index in stride(from: result.index, through: 0, by: -1) {
            guard let derivative = derivatives[index] else { continue }
            let node = Expression(graph: self, index: index)
            for (operand, part) in zip(node.operands, node.derivatives(derivative)) {
                guard let part else { continue }
                derivatives[operand.index] = derivatives[operand.index].map { $0 + part } ?? part
            }
        }
        return inputs.map { (derivatives[$0.index] ?? constant(0)).repeated(rows: $0.rows, columns: $0.columns) }
    }
}

extension Expression {
    /// With y this expression and dy the derivative with respect to it: those with respect to its operands.
    fileprivate func derivatives(_ dy: Expression) -> [Expression?] {
        let x = operands
        switch node.operation {
        case .input, .normal, .constant, .maximum, .stopGradient:
            return x.map { _ in nil }
        case .function(let function):
            return [derivative(of: function, at: x[0], dy)]
        case .elementwise(let operation):
            return zip(x, derivatives(of: operation, x[0], x[1], dy)).map { operand, derivative in
                derivative.total(of: self, over: operand)
            }
        case .sum:
            return [dy]
        case .product(let transposeLeft, let transposeRight):
            let (left, right) = (
                transposeLeft ? x[0].transposed : x[0], transposeRight ? x[1].transposed : x[1]
            )
            let dy = full(dy)
            let (dLeft, dRight) = (dy.times(right.transposed), left.transposed.times(dy))
            return [
                transposeLeft ? right.times(dy.transposed) : dLeft, transposeRight ? dy.transposed.times(left) : dRight,
            ]
        case .transpose:
            return [dy.transposed]
        case .diagonal:
            return [full(dy).diagonalMatrix]
        case .diagonalMatrix:
            return [full(dy).diagonal]
        case .rows(let start):
            let zeros = { (rows: Int) -> [Expression] in
                rows == 0 ? [] : [graph.constant(0).repeated(rows: rows, columns: columns)]
            }
            return [.stack(zeros(start) + [full(dy)] + zeros(x[0].rows - start - rows))]
        case .stack:
            let dy = full(dy)
            var start = 0
            return x.map { part in
                defer { start += part.rows }
                return dy[rows: start..<start + part.rows]
            }
        case .repeated:
            return [dy.total(of: self, over: x[0])]
        }
    }

    /// dy · f′(x), written with f(x) where it can be; none where it is 0 everywhere. Factors of dy come first, since dy may
    /// lack rows or columns.
    private func derivative(of function: ElementFunction, at x: Expression, _ dy: Expression) -> Expression? {
        switch function {
        case .squareRoot: dy * 0.5 / self
        case .exponential: dy * self
        case .logarithm: dy / x
        case .sine: dy * cos(x)
        case .cosine: -dy * sin(x)
        case .relu: dy * x.apply(.step)
        case .step: nil
        }
    }

    private func derivatives(
        of operation: ElementOperation, _ a: Expression, _ b: Expression, _ dy: Expression
    ) -> [Expression] {
        switch operation {
        case .add: [dy, dy]
        case .subtract: [dy, -dy]
        case .multiply: [dy * b, dy * a]
        case .divide: [dy / b, -(dy / b) * self]
        }
    }

    /// A derivative with respect to this expression with all its rows and columns.
    private func full(_ derivative: Expression) -> Expression { derivative.repeated(rows: rows, columns: columns) }

    /// Sums a derivative with respect to `result` over the axes along which `operand` was repeated.
    private func total(of result: Expression, over operand: Expression) -> Expression {
        var total = self
        if operand.rows == 1 && result.rows > 1 {
            total = total.rows == 1 ? total * Double(result.rows) : total.sum(over: .rows)
        }
        if operand.columns == 1 && result.columns > 1 {
            total = total.columns == 1 ? total * Double(result.columns) : total.sum(over: .columns)
        }
        return total
    }
}
