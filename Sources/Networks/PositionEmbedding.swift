#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The fixed 2-D sine-cosine position embedding of MAE and I-JEPA.
package enum PositionEmbedding {
    /// The table [N, width] in row-major order, N = rows · columns patches in raster order.
    ///
    /// The first half of the width encodes the column, the second half the row; each half is [sin | cos] of
    /// position / 10000^(i / (width/4)), i = 0 ..< width/4.
    /// - Precondition: `width` is a multiple of 4.
    package static func table(width: Int, rows: Int, columns: Int) -> [Double] {
        precondition(width % 4 == 0, "sine-cosine positions need a width that is a multiple of 4, not \(width)")
        let quarter = width / 4
        let frequencies = (0..<quarter).map { pow(10_000, -Double($0) / Double(quarter)) }
        var table: [Double] = []
        table.reserveCapacity(rows * columns * width)
        for row in 0..<rows {
            for column in 0..<columns {
                for position in [column, row] {
                    table += frequencies.map { sin(Double(position) * $0) }
                    table += frequencies.map { cos(Double(position) * $0) }
                }
            }
        }
        return table
    }
}
