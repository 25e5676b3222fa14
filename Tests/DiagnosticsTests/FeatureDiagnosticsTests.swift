import Diagnostics
import TensorCore
import TestSupport
import Testing

private let goldenNames = [
    "rankme": "rankme_uncentred",
    "effective_rank": "effective_rank_singular_centred",
    "effective_rank_eigen": "effective_rank_eigen_centred",
    "participation_ratio": "participation_ratio",
    "nesum": "nesum",
    "condition_number": "condition_number_uncentred",
    "alpha_req": "alpha_req_all_eigenvalues",
    "std_mean": "std_mean",
    "std_min": "std_min",
    "normalised_std_mean": "normalised_std_mean",
    "mean_cosine": "mean_offdiagonal_cosine",
    "mean_norm_ratio": "mean_norm_over_rms_norm",
    "uniformity": "uniformity",
]

/// [rows, columns] of standard normal numbers.
func normalMatrix(rows: Int, columns: Int, seed: UInt64) -> FeatureMatrix {
    var stream = RandomStream(seed: seed, purpose: .tests)
    return FeatureMatrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(stream.normal()) })
}

@Suite struct FeatureDiagnosticsTests {
    @Test("agrees with the golden numbers", arguments: ["healthy", "lowrank", "collapsed"])
    func golden(name: String) throws {
        let golden = try GoldenDiagnostics()
        let features = try #require(golden.matrices[name])
        let expected = try #require(golden.expected[name])
        let diagnostics = FeatureDiagnostics(features)
        for (own, theirs) in goldenNames {
            let value = try #require(diagnostics[own], "\(own)")
            let reference = try #require(expected[theirs] as? Double, "\(theirs)")
            #expect(abs(value - reference) <= 1e-7 * abs(reference), "\(own): \(value), expected \(reference)")
        }
        let spectrum = try #require(expected["singular_values_uncentred"] as? [Double])
        #expect(diagnostics.singularValues.count == spectrum.count)
        for (value, reference) in zip(diagnostics.singularValues, spectrum) {
            #expect(abs(value - reference) <= 1e-9 * reference)
        }
    }

    @Test func essentialMeasuresEqualThoseOfTheWholeSet() throws {
        let features = normalMatrix(rows: 100, columns: 13, seed: 1)
        let all = FeatureDiagnostics(features)
        let essential = FeatureDiagnostics(features, scope: .essential)
        #expect(essential.metrics.map(\.name).contains("rankme"))
        #expect(essential.metrics.count < all.metrics.count)
        for (name, value) in essential.metrics {
            let whole = try #require(all[name])
            #expect(abs(whole - value) <= 1e-12 * abs(value), "\(name)")
        }
    }

    @Test func everyMeasureHasAConventionAndAValue() {
        let diagnostics = FeatureDiagnostics(normalMatrix(rows: 60, columns: 5, seed: 2))
        #expect(diagnostics.metrics.map(\.name) == FeatureDiagnostics.conventions.map(\.name))
        #expect(diagnostics.metrics.allSatisfy { $0.value.isFinite })
    }

    @Test func orthogonalFeaturesOfEqualScaleHaveFullRank() throws {
        // Rows ±eᵢ: σ all equal, mean zero.
        let width = 12
        var values = [Float](repeating: 0, count: 2 * width * width)
        for i in 0..<width {
            values[2 * i * width + i] = 3
            values[(2 * i + 1) * width + i] = -3
        }
        let diagnostics = FeatureDiagnostics(FeatureMatrix(rows: 2 * width, columns: width, values: values))
        for name in ["rankme", "effective_rank", "effective_rank_eigen", "participation_ratio", "nesum"] {
            let value = try #require(diagnostics[name])
            #expect(abs(value - 12) <= 1e-4, "\(name)")
        }
        #expect(relativeError(diagnostics.singularValues, Array(repeating: 3 * 2.0.squareRoot(), count: 12)) <= 1e-14)
        #expect(abs((diagnostics["condition_number"] ?? .nan) - 1) <= 1e-13)
        #expect(abs((diagnostics["alpha_req"] ?? .nan)) <= 1e-13)
        // Of 23 other rows one is opposite, the others orthogonal.
        #expect(abs((diagnostics["mean_cosine"] ?? .nan) + 1 / 23.0) <= 1e-13)
        #expect(diagnostics["mean_norm_ratio"] == 0)
        #expect(diagnostics["std_low_share"] == 0)
    }

    @Test func deadDimensionsAreCounted() throws {
        var features = normalMatrix(rows: 200, columns: 10, seed: 3).values
        for i in 0..<200 {
            features[i * 10 + 4] = 0.5
            features[i * 10 + 7] *= 1e-4
        }
        let diagnostics = FeatureDiagnostics(FeatureMatrix(rows: 200, columns: 10, values: features))
        #expect(diagnostics["std_low_share"] == 0.2)
        #expect(diagnostics["std_min"] == 0)
    }

    @Test func rankDeficientFeaturesKeepTheirRank() throws {
        // Columns 3...7 are copies of columns 0...2.
        let basis = normalMatrix(rows: 90, columns: 3, seed: 4).values
        var values: [Float] = []
        for row in 0..<90 {
            for column in 0..<8 { values.append(basis[row * 3 + column % 3]) }
        }
        let diagnostics = FeatureDiagnostics(FeatureMatrix(rows: 90, columns: 8, values: values))
        let sigma = diagnostics.singularValues
        #expect(sigma[2] > 1)
        #expect(sigma[3...].allSatisfy { $0 <= 1e-13 * sigma[0] })
        #expect(diagnostics["condition_number"] == Double.infinity)
        let rankMe = try #require(diagnostics["rankme"])
        #expect(rankMe > 2.5 && rankMe < 3.001)
        let alpha = try #require(diagnostics["alpha_req"])
        #expect(alpha.isFinite && alpha < 2)
    }

