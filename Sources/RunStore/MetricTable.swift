/// A series of rows: named columns of numbers, and columns that hold a vector per row.
package struct MetricTable: Sendable, Equatable {
    /// Names of the columns of numbers; "step" first.
    package private(set) var columns: [String]
    /// Names of the columns of vectors, sorted.
    package var vectorColumns: [String] { vectors.keys.sorted() }
    package private(set) var rowCount: Int

    private var values: [String: [Double]]
    private var vectors: [String: [[Double]]]

    /// - Precondition: The first column is "step", and all columns have one length.
    package init(columns: [(name: String, values: [Double])], vectors: [String: [[Double]]] = [:]) {
        precondition(columns.first?.name == "step", "the first column is \(columns.first?.name ?? "missing"), not step")
        rowCount = columns[0].values.count
        self.columns = columns.map(\.name)
        values = Dictionary(uniqueKeysWithValues: columns)
        self.vectors = vectors
        for (name, column) in values {
            precondition(column.count == rowCount, "column \(name) has \(column.count) rows, step has \(rowCount)")
        }
        for (name, column) in vectors {
            precondition(column.count == rowCount, "column \(name) has \(column.count) rows, step has \(rowCount)")
        }
    }

    /// A table that has only its first column, without rows.
    init() { self.init(columns: [("step", [])]) }

    /// The column of a name, [rowCount]; NaN where it has no value.
    package subscript(column: String) -> [Double]? { values[column] }

    /// The vectors of a column, [rowCount][width]; NaN where it has no value.
    package func vectors(_ column: String) -> [[Double]]? { vectors[column] }

    /// Adds a row. A new column has NaN in the rows before; a column without a value gets NaN.
    /// - Precondition: The row has a "step", and no column twice.
    mutating func append(_ row: [(String, Double)], to table: String) {
        precondition(row.contains { $0.0 == "step" }, "a row of \(table) without a step: \(row.map(\.0))")
        for (name, value) in row {
            if values[name] == nil {
                precondition(vectors[name] == nil, "column \(name) of \(table) holds vectors")
                columns.append(name)
                values[name] = [Double](repeating: .nan, count: rowCount)
            }
            precondition(values[name]!.count == rowCount, "column \(name) twice in one row of \(table)")
            values[name]!.append(value)
        }
        rowCount += 1
        for name in columns where values[name]!.count < rowCount { values[name]!.append(.nan) }
        for name in vectors.keys { vectors[name]!.append([Double](repeating: .nan, count: vectors[name]![0].count)) }
    }

    /// Sets the last row's vector in a column; a new column has NaN in the rows before.
    /// - Precondition: There is a row, and the vectors of a column have one length.
    mutating func append(vector: [Double], to table: String, column: String) {
        precondition(rowCount > 0, "a vector for \(table), which has no row yet")
        precondition(values[column] == nil, "column \(column) of \(table) holds numbers")
        if let first = vectors[column]?.first {
            precondition(
                first.count == vector.count, "\(vector.count) values for \(table)/\(column) of width \(first.count)")
        } else {
            let missing = [Double](repeating: .nan, count: vector.count)
            vectors[column] = [[Double]](repeating: missing, count: rowCount)
        }
        vectors[column]![rowCount - 1] = vector
    }

    /// Drops the rows whose step is greater.
    mutating func keep(throughStep step: Int) {
        let kept = values["step"]!.indices.filter { values["step"]![$0] <= Double(step) }
        for name in columns { values[name] = kept.map { values[name]![$0] } }
        for name in vectors.keys { vectors[name] = kept.isEmpty ? nil : kept.map { vectors[name]![$0] } }
        rowCount = kept.count
    }
}
