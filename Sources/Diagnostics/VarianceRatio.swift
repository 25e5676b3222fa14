/// How much of what features vary by lies between images, against within them.
///
/// Between: trace of the covariance of the images' means, with 1/(n − 1). Within: mean squared distance of the chosen
/// patches from their image's mean, times N/(N − 1), which makes it unbiased. 0: every image looks the same on average;
/// infinite: all patches of an image are the same.
package struct VarianceRatio: Sendable {
    package let between: Double
    package let within: Double
    /// between / within; NaN where both are zero or the features are not finite.
    package var value: Double { between / within }

    /// - Parameters:
    ///   - images: Means over patches, [n, D].
    ///   - patches: Of the same images.
    package init(images: FeatureMatrix, patches: PatchFeatures) {
        guard images.rows >= 2, patches.residuals.rows >= 1, images.isFinite, patches.residuals.isFinite else {
            (between, within) = (.nan, .nan)
            return
        }
        let statistics = ColumnStatistics(of: images)
        between = statistics.squaredDeviations.reduce(0, +) / Double(images.rows - 1)
        var sum = 0.0
        for value in patches.residuals.values { sum += Double(value) * Double(value) }
        let count = Double(patches.patchesPerImage)
        within = count > 1 ? sum / Double(patches.residuals.rows) * count / (count - 1) : .nan
    }
}

/// How alike two encoders' features of the same images (or patches) are.
package enum FeatureAgreement {
    /// Mean cosine of the two features of each row; 0 for a row that is zero in either. NaN without rows.
    ///
    /// - Parameter centred: Whether each matrix loses its column means first; otherwise a large common mean makes every
    ///   cosine 1.
    package static func meanCosine(_ a: FeatureMatrix, _ b: FeatureMatrix, centred: Bool) -> Double {
        precondition(
            a.rows == b.rows && a.columns == b.columns, "[\(a.rows), \(a.columns)] and [\(b.rows), \(b.columns)]")
        guard a.rows > 0, a.isFinite, b.isFinite else { return .nan }
        let zeros = [Double](repeating: 0, count: a.columns)
        let meansA = centred ? ColumnStatistics(of: a).means : zeros
        let meansB = centred ? ColumnStatistics(of: b).means : zeros
        var total = 0.0
        for row in 0..<a.rows {
            var (product, squaresA, squaresB) = (0.0, 0.0, 0.0)
            for j in 0..<a.columns {
                let x = Double(a.values[row * a.columns + j]) - meansA[j]
                let y = Double(b.values[row * b.columns + j]) - meansB[j]
                product += x * y
                squaresA += x * x
                squaresB += y * y
            }
            let norms = (squaresA * squaresB).squareRoot()
            if norms > 0 { total += product / norms }
        }
        return total / Double(a.rows)
    }
}
