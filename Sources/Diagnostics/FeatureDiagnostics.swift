/// What a feature matrix says about collapse: its scale, its directions and its rank, every sum in Double.
///
/// The same matrix gives 16, 96 or 306 as "its rank" by convention; `conventions` states which one each number follows.
package struct FeatureDiagnostics: Sendable {
    package enum Scope: Sendable {
        /// What intermediate evaluations need: RankMe, stds, cosine, and the spectrum. Cheap.
        case essential
        /// Everything.
        case all
    }

    /// Names and numbers, in the order of `conventions`. A number that is not defined for these features is NaN.
    ///
    /// Features that hold a NaN or an infinity, or fewer than two rows, give NaN throughout. `condition_number` is
    /// infinite for a matrix without full rank.
    package let metrics: [(name: String, value: Double)]
    /// Singular values of the features, not centred, largest first; min(n, D) of them, NaN if the features are not finite.
    package let singularValues: [Double]
    package let rows: Int
    package let columns: Int
    /// Rows whose pairs `uniformity` counted; 0 if it was not asked for.
    package let uniformityRows: Int

    /// - Parameters:
    ///   - features: [n, D].
    ///   - scope: Which measures.
    ///   - seed: For the choice of rows that `uniformity` looks at when there are many.
    ///   - affordable: How many products n·D² a spectrum may take before the covariance gives it; see `SingularSpectra`.
    package init(_ features: FeatureMatrix, scope: Scope = .all, seed: UInt64 = 0, affordable: Int = 1 << 30) {
        rows = features.rows
        columns = features.columns
        let names = Self.conventions.filter { scope == .all || $0.isEssential }.map(\.name)
        guard features.rows >= 2, features.columns >= 1, features.isFinite else {
            metrics = names.map { (name: $0, value: .nan) }
            singularValues = Array(repeating: .nan, count: min(features.rows, features.columns))
            uniformityRows = 0
            return
        }
        var values = Self.scaleAndDirection(features)
        let statistics = ColumnStatistics(of: features)
        Self.addDeviations(statistics, to: &values)
        let spectra = SingularSpectra(
            of: features, means: statistics.means, includeCentred: scope == .all, affordable: affordable)
        values["rankme"] = SpectralMeasures.effectiveRank(spectra.uncentred, epsilon: 1e-7)
        if scope == .all {
            Self.addSpectral(spectra, rows: rows, columns: columns, to: &values)
            let uniformity = Uniformity(of: features, rowFactors: Self.inverseNorms(features), seed: seed)
            values["uniformity"] = uniformity.value
            uniformityRows = uniformity.rows
        } else {
            uniformityRows = 0
        }
        metrics = names.map { (name: $0, value: values[$0] ?? .nan) }
        singularValues = spectra.uncentred
    }

    /// The measure of that name; nil if it is not one of this scope's.
    package subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }

    /// 1 / ‖row‖, [n]; rows of zeros stay zeros when multiplied.
    ///
    /// A row shorter than 1e-12 of the longest is rounding and has no direction: it counts as so long. The bound is
    /// relative, so that no measure of directions depends on the scale of the features.
    private static func inverseNorms(_ features: FeatureMatrix) -> [Double] {
        let columns = features.columns
        let norms = features.values.withUnsafeBufferPointer { values in
            (0..<features.rows).map { i in
                var squares = 0.0
                for j in 0..<columns {
                    let value = Double(values[i * columns + j])
                    squares += value * value
                }
                return squares.squareRoot()
            }
        }
        let longest = norms.max() ?? 0
        guard longest > 0 else { return Array(repeating: 0, count: norms.count) }
        return norms.map { 1 / max($0, 1e-12 * longest) }
    }

    private static func scaleAndDirection(_ features: FeatureMatrix) -> [String: Double] {
        let n = Double(features.rows)
        let factors = inverseNorms(features)
        let normalized = ColumnStatistics(of: features, rowFactors: factors)
        let normalizedDeviations = normalized.standardDeviations
        // Σ over pairs of cos = ‖Σ u‖² − Σ ‖u‖², without forming the pairs.
        let squaredMean = normalized.means.reduce(0) { $0 + $1 * $1 }
        let meanSquare = squaredMean + normalized.squaredDeviations.reduce(0, +) / n
        return [
            "normalised_std_mean": normalizedDeviations.reduce(0, +) / Double(features.columns),
            "mean_cosine": (n * squaredMean - meanSquare) / (n - 1),
        ]
    }

    private static func addDeviations(_ statistics: ColumnStatistics, to values: inout [String: Double]) {
        let deviations = statistics.standardDeviations
        let sorted = deviations.sorted()
        let middle = sorted.count / 2
        let median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        let width = Double(deviations.count)
        values["std_mean"] = deviations.reduce(0, +) / width
        values["std_min"] = sorted[0]
        values["std_low_share"] = Double(sorted.count { $0 < 0.01 * median }) / width
        let squaredMean = statistics.means.reduce(0) { $0 + $1 * $1 }
        let meanSquare = squaredMean + statistics.squaredDeviations.reduce(0, +) / Double(statistics.rows)
        values["mean_norm_ratio"] = (squaredMean / meanSquare).squareRoot()
    }

    private static func addSpectral(
        _ spectra: SingularSpectra, rows: Int, columns: Int, to values: inout [String: Double]
    ) {
        let extent = max(rows, columns)
        let eigenvalues = spectra.centred.map { $0 * $0 / Double(rows - 1) }
        let significant = SpectralMeasures.significantCount(spectra.centred, extent: extent)
        values["live_directions"] = SpectralMeasures.liveShare(spectra.centred, of: min(rows - 1, columns))
        values["effective_rank"] = SpectralMeasures.effectiveRank(spectra.centred, epsilon: 1e-7)
        values["effective_rank_eigen"] = SpectralMeasures.effectiveRank(eigenvalues, epsilon: 1e-7)
        values["participation_ratio"] = SpectralMeasures.participationRatio(eigenvalues)
        values["nesum"] = SpectralMeasures.normalizedSum(eigenvalues)
        values["condition_number"] = SpectralMeasures.conditionNumber(spectra.uncentred, extent: extent)
        values["alpha_req"] = SpectralMeasures.decayExponent(eigenvalues, count: significant)
    }
}
