/// The same quantities as other libraries and papers define them, computed by their formulas.
///
/// The same matrix gives 16, 96 or 306 as "its rank": most of the difference is what the spectrum is of, whether it is
/// centred, and the ε. Definitions were read in the sources named here; nothing is taken over from them.
package struct LibraryConvention: Sendable {
    /// One quantity of a library.
    package struct Quantity: Sendable {
        /// As the library calls it.
        package let name: String
        package let convention: String
        /// The measure of `FeatureDiagnostics` that is nearest; none where there is none.
        package let nearest: String?
        let value: @Sendable (Spectra) -> Double
    }

    /// What quantities are computed from.
    package struct Spectra: Sendable {
        /// Singular values of Z, not centred and centred, largest first.
        package let uncentred: [Double]
        package let centred: [Double]
        /// Of L2-normalised rows, mean over dimensions.
        package let normalizedStandardDeviation: Double
        package let uniformity: Double
        package let rows: Int
        package let columns: Int
        /// Eigenvalues of LiDAR's matrix; none where the features are no objects × views.
        package let lidarEigenvalues: [Double]?
    }

    /// As it is given to `--as`.
    package let name: String
    /// Paper or repository, with the file.
    package let source: String
    package let quantities: [Quantity]

    /// Values in the order of `quantities`.
    package func values(_ spectra: Spectra) -> [Double] { quantities.map { $0.value(spectra) } }

    /// Every library that `--as` knows.
    package static let all: [LibraryConvention] = [
        LibraryConvention(
            name: "rankme-paper", source: "Garrido et al., ICML 2023 (arXiv 2210.02885), equations 1 and 2",
            quantities: [
                Quantity(
                    name: "RankMe", convention: "exp(entropy of σ/‖σ‖₁ + 1e-7), σ of Z not centred", nearest: "rankme"
                ) { SpectralMeasures.effectiveRank($0.uncentred, epsilon: 1e-7) }
            ]),
        LibraryConvention(
            name: "roy-vetterli", source: "Roy & Vetterli, EUSIPCO 2007, definition 1",
            quantities: [
                Quantity(
                    name: "effective rank", convention: "exp(entropy of σ/‖σ‖₁) without ε, σ of Z not centred",
                    nearest: "rankme"
                ) { SpectralMeasures.effectiveRank($0.uncentred, epsilon: 0) }
            ]),
        LibraryConvention(
            name: "stable-pretraining",
            source: "github.com/rbalestr-lab/stable-pretraining, stable_pretraining/callbacks/rankme.py and lidar.py",
            quantities: [
                Quantity(
                    name: "RankMe", convention: "exp(entropy of σ/Σσ + 1e-5), σ of Z not centred", nearest: "rankme"
                ) { SpectralMeasures.effectiveRank($0.uncentred, epsilon: 1e-5) },
                Quantity(
                    name: "LiDAR",
                    convention:
                        "exp(entropy of (λ + 1e-8)/Σ(λ + 1e-8)), Sb with 1/(n − 1), Sw with 1/(n(q − 1)) + 1e-4",
                    nearest: "lidar"
                ) { spectra in
                    guard let eigenvalues = spectra.lidarEigenvalues else { return .nan }
                    return SpectralMeasures.effectiveRank(eigenvalues.map { $0 + 1e-8 }, epsilon: 0)
                },
            ]),
        LibraryConvention(
            name: "reptrix", source: "github.com/arnab39/reptrix, reptrix/rankme.py, alpha.py and utils.py",
            quantities: [
                Quantity(
                    name: "get_rankme",
                    convention: "exp(entropy of λ/Σλ + 1e-7), λ eigenvalues of the covariance, the largest 2048",
                    nearest: "effective_rank_eigen"
                ) { spectra in
                    // Explained-variance ratios: the shares are taken before the 2048 largest are.
                    let squares = spectra.centred.map { $0 * $0 }
                    let sum = squares.reduce(0, +)
                    return sum == 0
                        ? 0 : SpectralMeasures.effectiveRank(squares.prefix(2048).map { $0 / sum }, epsilon: 1e-7)
                },
                Quantity(
                    name: "get_alpha",
                    convention: "α of λⱼ ∝ j^(−α), least squares in log-log with weights 1/j over λ₆…λ₁₀₀ "
                        + "(fit_range 5 to 99 from 0; fewer where D is smaller)",
                    nearest: "alpha_req"
                ) { spectra in
                    let count = SpectralMeasures.significantCount(
                        spectra.centred, extent: max(spectra.rows, spectra.columns))
                    return SpectralMeasures.decayExponent(
                        spectra.centred.map { $0 * $0 }, range: 5..<max(5, min(100, count)))
                },
            ]),
        LibraryConvention(
            name: "lightly",
            source:
                "github.com/lightly-ai/lightly, lightly/utils/debug.py (std_of_l2_normalized) and its SimSiam tutorial",
            quantities: [
                Quantity(
                    name: "std_of_l2_normalized",
                    convention: "mean over dimensions of the std of L2-normalised rows, with 1/(n − 1)",
                    nearest: "normalised_std_mean"
                ) { $0.normalizedStandardDeviation },
                Quantity(
                    name: "collapse level", convention: "max(0, 1 − √D · std_of_l2_normalized); 1: collapsed",
                    nearest: nil
                ) { max(0, 1 - Double($0.columns).squareRoot() * $0.normalizedStandardDeviation) },
            ]),
        LibraryConvention(
            name: "wang-isola", source: "Wang & Isola, ICML 2020, uniform_loss with t = 2",
            quantities: [
                Quantity(
                    name: "uniform_loss",
                    convention: "log mean exp(−2‖x − y‖²) over pairs of L2-normalised rows, a seeded 2048 of more",
                    nearest: "uniformity"
                ) { $0.uniformity }
            ]),
    ]
}

extension LibraryConvention.Spectra {
    /// - Parameters:
    ///   - features: [n, D], finite, n ≥ 2.
    ///   - diagnostics: Of the same features, scope `all`.
    package init(_ features: FeatureMatrix, _ diagnostics: FeatureDiagnostics, lidar: LiDAR?) {
        let spectra = SingularSpectra(
            of: features, means: ColumnStatistics(of: features).means, includeCentred: true)
        uncentred = spectra.uncentred
        centred = spectra.centred
        normalizedStandardDeviation = diagnostics["normalised_std_mean"] ?? .nan
        uniformity = diagnostics["uniformity"] ?? .nan
        rows = features.rows
        columns = features.columns
        lidarEigenvalues = lidar.flatMap { $0.eigenvalues.isEmpty ? nil : $0.eigenvalues }
    }
}
