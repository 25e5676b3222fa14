import Diagnostics
import TensorCore
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a measure must not depend on, and values that are known without measuring.
@Suite struct MeasurePropertyTests {
    private static let directional = [
        "rankme", "effective_rank", "effective_rank_eigen", "participation_ratio", "nesum", "condition_number",
        "alpha_req", "live_directions", "mean_cosine", "mean_norm_ratio", "uniformity",
    ]

    private func compare(
        _ a: FeatureMatrix, _ b: FeatureMatrix, _ names: [String], tolerance: Double = 1e-5,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (one, other) = (FeatureDiagnostics(a), FeatureDiagnostics(b))
        for name in names {
            let (x, y) = (try #require(one[name]), try #require(other[name]))
            #expect(abs(x - y) <= tolerance * max(abs(x), 1e-3), "\(name): \(x), \(y)", sourceLocation: sourceLocation)
        }
    }

    /// Columns of decaying scale around a mean that is not zero.
    private var sample: FeatureMatrix {
        let normal = normalMatrix(rows: 300, columns: 12, seed: 21)
        let values = normal.values.enumerated().map { index, value in
            value / Float(1 + index % 12) + Float(index % 3) * 0.3
        }
        return FeatureMatrix(rows: 300, columns: 12, values: values)
    }

    @Test("a rotation changes no measure of spectrum or angle")
    func rotation() throws {
        // A Householder reflection I − 2 v vᵀ and one more: orthogonal, and dense.
        var values = sample.values.map(Double.init)
        for seed in [1, 2] as [UInt64] {
            let direction = normalMatrix(rows: 1, columns: 12, seed: seed).values.map(Double.init)
            let squares = direction.reduce(0) { $0 + $1 * $1 }
            for row in 0..<300 {
                let product = (0..<12).reduce(0.0) { $0 + values[row * 12 + $1] * direction[$1] }
                for j in 0..<12 { values[row * 12 + j] -= 2 * product / squares * direction[j] }
            }
        }
        let rotated = FeatureMatrix(rows: 300, columns: 12, values: values.map { Float($0) })
        try compare(sample, rotated, Self.directional)
        // Measures of single dimensions do depend on the axes.
        let (a, b) = (FeatureDiagnostics(sample)["std_min"], FeatureDiagnostics(rotated)["std_min"])
        #expect(1.1 * (a ?? 0) < (b ?? 0))
    }

    @Test("a scale changes stds in proportion and nothing else")
    func scaling() throws {
        let scaled = FeatureMatrix(rows: 300, columns: 12, values: sample.values.map { $0 * 8 })
        try compare(sample, scaled, Self.directional + ["std_low_share", "normalised_std_mean"], tolerance: 1e-12)
        let (a, b) = (FeatureDiagnostics(sample), FeatureDiagnostics(scaled))
        for name in ["std_mean", "std_min"] {
            #expect(abs((b[name] ?? .nan) - 8 * (a[name] ?? .nan)) <= 1e-12 * (b[name] ?? .nan))
        }
        for (x, y) in zip(a.singularValues, b.singularValues) { #expect(abs(y - 8 * x) <= 1e-11 * y) }
    }

    @Test("the smallest and largest scales change no measure of form", arguments: [-100, -66, -40, 60])
    func anyScale(exponent: Int) throws {
        // Powers of two, which change no digit of a float32.
        let scale = Float(sign: .plus, exponent: exponent, significand: 1)
        let scaled = FeatureMatrix(rows: 300, columns: 12, values: sample.values.map { $0 * scale })
        try compare(sample, scaled, Self.directional + ["std_low_share", "normalised_std_mean"], tolerance: 1e-12)
        let (a, b) = (FeatureDiagnostics(sample), FeatureDiagnostics(scaled))
        for name in ["std_mean", "std_min"] {
            let expected = Double(scale) * (a[name] ?? .nan)
            #expect(abs((b[name] ?? .nan) - expected) <= 1e-12 * expected, "\(name)")
        }
        // A row that is rounding beside the others has no direction of its own, at any scale.
        var values = scaled.values
        for j in 0..<12 { values[j] = 0 }
        let still = FeatureDiagnostics(FeatureMatrix(rows: 300, columns: 12, values: values))
        for j in 0..<12 { values[j] = scale * (j == 3 ? 0x1p-45 : 0) }
        let faint = FeatureDiagnostics(FeatureMatrix(rows: 300, columns: 12, values: values))
        let (x, y) = (still["mean_cosine"] ?? .nan, faint["mean_cosine"] ?? .nan)
        #expect(abs(x - y) <= 1e-3, "\(x), \(y)")
    }

    @Test("rows that stand twice change no measure of the spectrum's form")
    func duplication() throws {
        let doubled = FeatureMatrix(rows: 600, columns: 12, values: sample.values + sample.values)
        try compare(
            sample, doubled,
            Self.directional.filter { !["mean_cosine", "uniformity"].contains($0) } + ["std_low_share"])
        let (a, b) = (FeatureDiagnostics(sample), FeatureDiagnostics(doubled))
        // σ of [Z; Z] is √2 σ, and the std loses (n − 1)/n against (2n − 1)/2n.
        for (x, y) in zip(a.singularValues, b.singularValues) { #expect(abs(y - 2.0.squareRoot() * x) <= 1e-11 * y) }
        let ratio = (2 * 299.0 / 599).squareRoot()
        #expect(abs((b["std_mean"] ?? .nan) - ratio * (a["std_mean"] ?? .nan)) <= 1e-9)
    }

    @Test("the order of rows changes nothing")
    func order() throws {
        var order = Array(0..<300)
        var stream = RandomStream(seed: 3, purpose: .tests)
        stream.shuffle(&order)
        try compare(sample, sample.selecting(rows: order), Self.directional + ["std_mean", "std_min"], tolerance: 1e-9)
    }

    @Test(
        "one-hot rows have the entropy of their counts",
        arguments: [[40, 40, 40, 40], [100, 50, 10], [7, 1, 1, 1, 90]])
    func oneHot(counts: [Int]) throws {
        // Rows eᵢ, counts[i] times: σᵢ = √counts[i].
        let columns = counts.count
        var values: [Float] = []
        for (hot, count) in counts.enumerated() {
            for _ in 0..<count { values += (0..<columns).map { $0 == hot ? 1 : 0 } }
        }
        let rows = counts.reduce(0, +)
        let diagnostics = FeatureDiagnostics(FeatureMatrix(rows: rows, columns: columns, values: values))
        let sigma = counts.map { Double($0).squareRoot() }.sorted(by: >)
        #expect(zip(diagnostics.singularValues, sigma).allSatisfy { abs($0 - $1) <= 1e-12 * sigma[0] })
        let total = sigma.reduce(0, +)
        let entropy = sigma.reduce(0.0) { $0 - $1 / total * log($1 / total) }
        let rankMe = try #require(diagnostics["rankme"])
        #expect(abs(rankMe - exp(entropy)) <= 1e-4 * exp(entropy))
        // cos is 1 within a class and 0 between.
        let pairs = Double(rows * (rows - 1))
        let same = counts.reduce(0.0) { $0 + Double($1 * ($1 - 1)) }
        #expect(abs((diagnostics["mean_cosine"] ?? .nan) - same / pairs) <= 1e-12)
    }

    @Test("a known spectrum is a known α")
    func powerLaw() throws {
        // ±√λⱼ eⱼ: the covariance is diagonal with λⱼ ∝ j^−1.5.
        let columns = 20
        var values = [Float](repeating: 0, count: 2 * columns * columns)
        for j in 0..<columns {
            let size = Float(pow(Double(j + 1), -0.75))
            values[2 * j * columns + j] = size
            values[(2 * j + 1) * columns + j] = -size
        }
        let diagnostics = FeatureDiagnostics(FeatureMatrix(rows: 2 * columns, columns: columns, values: values))
        #expect(abs((diagnostics["alpha_req"] ?? .nan) - 1.5) <= 1e-6)
        #expect(diagnostics["live_directions"] == 1)
    }
}
