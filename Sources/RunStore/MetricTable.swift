import ExperimentSpec

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

    /// What a file says, which need not be what this program writes.
    ///
    /// - Throws: `MetricTableError` where it is no table: without steps or with rows that go back, with a column twice or of
    ///   another length.
    init(
        checking columns: [(name: String, values: [Double])], vectors: [String: [[Double]]]
    ) throws(MetricTableError) {
        guard columns.first?.name == "step" else {
            throw MetricTableError("its first column is \(columns.first?.name ?? "missing"), not step")
        }
        var names: Set<String> = []
        for (name, values) in columns {
            guard names.insert(name).inserted else { throw MetricTableError("it names the column \(name) twice") }
            guard values.count == columns[0].values.count else {
                throw MetricTableError(
                    "its column \(name) has \(counted(values.count, "row")), step has \(columns[0].values.count)")
            }
        }
        for (name, rows) in vectors.sorted(by: { $0.key < $1.key }) where rows.count != columns[0].values.count {
            throw MetricTableError(
                "its column \(name) has \(counted(rows.count, "row")), step has \(columns[0].values.count)")
        }
        if let step = columns[0].values.first(where: { !Self.isStep($0) }) {
            throw MetricTableError("it has a row of step \(step)")
        }
        if let (before, after) = zip(columns[0].values, columns[0].values.dropFirst()).first(where: { $0 > $1 }) {
            throw MetricTableError("its rows are out of order: step \(Int(before)), then \(Int(after))")
        }
        self.init(columns: columns, vectors: vectors)
    }

    /// Whether a number can be a step: whole, not negative, and counted exactly.
    private static func isStep(_ value: Double) -> Bool {
        (0...0x1p53).contains(value) && value.rounded() == value
    }

    /// A table that has only its first column, without rows.
    init() { self.init(columns: [("step", [])]) }

    /// The column of a name, [rowCount]; NaN where it has no value.
    package subscript(column: String) -> [Double]? { values[column] }

    /// The vectors of a column, [rowCount][width]; NaN where it has no value.
    package func vectors(_ column: String) -> [[Double]]? { vectors[column] }

    /// Adds a row. A new column has NaN in the rows before; a column without a value gets NaN.
    ///
    /// - Precondition: The row has a "step", and no column twice.
    /// - Throws: `MetricTableError` where the table, which may come from a file, holds vectors of that name.
    mutating func append(_ row: [(String, Double)], to table: String) throws(MetricTableError) {
        precondition(row.contains { $0.0 == "step" }, "a row of \(table) without a step: \(row.map(\.0))")
        for (name, _) in row where vectors[name] != nil {
            throw MetricTableError("its column \(name) holds vectors, and now a number is to be added")
        }
        for (name, value) in row {
            if values[name] == nil {
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
    /// - Precondition: There is a row.
    /// - Throws: `MetricTableError` where the column holds numbers, or vectors of another length.
    mutating func append(vector: [Double], to table: String, column: String) throws(MetricTableError) {
        precondition(rowCount > 0, "a vector for \(table), which has no row yet")
        guard values[column] == nil else {
            throw MetricTableError("its column \(column) holds numbers, and now a vector is to be added")
        }
        if let first = vectors[column]?.first {
            guard first.count == vector.count else {
                throw MetricTableError(
                    "its column \(column) holds vectors of \(first.count) numbers, and now \(vector.count) are to be "
                        + "added")
            }
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

/// Why columns are no table, without the file that they are from.
struct MetricTableError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
