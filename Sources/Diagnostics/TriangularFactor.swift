/// The upper triangular factor R of a QR factorisation of a matrix that is given row by row.
///
/// R has the singular values of the matrix. Rows are absorbed a block at a time by Householder reflections (the
/// sequential form of TSQR: Demmel, Grigori, Hoemmen, Langou, SIAM J. Sci. Comput. 34, 2012), so a tall matrix passes
/// through the cache once. Unlike the Gram matrix, this keeps singular values down to machine precision times the
/// largest.
struct TriangularFactor: Sendable {
    /// Rows absorbed at a time: a block of 64 × 1024 Doubles stays in a second-level cache.
    private static let blockRows = 64

    private(set) var matrix: PaddedMatrix
    private var block: PaddedMatrix
    private var pending = 0

    init(columns: Int) {
        matrix = PaddedMatrix(rows: columns, columns: columns)
        block = PaddedMatrix(rows: Self.blockRows, columns: columns)
    }

    /// Adds one row; `write` gets the row as `columns` numbers to fill.
    mutating func append(_ write: (UnsafeMutableBufferPointer<Double>) -> Void) {
        let (row, stride, columns) = (pending, block.stride, block.columns)
        block.storage.withUnsafeMutableBufferPointer { storage in
            UnsafeMutableRawBufferPointer(storage).withMemoryRebound(to: Double.self) { numbers in
                let start = row * stride * PaddedMatrix.lanes
                write(UnsafeMutableBufferPointer(rebasing: numbers[start..<start + columns]))
            }
        }
        pending += 1
        if pending == Self.blockRows { flush() }
    }

    /// Absorbs rows that still wait; `matrix` is complete after it.
    mutating func flush() {
        guard pending > 0, matrix.columns > 0 else { return }
        let (stride, columns, blockRows) = (matrix.stride, matrix.columns, Self.blockRows)
        // Rows of an incomplete block are zero: `absorb` leaves zeros behind.
        var reflected = [PaddedMatrix.Vector](repeating: .zero, count: stride)
        var v = [Double](repeating: 0, count: blockRows)
        matrix.storage.withUnsafeMutableBufferPointer { r in
            block.storage.withUnsafeMutableBufferPointer { b in
                reflected.withUnsafeMutableBufferPointer { w in
                    v.withUnsafeMutableBufferPointer { v in
                        for column in 0..<columns {
                            Self.eliminate(
                                column, rRow: r.baseAddress! + column * stride, block: b.baseAddress!,
                                w: w.baseAddress!, v: v.baseAddress!, stride: stride)
                        }
                    }
                }
            }
        }
        pending = 0
    }

    /// Reflects row `column` of R and the block so that the block's column becomes zero.
    ///
    /// - Parameters: rRow [stride] vectors, block [blockRows, stride] vectors, w [stride] and v [blockRows] scratch.
    private static func eliminate(
        _ column: Int, rRow: UnsafeMutablePointer<SIMD8<Double>>, block: UnsafeMutablePointer<SIMD8<Double>>,
        w: UnsafeMutablePointer<SIMD8<Double>>, v: UnsafeMutablePointer<Double>, stride: Int
    ) {
        let (first, lane) = (column / PaddedMatrix.lanes, column % PaddedMatrix.lanes)
        var sumOfSquares = 0.0
        for row in 0..<blockRows {
            let value = block[row * stride + first][lane]
            v[row] = value
            block[row * stride + first][lane] = 0
            sumOfSquares += value * value
        }
        let reflection = Reflection(alpha: rRow[first][lane], sumOfSquares: sumOfSquares)
        guard reflection.factor != 0 else { return }
        for row in 0..<blockRows { v[row] *= reflection.scale }

        // Columns before this one are zero in the block and in this row of R, so whole vectors may be worked on.
        for k in first..<stride { w[k] = rRow[k] }
        for row in Swift.stride(from: 0, to: blockRows, by: 4) {
            let (v0, v1, v2, v3) = (v[row], v[row + 1], v[row + 2], v[row + 3])
            let row0 = block + row * stride
            let (row1, row2, row3) = (row0 + stride, row0 + 2 * stride, row0 + 3 * stride)
            for k in first..<stride {
                w[k] += (v0 * row0[k] + v1 * row1[k]) + (v2 * row2[k] + v3 * row3[k])
            }
        }
        for k in first..<stride {
            w[k] *= reflection.factor
            rRow[k] -= w[k]
        }
        rRow[first][lane] = reflection.beta
        w[first][lane] = 0
        for row in Swift.stride(from: 0, to: blockRows, by: 4) {
            let (v0, v1, v2, v3) = (v[row], v[row + 1], v[row + 2], v[row + 3])
            let row0 = block + row * stride
            let (row1, row2, row3) = (row0 + stride, row0 + 2 * stride, row0 + 3 * stride)
            for k in first..<stride {
                let step = w[k]
                row0[k] -= v0 * step
                row1[k] -= v1 * step
                row2[k] -= v2 * step
                row3[k] -= v3 * step
            }
        }
    }
}
