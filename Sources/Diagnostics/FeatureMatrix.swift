/// Features of images or tokens: one row each, row-major, float32 as the encoder gave them.
package struct FeatureMatrix: Sendable, Hashable {
    /// Number of images or tokens, n.
    package let rows: Int
    /// Width of a feature, D.
    package let columns: Int
    /// [rows, columns], row-major.
    package let values: [Float]

    package init(rows: Int, columns: Int, values: [Float]) {
        precondition(rows >= 0 && columns >= 0, "a feature matrix cannot be [\(rows), \(columns)]")
        precondition(
            values.count == rows * columns, "\(values.count) values do not fill a feature matrix [\(rows), \(columns)]")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// Whether no value is infinite or NaN.
    package var isFinite: Bool {
        // On bit patterns: an integer reduction vectorises, a floating-point one does not.
        var anyNonFinite = UInt32(0)
        for value in values {
            anyNonFinite |= (value.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0
        }
        return anyNonFinite == 0
    }

    /// The given rows, in the given order.
    package func selecting(rows selected: [Int]) -> FeatureMatrix {
        var chosen: [Float] = []
        chosen.reserveCapacity(selected.count * columns)
        for row in selected {
            precondition(row >= 0 && row < rows, "row \(row) of a feature matrix [\(rows), \(columns)]")
            chosen.append(contentsOf: values[row * columns..<(row + 1) * columns])
        }
        return FeatureMatrix(rows: selected.count, columns: columns, values: chosen)
    }
}
