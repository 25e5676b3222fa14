import Networks

/// How much the tensors of two networks differ.
package struct WeightComparison: Sendable {
    /// One that both have, in the same shape.
    package struct Difference: Sendable {
        package let name: String
        package let shape: [Int]
        /// Whether every bit is the same.
        package let isEqual: Bool
        /// Largest |a − b|; NaN where one is NaN and the other is not.
        package let largest: Double
        /// ‖a − b‖ / ‖a‖; NaN where a is zero or has NaN.
        package let relative: Double
    }

    /// In the order of the network.
    package private(set) var differences: [Difference] = []
    /// Names that only the first or the second has, or that have other shapes, sorted.
    package private(set) var onlyInFirst: [String] = []
    package private(set) var onlyInSecond: [String] = []
    package private(set) var otherShapes: [String] = []

    /// Whether both have the same tensors with the same bits.
    package var isEqual: Bool {
        differences.allSatisfy(\.isEqual) && onlyInFirst.isEmpty && onlyInSecond.isEmpty && otherShapes.isEmpty
    }

    /// Compares two encoders by the names of this program, whatever their files call them.
    ///
    /// - Throws: `WeightError` where a storage is damaged.
    package init(_ first: PretrainedEncoder, _ second: PretrainedEncoder) throws {
        let shapes = second.layout.entries.reduce(into: [:]) { $0[$1.name] = $1.storedShape }
        for entry in first.layout.entries {
            guard let shape = shapes[entry.name] else {
                onlyInFirst.append(entry.name)
                continue
            }
            guard shape == entry.storedShape else {
                otherShapes.append(entry.name)
                continue
            }
            differences.append(
                Self.difference(
                    entry.name, shape, try first.tensors.values(of: entry.name),
                    try second.tensors.values(of: entry.name)))
        }
        let known = Set(first.layout.entries.map(\.name))
        onlyInSecond = shapes.keys.filter { !known.contains($0) }.sorted()
        try comparePositions(first, second)
    }

    /// Positions that a file has not are those that are computed.
    private mutating func comparePositions(_ first: PretrainedEncoder, _ second: PretrainedEncoder) throws {
        guard let grid = first.geometry.grid ?? second.geometry.grid, first.geometry.width == second.geometry.width,
            first.geometry.grid.map({ $0 == grid }) ?? true, second.geometry.grid.map({ $0 == grid }) ?? true
        else {
            otherShapes.append("pos_embed")
            return
        }
        let tables = try [first, second].map { try $0.positions(rows: grid.rows, columns: grid.columns) }
        differences.append(
            Self.difference(
                "pos_embed", [1, grid.rows * grid.columns, tables[0].width], tables[0].values, tables[1].values))
    }

    static func difference(_ name: String, _ shape: [Int], _ a: [Float], _ b: [Float]) -> Difference {
        var (largest, squares, scale, isEqual) = (0.0, 0.0, 0.0, a.count == b.count)
        for (x, y) in zip(a, b) where x.bitPattern != y.bitPattern || x.isNaN {
            isEqual = isEqual && x.bitPattern == y.bitPattern
            // Two NaN, or two infinities, are no difference.
            let distance = (x.isNaN && y.isNaN) || x == y ? 0 : abs(Double(x) - Double(y))
            // Written so that a NaN stays.
            if !(distance <= largest) { largest = largest.isNaN ? largest : distance }
            squares += distance * distance
        }
        for x in a { scale += Double(x) * Double(x) }
        let relative = squares == 0 ? 0 : squares.squareRoot() / scale.squareRoot()
        return Difference(name: name, shape: shape, isEqual: isEqual, largest: largest, relative: relative)
    }
}
