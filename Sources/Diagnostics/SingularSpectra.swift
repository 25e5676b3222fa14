/// The singular values of a feature matrix, as it is and centred.
struct SingularSpectra: Sendable {
    /// Of Z [n, D]; min(n, D) values, largest first.
    let uncentred: [Double]
    /// Of Z minus its column means; empty if not wanted.
    let centred: [Double]

    /// - Parameters:
    ///   - means: The column means of the features, [D].
    ///   - includeCentred: Whether the centred spectrum is wanted too.
    ///   - affordable: Up to n·D² of this many products, and where n is not far above D, spectra come from a triangular
    ///     factor, exact to machine precision of the largest singular value; above, from the covariance.
    init(of features: FeatureMatrix, means: [Double], includeCentred: Bool, affordable: Int = 1 << 30) {
        let products = features.rows.multipliedReportingOverflow(by: features.columns * features.columns)
        if features.rows >= 4 * features.columns, products.overflow || products.partialValue > affordable {
            var factor = CovarianceFactor(of: features, minus: means)
            centred = includeCentred ? factor.singularValues() : []
            // ZᵀZ = Zcᵀ Zc + n μ μᵀ.
            factor.add(means, weight: Double(features.rows))
            uncentred = factor.singularValues()
            return
        }
        let zeros = [Double](repeating: 0, count: features.columns)
        if features.rows < features.columns {
            uncentred = Self.factor(features, minus: zeros).singularValues()
            centred = includeCentred ? Self.factor(features, minus: means).singularValues() : []
        } else if includeCentred {
            // ZᵀZ = Zcᵀ Zc + n μ μᵀ: the factor of Z is that of the centred matrix and one more row, √n μ.
            let centredFactor = Self.factor(features, minus: means)
            var whole = centredFactor
            let root = Double(features.rows).squareRoot()
            whole.append { row in
                for j in row.indices { row[j] = root * means[j] }
            }
            whole.flush()
            uncentred = whole.singularValues()
            centred = centredFactor.singularValues()
        } else {
            uncentred = Self.factor(features, minus: zeros).singularValues()
            centred = []
        }
    }

    /// The triangular factor of Z − 1 · shiftᵀ, or of its transpose if that is the taller of the two.
    private static func factor(_ features: FeatureMatrix, minus shift: [Double]) -> TriangularFactor {
        let (rows, columns) = (features.rows, features.columns)
        var factor = TriangularFactor(columns: min(rows, columns))
        features.values.withUnsafeBufferPointer { values in
            if rows >= columns {
                for i in 0..<rows {
                    factor.append { row in
                        for j in 0..<columns { row[j] = Double(values[i * columns + j]) - shift[j] }
                    }
                }
            } else {
                for j in 0..<columns {
                    factor.append { row in
                        for i in 0..<rows { row[i] = Double(values[i * columns + j]) - shift[j] }
                    }
                }
            }
        }
        factor.flush()
        return factor
    }
}

extension TriangularFactor {
    /// The singular values of the matrix whose rows were appended, largest first.
    func singularValues() -> [Double] { Bidiagonal(reducing: matrix).singularValues() }
}
