/// Sums of products of a matrix's columns, Σ (x − shift)(x − shift)ᵀ, whose eigenvalues are squared singular values.
///
/// Half the work of a triangular factor, and its price: singular values below 1e-8 of the largest drown in rounding.
struct CovarianceFactor: Sendable {
    /// Rows that are added up before the sums are read and written again.
    private static let blockRows = 8

    /// [D, D], symmetric.
    private(set) var sums: PaddedMatrix

    /// - Parameter shift: Taken from every row before, [D].
    init(of features: FeatureMatrix, minus shift: [Double]) {
        let columns = features.columns
        sums = PaddedMatrix(rows: columns, columns: columns)
        var block = PaddedMatrix(rows: Self.blockRows, columns: columns)
        let stride = block.stride
        for start in Swift.stride(from: 0, to: features.rows, by: Self.blockRows) {
            let count = min(Self.blockRows, features.rows - start)
            for row in 0..<Self.blockRows {
                for j in 0..<columns {
                    block[row, j] =
                        row < count ? Double(features.values[(start + row) * columns + j]) - shift[j] : 0
                }
            }
            sums.storage.withUnsafeMutableBufferPointer { sums in
                block.storage.withUnsafeBufferPointer { block in
                    Self.add(block.baseAddress!, to: sums.baseAddress!, columns: columns, stride: stride)
                }
            }
        }
        for i in 0..<columns { for j in 0..<i { sums[i, j] = sums[j, i] } }
    }

    /// Adds weight · v vᵀ.
    mutating func add(_ v: [Double], weight: Double) {
        for i in v.indices { for j in v.indices { sums[i, j] += weight * v[i] * v[j] } }
    }

    /// The upper half and what shares vectors with it; the rest is filled in at the end.
    private static func add(
        _ block: UnsafePointer<SIMD8<Double>>, to sums: UnsafeMutablePointer<SIMD8<Double>>, columns: Int, stride: Int
    ) {
        let lanes = PaddedMatrix.lanes
        let rows = (0..<blockRows).map { block + $0 * stride }
        let (r0, r1, r2, r3) = (rows[0], rows[1], rows[2], rows[3])
        let (r4, r5, r6, r7) = (rows[4], rows[5], rows[6], rows[7])
        for i in 0..<columns {
            let (first, lane) = (i / lanes, i % lanes)
            let (a0, a1, a2, a3) = (r0[first][lane], r1[first][lane], r2[first][lane], r3[first][lane])
            let (a4, a5, a6, a7) = (r4[first][lane], r5[first][lane], r6[first][lane], r7[first][lane])
            let target = sums + i * stride
            for k in first..<stride {
                var sum = a0 * r0[k]
                sum += a1 * r1[k]
                sum += a2 * r2[k]
                sum += a3 * r3[k]
                sum += a4 * r4[k]
                sum += a5 * r5[k]
                sum += a6 * r6[k]
                sum += a7 * r7[k]
                target[k] += sum
            }
        }
    }

    /// Square roots of the eigenvalues, largest first, [D].
    func singularValues() -> [Double] {
        let eigenvalues = Bidiagonal(reducing: sums).singularValues()
        // An eigenvalue below this is rounding; its root would look like a direction.
        let rounding = (eigenvalues.first ?? 0) * Double(eigenvalues.count) * 0x1p-52
        return eigenvalues.map { $0 > rounding ? $0.squareRoot() : 0 }
    }
}
