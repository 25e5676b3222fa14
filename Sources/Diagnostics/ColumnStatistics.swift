/// Mean and sum of squared deviations of each column, in Double.
struct ColumnStatistics: Sendable {
    /// [D].
    let means: [Double]
    /// Σ (x − mean)² of each column, [D].
    let squaredDeviations: [Double]
    let rows: Int

    /// - Parameters:
    ///   - features: [n, D], n ≥ 1.
    ///   - rowFactors: What each row is multiplied by before, [n]; none: 1.
    init(of features: FeatureMatrix, rowFactors: [Double]? = nil) {
        let (rows, columns) = (features.rows, features.columns)
        precondition(rows > 0, "a feature matrix [\(rows), \(columns)] has no means")
        precondition(rowFactors?.count ?? rows == rows, "\(rowFactors?.count ?? 0) factors for \(rows) rows")
        var means = [Double](repeating: 0, count: columns)
        var squares = means
        let firstFactor = rowFactors?[0] ?? 1
        // Differences to the first row: exact zeros for features that are all alike, however large they are.
        let shift = (0..<columns).map { Double(features.values[$0]) * firstFactor }
        features.values.withUnsafeBufferPointer { values in
            for i in 0..<rows {
                let factor = rowFactors?[i] ?? 1
                for j in 0..<columns { means[j] += Double(values[i * columns + j]) * factor - shift[j] }
            }
            for j in 0..<columns { means[j] = shift[j] + means[j] / Double(rows) }
            for i in 0..<rows {
                let factor = rowFactors?[i] ?? 1
                for j in 0..<columns {
                    let deviation = Double(values[i * columns + j]) * factor - means[j]
                    squares[j] += deviation * deviation
                }
            }
        }
        self.rows = rows
        self.means = means
        squaredDeviations = squares
    }

    /// With 1/(n − 1), [D]; NaN for a single row.
    var standardDeviations: [Double] {
        squaredDeviations.map { ($0 / Double(rows - 1)).squareRoot() }
    }
}
