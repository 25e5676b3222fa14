package import TensorCore

extension ShapeCheck {
    /// y [n, d]; a, b [n or 1, d or 1].
    package static func combine(a: Shape, b: Shape, y: Shape) {
        require(y, rank: 2, "y", "combine")
        fills(a, y, "a")
        fills(b, y, "b")
    }

    private static func fills(_ x: Shape, _ y: Shape, _ name: StaticString) {
        require(x, rank: 2, name, "combine")
        precondition((x[0] == y[0] || x[0] == 1) && (x[1] == y[1] || x[1] == 1), "combine: \(x) cannot fill \(y)")
    }

    /// x [n, d]; y [n or 1, d or 1].
    package static func reduce(x: Shape, y: Shape, _ operation: StaticString) {
        require(x, rank: 2, "x", operation)
        require(y, rank: 2, "y", operation)
        precondition(
            (x[0] == y[0] || y[0] == 1) && (x[1] == y[1] || y[1] == 1), "\(operation): \(x) cannot become \(y)")
    }

    /// x [n, d]; y [d, n].
    package static func transpose(x: Shape, y: Shape) {
        precondition(
            x.rank == 2 && y.rank == 2 && x[0] == y[1] && x[1] == y[0], "transpose: \(x) cannot become \(y)")
    }

    /// matrix [n, n]; column [n, 1].
    package static func diagonal(matrix: Shape, column: Shape) {
        precondition(
            matrix.rank == 2 && matrix[0] == matrix[1] && column == Shape(matrix[0], 1),
            "diagonal: \(column) is not a diagonal of \(matrix)")
    }
}
