import Networks
import TensorCore

/// Positions of patches that came with weights, and what becomes of them at another grid.
package struct PositionGrid: Sendable, Equatable {
    package let rows: Int
    package let columns: Int
    package let width: Int
    /// [rows · columns, width], row-major; patches in raster order.
    package let values: [Float]

    /// Numbers that differ by less are the same table, computed elsewhere or kept in 16 bits.
    private static let tolerance: Float = 5e-3

    /// - Precondition: As many values as the grid takes.
    package init(rows: Int, columns: Int, width: Int, values: [Float]) {
        precondition(values.count == rows * columns * width, "\(values.count) values for \(rows)×\(columns)×\(width)")
        self.rows = rows
        self.columns = columns
        self.width = width
        self.values = values
    }

    /// The table that this program computes.
    /// - Precondition: `width` is a multiple of 4.
    package static func sineCosine(rows: Int, columns: Int, width: Int) -> PositionGrid {
        let table = PositionEmbedding.table(width: width, rows: rows, columns: columns)
        return PositionGrid(rows: rows, columns: columns, width: width, values: table.map { Float($0) })
    }

    /// Whether they are those that this program computes, `PositionEmbedding.table`.
    package var isSineCosine: Bool {
        guard width.isMultiple(of: 4) else { return false }
        let table = PositionEmbedding.table(width: width, rows: rows, columns: columns)
        return zip(values, table).allSatisfy { abs($0 - Float($1)) <= Self.tolerance }
    }

    /// For another grid: computed where they are the sine-cosine table, else resampled; untouched for the same grid.
    package func fitted(rows: Int, columns: Int) -> PositionGrid {
        if rows == self.rows, columns == self.columns { return self }
        guard isSineCosine else { return resampled(rows: rows, columns: columns) }
        return .sineCosine(rows: rows, columns: columns, width: width)
    }

    /// Bicubic with antialiasing, as timm's `resample_abs_pos_embed`, which is PyTorch's `interpolate` (bicubic,
    /// antialias, not aligned at the corners): along rows first, then along columns.
    package func resampled(rows newRows: Int, columns newColumns: Int) -> PositionGrid {
        let across = ResampledLine.lines(from: columns, to: newColumns)
        var middle = [Double](repeating: 0, count: rows * newColumns * width)
        for row in 0..<rows {
            for (column, line) in across.enumerated() {
                for (step, weight) in line.weights.enumerated() {
                    let source = (row * columns + line.first + step) * width
                    let target = (row * newColumns + column) * width
                    for channel in 0..<width { middle[target + channel] += weight * Double(values[source + channel]) }
                }
            }
        }
        var result = [Float](repeating: 0, count: newRows * newColumns * width)
        var sums = [Double](repeating: 0, count: newColumns * width)
        for (row, line) in ResampledLine.lines(from: rows, to: newRows).enumerated() {
            for place in sums.indices { sums[place] = 0 }
            for (step, weight) in line.weights.enumerated() {
                let source = (line.first + step) * newColumns * width
                for place in sums.indices { sums[place] += weight * middle[source + place] }
            }
            for place in sums.indices { result[row * newColumns * width + place] = Float(sums[place]) }
        }
        return PositionGrid(rows: newRows, columns: newColumns, width: width, values: result)
    }
}

/// What of a line makes one place of a longer or shorter one.
private struct ResampledLine {
    let first: Int
    let weights: [Double]

    /// ATen/native/cpu/UpSampleKernel.cpp, `_compute_index_ranges_weights` with the bicubic filter of Keys (1981) for
    /// a = -0.5, which is widened where the line becomes shorter.
    static func lines(from old: Int, to new: Int) -> [ResampledLine] {
        let scale = Double(old) / Double(new)
        let widening = max(scale, 1)
        return (0..<new).map { place in
            let center = scale * (Double(place) + 0.5)
            let first = max(Int(center - 2 * widening + 0.5), 0)
            let end = min(Int(center + 2 * widening + 0.5), old)
            let weights = (first..<max(end, first)).map { filter((Double($0) - center + 0.5) / widening) }
            let sum = weights.reduce(0, +)
            return ResampledLine(first: first, weights: weights.map { sum == 0 ? $0 : $0 / sum })
        }
    }

    private static func filter(_ distance: Double) -> Double {
        let (x, a) = (abs(distance), -0.5)
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }
}