    @Test func fewerRowsThanColumnsGiveTheSpectrumOfTheTranspose() throws {
        let wide = normalMatrix(rows: 7, columns: 30, seed: 5)
        var transposed = [Float](repeating: 0, count: 210)
        for i in 0..<7 { for j in 0..<30 { transposed[j * 7 + i] = wide.values[i * 30 + j] } }
        let diagnostics = FeatureDiagnostics(wide)
        let tall = FeatureDiagnostics(FeatureMatrix(rows: 30, columns: 7, values: transposed))
        #expect(diagnostics.singularValues.count == 7)
        #expect(relativeError(diagnostics.singularValues, tall.singularValues) <= 1e-13)
        // Centring takes one of the seven directions.
        let effectiveRank = try #require(diagnostics["effective_rank"])
        #expect(effectiveRank <= 6.001 && effectiveRank > 5)
    }

    @Test func singleColumnHasRankOne() throws {
        let features = normalMatrix(rows: 50, columns: 1, seed: 6)
        let diagnostics = FeatureDiagnostics(features)
        let norm = features.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(diagnostics.singularValues[0] - norm) <= 1e-13 * norm)
        #expect(abs((diagnostics["rankme"] ?? .nan) - 1) <= 1e-6)
        #expect(abs((diagnostics["participation_ratio"] ?? .nan) - 1) <= 1e-12)
        #expect(diagnostics["alpha_req"]?.isNaN == true)
    }

    @Test("features that are all alike have no spread at all", arguments: [0.1, 12345.678, -3e-5] as [Float])
    func constant(value: Float) throws {
        let diagnostics = FeatureDiagnostics(
            FeatureMatrix(rows: 33, columns: 9, values: Array(repeating: value, count: 33 * 9)))
        #expect(diagnostics["std_mean"] == 0)
        #expect(diagnostics["normalised_std_mean"] == 0)
        #expect(diagnostics["effective_rank"] == 0)
        #expect(diagnostics["participation_ratio"] == 0)
        #expect(diagnostics["uniformity"] == 0)
        #expect(abs((diagnostics["rankme"] ?? .nan) - 1) <= 1e-4)
        #expect(abs((diagnostics["mean_cosine"] ?? .nan) - 1) <= 1e-12)
        #expect(abs((diagnostics["mean_norm_ratio"] ?? .nan) - 1) <= 1e-12)
        #expect(diagnostics["condition_number"] == Double.infinity)
    }

    @Test func zerosAreDefined() throws {
        let diagnostics = FeatureDiagnostics(
            FeatureMatrix(rows: 4, columns: 3, values: Array(repeating: 0, count: 12)))
        #expect(diagnostics.singularValues == [0, 0, 0])
        #expect(diagnostics["rankme"] == 0)
        #expect(diagnostics["mean_cosine"] == 0)
        #expect(diagnostics["mean_norm_ratio"]?.isNaN == true)
    }

    @Test("features that are not finite give NaN and end", arguments: [Float.nan, .infinity, -.infinity])
    func nonFinite(value: Float) {
        var values = normalMatrix(rows: 40, columns: 6, seed: 7).values
        values[100] = value
        let diagnostics = FeatureDiagnostics(FeatureMatrix(rows: 40, columns: 6, values: values))
        #expect(diagnostics.metrics.count == FeatureDiagnostics.conventions.count)
        #expect(diagnostics.metrics.allSatisfy { $0.value.isNaN })
        #expect(diagnostics.singularValues.count == 6)
        #expect(diagnostics.singularValues.allSatisfy { $0.isNaN })
        let verdict = CollapseVerdict(diagnostics, rankShare: 0.05, standardDeviation: 0.02)
        #expect(verdict.description == "non-finite")
    }

    @Test("no or one row gives NaN", arguments: [0, 1])
    func tooFewRows(rows: Int) {
        let diagnostics = FeatureDiagnostics(normalMatrix(rows: rows, columns: 4, seed: 8))
        #expect(diagnostics.metrics.allSatisfy { $0.value.isNaN })
    }

    @Test("extreme scales neither overflow nor vanish", arguments: [1e30, 1e-30] as [Float])
    func extremeScale(scale: Float) throws {
        let features = normalMatrix(rows: 80, columns: 11, seed: 9)
        let scaled = FeatureMatrix(rows: 80, columns: 11, values: features.values.map { $0 * scale })
        let (plain, extreme) = (FeatureDiagnostics(features), FeatureDiagnostics(scaled))
        for name in ["rankme", "effective_rank", "participation_ratio", "condition_number", "alpha_req"] {
            let (a, b) = (try #require(plain[name]), try #require(extreme[name]))
            #expect(abs(a - b) <= 1e-5 * abs(a), "\(name)")
        }
    }

    @Test func uniformityOfManyRowsIsThatOfAStatedSample() throws {
        let features = normalMatrix(rows: 3000, columns: 8, seed: 10)
        let first = FeatureDiagnostics(features, seed: 5)
        #expect(first.uniformityRows == 2048)
        #expect(first["uniformity"] == FeatureDiagnostics(features, seed: 5)["uniformity"])
        let other = try #require(FeatureDiagnostics(features, seed: 6)["uniformity"])
        let value = try #require(first["uniformity"])
        #expect(other != value)
        #expect(abs(other - value) <= 0.01 * abs(value))
    }
}
