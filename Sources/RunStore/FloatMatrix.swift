/// A matrix of a run file, [rows, columns], row-major.
package struct FloatMatrix: Sendable, Equatable {
    package var rows: Int
    package var columns: Int
    package var values: [Float]
    package var attributes: [String: AttributeValue]

    /// - Precondition: `values.count == rows * columns`.
    package init(rows: Int, columns: Int, values: [Float], attributes: [String: AttributeValue] = [:]) {
        precondition(values.count == rows * columns, "\(values.count) values for a matrix [\(rows), \(columns)]")
        self.rows = rows
        self.columns = columns
        self.values = values
        self.attributes = attributes
    }
}
