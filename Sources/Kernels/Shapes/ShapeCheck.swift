package import TensorCore

/// The shapes that the operations of `KernelBackend` demand; every back end calls these first.
///
/// A shape that does not fit is a programmer's error, so the checks trap, and name the shapes in question. One
/// function per operation, in extensions by topic.
package enum ShapeCheck {
    /// Two operands of the same shape.
    package static func same(_ x: Shape, _ y: Shape, _ operation: StaticString) {
        precondition(x == y, "\(operation): \(x) and \(y) must be equal")
    }

    /// An operand that must have one certain shape, because `reason` (another operand) has its own.
    static func require(
        _ shape: Shape, is expected: Shape, _ name: StaticString, for reason: Shape, _ operation: StaticString
    ) {
        precondition(shape == expected, "\(operation): \(name) is \(shape), but \(reason) needs \(expected)")
    }

    static func require(_ shape: Shape, rank: Int, _ name: StaticString, _ operation: StaticString) {
        precondition(shape.rank == rank, "\(operation): \(name) \(shape) must have \(rank) dimensions")
    }

    /// Operands that are read row by row: equal numbers of rows, whatever the leading extents.
    static func requireEqualRows(_ x: Shape, _ y: Shape, _ operation: StaticString) {
        precondition(x.rows == y.rows, "\(operation): \(x) has \(x.rows) rows, \(y) has \(y.rows)")
    }
}
