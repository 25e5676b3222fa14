/// The linear discriminant analysis rank of features (Thilak et al., ICLR 2024).
///
/// exp(entropy of λ/Σλ + ε), where λ are the D eigenvalues of Sw^(−1/2) Sb Sw^(−1/2): between objects, with 1/(n − 1),
/// against within an object, with 1/(n(q − 1)) + δ on the diagonal.
package struct LiDAR: Sendable {
    package let value: Double
    /// λ, largest first, [D]; empty where `value` is NaN.
    package let eigenvalues: [Double]
    /// Variance of an object's views, with 1/(n(q − 1)), mean over dimensions: what δ is added to.
    package let withinVariance: Double

    /// δ of the paper.
    package static let delta = 1e-4

    /// - Parameters:
    ///   - views: [n · q, D]: the q views of the first object, then those of the second, and so on.
    ///   - viewsPerObject: q, at least 2.
    ///   - delta: δ, added to the within-object scatter.
    ///   - epsilon: ε.
    /// - Returns: `value` is NaN for features that are not finite or of fewer than two objects.
    package init(views: FeatureMatrix, viewsPerObject: Int, delta: Double = LiDAR.delta, epsilon: Double = 1e-8) {
        precondition(
            viewsPerObject >= 2 && views.rows % viewsPerObject == 0,
            "\(views.rows) rows are not objects of \(viewsPerObject) views")
        let (objects, columns) = (views.rows / viewsPerObject, views.columns)
        guard objects >= 2, columns >= 1, views.isFinite else {
            value = .nan
            eigenvalues = []
            withinVariance = .nan
            return
        }
        let mean = ColumnStatistics(of: views).means
        let objectMeans = (0..<objects).map { object in
            ColumnStatistics(
                of: views.selecting(
                    rows: Array(object * viewsPerObject..<(object + 1) * viewsPerObject))
            ).means
        }
        // Sw = RᵀR with R the triangular factor of the residuals and of √δ · I, so no digits are lost in products.
        var within = TriangularFactor(columns: columns)
        let weight = 1 / (Double(objects) * Double(viewsPerObject - 1)).squareRoot()
        var trace = 0.0
        for row in 0..<views.rows {
            let own = objectMeans[row / viewsPerObject]
            within.append { target in
                for j in 0..<columns {
                    target[j] = weight * (Double(views.values[row * columns + j]) - own[j])
                    trace += target[j] * target[j]
                }
            }
        }
        withinVariance = trace / Double(columns)
        for diagonal in 0..<columns {
            within.append { target in
                for j in 0..<columns { target[j] = j == diagonal ? delta.squareRoot() : 0 }
            }
        }
        within.flush()
        // λ are the squared singular values of M R⁻¹, rows of M the centred object means times 1/√(n − 1).
        var between = TriangularFactor(columns: columns)
        let scale = 1 / Double(objects - 1).squareRoot()
        for own in objectMeans {
            let solved = Self.solve(within.matrix, (0..<columns).map { scale * (own[$0] - mean[$0]) })
            between.append { target in
                for j in 0..<columns { target[j] = solved[j] }
            }
        }
        between.flush()
        eigenvalues = between.singularValues().map { $0 * $0 }
        value = SpectralMeasures.effectiveRank(eigenvalues, epsilon: epsilon)
    }

    /// x with x · R = b, R upper triangular.
    private static func solve(_ r: PaddedMatrix, _ b: [Double]) -> [Double] {
        var x = b
        for j in x.indices {
            x[j] /= r[j, j]
            let value = x[j]
            for k in (j + 1)..<max(x.count, j + 1) { x[k] -= value * r[j, k] }
        }
        return x
    }
}
