import TensorCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// log mean exp(−2‖x − y‖²) over pairs of different L2-normalised rows (Wang & Isola, ICML 2020).
struct Uniformity: Sendable {
    /// Up to here every pair is counted; above, the pairs of a seeded choice of so many rows.
    static let exactRows = 2048

    let value: Double
    /// Rows whose pairs were counted.
    let rows: Int

    /// - Parameters:
    ///   - features: [n, D], finite, n ≥ 2.
    ///   - rowFactors: 1/‖row‖, [n].
    ///   - seed: For the choice of rows where there are more than `exactRows`.
    init(of features: FeatureMatrix, rowFactors: [Double], seed: UInt64) {
        var chosen = Array(0..<features.rows)
        if chosen.count > Self.exactRows {
            var stream = RandomStream(seed: seed, purpose: .subset)
            stream.shuffle(&chosen)
            chosen = chosen.prefix(Self.exactRows).sorted()
        }
        var normalized = PaddedMatrix(rows: chosen.count, columns: features.columns)
        for (target, source) in chosen.enumerated() {
            for j in 0..<features.columns {
                normalized[target, j] = Double(features.values[source * features.columns + j]) * rowFactors[source]
            }
        }
        rows = chosen.count
        value = Self.value(normalized)
    }

    private static func value(_ x: PaddedMatrix) -> Double {
        let (rows, stride) = (x.rows, x.stride)
        // The mean of exp(−2d²) − 1, so that nearly equal rows keep their digits.
        var sum = 0.0
        x.storage.withUnsafeBufferPointer { storage in
            for i in 1..<rows {
                var sumOfRow = 0.0
                for j in 0..<i {
                    var squares = SIMD8<Double>.zero
                    for k in 0..<stride {
                        let difference = storage[i * stride + k] - storage[j * stride + k]
                        squares += difference * difference
                    }
                    sumOfRow += expm1(-2 * squares.sum())
                }
                sum += sumOfRow
            }
        }
        return log1p(sum / (Double(rows) * Double(rows - 1) / 2))
    }
}
