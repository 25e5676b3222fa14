import Statistics

/// Mean and spread of one number over seeds.
package struct SampleStatistics: Hashable, Encodable, Sendable {
    /// How many values there are; at least one.
    package let n: Int
    package let mean: Double
    /// Square root of the unbiased variance (divided by n − 1); none for a single value.
    package let standardDeviation: Double?
    /// Half the width of the 95 % confidence interval of the mean: t(n − 1) · sd / √n; none for a single value.
    package let confidenceHalfWidth: Double?

    /// - Parameter values: Measurable numbers (`Double.isMeasurable`); none gives no statistics.
    package init?(_ values: [Double]) {
        guard let moments = Moments(values) else { return nil }
        n = moments.count
        mean = moments.mean
        standardDeviation = moments.standardDeviation
        confidenceHalfWidth = moments.studentInterval().map { ($0.high - $0.low) / 2 }
    }

    /// Statistics of `arm − baseline` over the seeds that both have; the pairing removes what seeds share.
    package static func ofDifferences(
        _ arm: [SeedValue], from baseline: [SeedValue]
    ) -> SampleStatistics? {
        SampleStatistics(SeedValue.differences(arm, from: baseline))
    }
}

extension Double {
    /// Whether statistics can be taken of it: finite, and its cube too. Nothing that a run measures comes near 1e75, but
    /// a file may hold any number.
    var isMeasurable: Bool { magnitude < 1e75 }
}

/// One finite number of one seed.
package struct SeedValue: Hashable, Encodable, Sendable {
    package let seed: Int
    package let value: Double

    package init(seed: Int, value: Double) {
        self.seed = seed
        self.value = value
    }

    /// `arm − baseline` over the seeds that both have, in the order of the arm's seeds. Two huge numbers, from a damaged
    /// file, may differ by more than a Double holds; such a pair is left out.
    static func differences(_ arm: [SeedValue], from baseline: [SeedValue]) -> [Double] {
        let reference = Dictionary(baseline.map { ($0.seed, $0.value) }, uniquingKeysWith: { first, _ in first })
        return arm.compactMap { value in reference[value.seed].map { value.value - $0 } }.filter(\.isFinite)
    }
}
