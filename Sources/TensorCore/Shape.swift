/// The extents of a row-major array of at most four dimensions, held without heap storage.
package struct Shape: Hashable, Sendable, CustomStringConvertible {
    /// Number of dimensions, 0...4.
    package let rank: Int
    private let extents: SIMD4<Int>

    /// - Parameter extents: One to four non-negative extents, slowest first; none for a scalar.
    package init(_ extents: Int...) {
        self.init(extents)
    }

    package init(_ extents: [Int]) {
        precondition(extents.count <= 4, "a shape has at most four dimensions, not \(extents.count)")
        precondition(extents.allSatisfy { $0 >= 0 }, "negative extent in \(extents)")
        var padded = SIMD4<Int>(repeating: 1)
        for (axis, extent) in extents.enumerated() { padded[axis] = extent }
        self.rank = extents.count
        self.extents = padded
    }

    package init(_ a: Int) { (rank, extents) = (1, SIMD4(a, 1, 1, 1)) }
    package init(_ a: Int, _ b: Int) { (rank, extents) = (2, SIMD4(a, b, 1, 1)) }
    package init(_ a: Int, _ b: Int, _ c: Int) { (rank, extents) = (3, SIMD4(a, b, c, 1)) }
    package init(_ a: Int, _ b: Int, _ c: Int, _ d: Int) { (rank, extents) = (4, SIMD4(a, b, c, d)) }

    package subscript(axis: Int) -> Int {
        precondition(axis >= 0 && axis < rank, "axis \(axis) of \(self)")
        return extents[axis]
    }

    /// Number of elements.
    package var count: Int { extents[0] * extents[1] * extents[2] * extents[3] }
    /// The last extent; 1 for a scalar.
    package var columns: Int { rank == 0 ? 1 : extents[rank - 1] }
    /// The product of all extents but the last.
    package var rows: Int { columns == 0 ? 0 : count / columns }
    package var dimensions: [Int] { (0..<rank).map { extents[$0] } }
    package var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
