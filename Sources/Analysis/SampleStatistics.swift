/// Mean and spread of one number over seeds.
package struct SampleStatistics: Hashable, Encodable, Sendable {
    /// How many values there are; at least one.
    package let n: Int
    package let mean: Double
    /// Square root of the unbiased variance (divided by n − 1); none for a single value.
    package let standardDeviation: Double?
    /// Half the width of the 95 % confidence interval of the mean: t(n − 1) · sd / √n; none for a single value.
    package let confidenceHalfWidth: Double?

    /// - Parameter values: Finite numbers; none gives no statistics.
    package init?(_ values: [Double]) {
        precondition(values.allSatisfy(\.isFinite), "SampleStatistics: values must be finite, got \(values)")
        guard !values.isEmpty else { return nil }
        n = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        guard values.count > 1 else {
            standardDeviation = nil
            confidenceHalfWidth = nil
            return
        }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = (squares / Double(values.count - 1)).squareRoot()
        standardDeviation = deviation
        confidenceHalfWidth =
            StudentDistribution.quantile(0.975, degreesOfFreedom: values.count - 1) * deviation
            / Double(values.count).squareRoot()
    }

    /// Statistics of `arm − baseline` over the seeds that both have; the pairing removes what seeds share.
    package static func ofDifferences(
        _ arm: [SeedValue], from baseline: [SeedValue]
    ) -> SampleStatistics? {
        let reference = Dictionary(baseline.map { ($0.seed, $0.value) }, uniquingKeysWith: { first, _ in first })
        return SampleStatistics(arm.compactMap { value in reference[value.seed].map { value.value - $0 } })
    }
}

/// One finite number of one seed.
package struct SeedValue: Hashable, Encodable, Sendable {
    package let seed: Int
    package let value: Double

    package init(seed: Int, value: Double) {
        self.seed = seed
        self.value = value
    }
}
