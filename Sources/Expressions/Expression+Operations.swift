import Kernels

// The operations that have a derivative of their own. A shape that does not fit is a programmer's error and traps.

extension Expression {
    // MARK: Arithmetic, element by element; an extent of 1 is repeated as in NumPy

    package static func + (a: Expression, b: Expression) -> Expression { combine(.add, a, b) }
    package static func - (a: Expression, b: Expression) -> Expression { combine(.subtract, a, b) }
    package static func * (a: Expression, b: Expression) -> Expression { combine(.multiply, a, b) }
    package static func / (a: Expression, b: Expression) -> Expression { combine(.divide, a, b) }

    package static func + (a: Expression, b: Double) -> Expression { a + a.graph.constant(b) }
    package static func - (a: Expression, b: Double) -> Expression { a - a.graph.constant(b) }
    package static func * (a: Expression, b: Double) -> Expression { a * a.graph.constant(b) }
    package static func / (a: Expression, b: Double) -> Expression { a * (1 / b) }
    package static func + (a: Double, b: Expression) -> Expression { b + a }
    package static func - (a: Double, b: Expression) -> Expression { b.graph.constant(a) - b }
    package static func * (a: Double, b: Expression) -> Expression { b * a }
    package static func / (a: Double, b: Expression) -> Expression { b.graph.constant(a) / b }
    package static prefix func - (a: Expression) -> Expression { a * -1 }

    private static func combine(_ operation: ElementOperation, _ a: Expression, _ b: Expression) -> Expression {
        precondition(
            (a.rows == b.rows || a.rows == 1 || b.rows == 1)
                && (a.columns == b.columns || a.columns == 1 || b.columns == 1),
            "\(operation): \(a.rows)×\(a.columns) and \(b.rows)×\(b.columns)")
        if let simpler = simplify(operation, a, b) { return simpler }
        return a.graph.record(
            .elementwise(operation), [a, b], max(a.rows, b.rows), max(a.columns, b.columns))
    }

    /// What comes out without a further operation: derivatives are full of ones and of constants one after another.
    private static func simplify(_ operation: ElementOperation, _ a: Expression, _ b: Expression) -> Expression? {
        switch (operation, a.constant, b.constant) {
        case (_, let x?, let y?): a.graph.constant(operation(x, y))
        case (.multiply, _?, nil): b * a
        case (.multiply, nil, 1): a
        case (.multiply, nil, let y?): a.factored.map { $0.rest * ($0.factor * y) }
        case (.add, nil, 0), (.subtract, nil, 0): a
        case (.add, 0, nil): b
        case (.add, nil, nil): a.index == b.index ? a * 2 : nil
        default: nil
        }
    }

    /// x and c, where the expression is x · c.
    private var factored: (rest: Expression, factor: Double)? {
        guard case .elementwise(.multiply) = node.operation, let factor = operands[1].constant else { return nil }
        return (operands[0], factor)
    }

    func apply(_ function: ElementFunction) -> Expression { graph.record(.function(function), [self], rows, columns) }

    // MARK: Matrices

    /// The product of two matrices, [n, k] and [k, d].
    package func times(_ other: Expression) -> Expression {
        precondition(columns == other.rows, "a product of \(rows)×\(columns) and \(other.rows)×\(other.columns)")
        let (left, transposeLeft) = untransposed
        let (right, transposeRight) = other.untransposed
        return graph.record(
            .product(transposeLeft: transposeLeft, transposeRight: transposeRight), [left, right], rows, other.columns)
    }

    package var transposed: Expression {
        let (original, isTransposed) = untransposed
        return isTransposed ? original : graph.record(.transpose, [self], columns, rows)
    }

    /// What the expression is the transpose of; itself, if of nothing.
    private var untransposed: (Expression, isTransposed: Bool) {
        if case .transpose = node.operation { (operands[0], true) } else { (self, false) }
    }

    /// The diagonal of a square matrix as a column, [n, 1].
    package var diagonal: Expression {
        precondition(rows == columns, "the diagonal of \(rows)×\(columns)")
        return graph.record(.diagonal, [self], rows, 1)
    }

    /// The square matrix with this column on its diagonal and zeros elsewhere, [n, n].
    package var diagonalMatrix: Expression {
        precondition(columns == 1, "a diagonal of \(rows)×\(columns)")
        return graph.record(.diagonalMatrix, [self], rows, rows)
    }

    /// Some of the rows.
    package subscript(rows range: Range<Int>) -> Expression {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows && !range.isEmpty, "rows \(range) of \(rows)")
        return range.count == rows ? self : graph.record(.rows(from: range.lowerBound), [self], range.count, columns)
    }

    /// The rows of several matrices below one another.
    package static func stack(_ parts: [Expression]) -> Expression {
        precondition(
            !parts.isEmpty && parts.allSatisfy { $0.columns == parts[0].columns },
            "a stack of matrices of \(parts.map(\.columns)) columns")
        return parts.count == 1
            ? parts[0]
            : parts[0].graph.record(.stack, parts, parts.reduce(0) { $0 + $1.rows }, parts[0].columns)
    }

    // MARK: Reductions

    package enum Axis: Sendable {
        /// Over the rows: one number for each column, [1, d].
        case rows
        /// Over the columns: one number for each row, [n, 1].
        case columns
        /// Over all elements, [1, 1].
        case all
    }

    package func sum(over axis: Axis = .all) -> Expression { reduce(.sum, axis) }

    /// The largest number; no gradient goes through it.
    package func maximum(over axis: Axis) -> Expression { reduce(.maximum, axis) }

    private func reduce(_ operation: ExpressionGraph.Operation, _ axis: Axis) -> Expression {
        let (toRows, toColumns) = (axis == .columns ? rows : 1, axis == .rows ? columns : 1)
        return toRows == rows && toColumns == columns ? self : graph.record(operation, [self], toRows, toColumns)
    }

    /// The same numbers, through which no gradient goes.
    package var withoutGradient: Expression { graph.record(.stopGradient, [self], rows, columns) }

    /// Rows and columns repeated to a full matrix.
    func repeated(rows toRows: Int, columns toColumns: Int) -> Expression {
        toRows == rows && toColumns == columns ? self : graph.record(.repeated, [self], toRows, toColumns)
    }
}

// Functions are written as in mathematics.

package func sqrt(_ x: Expression) -> Expression { x.apply(.squareRoot) }
package func exp(_ x: Expression) -> Expression { x.apply(.exponential) }
/// The natural logarithm.
package func log(_ x: Expression) -> Expression { x.apply(.logarithm) }
package func sin(_ x: Expression) -> Expression { x.apply(.sine) }
package func cos(_ x: Expression) -> Expression { x.apply(.cosine) }
/// max(x, 0); its derivative at 0 is 0.
package func relu(_ x: Expression) -> Expression { x.apply(.relu) }

extension ElementOperation {
    func callAsFunction(_ a: Double, _ b: Double) -> Double {
        switch self {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        }
    }
}
