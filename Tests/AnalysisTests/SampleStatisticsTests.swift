import Testing

@testable import Analysis

@Suite struct SampleStatisticsTests {
    @Test func `The standard deviation is the unbiased one`() throws {
        let statistics = try #require(SampleStatistics([2, 4, 4, 4, 5, 5, 7, 9]))
        #expect(statistics.n == 8)
        #expect(statistics.mean == 5)
        let deviation = try #require(statistics.standardDeviation)
        #expect(abs(deviation - (32.0 / 7).squareRoot()) <= 1e-15)
    }

    @Test func `One value has no spread and no value has no statistics`() throws {
        let single = try #require(SampleStatistics([0.7]))
        #expect(single.mean == 0.7)
        #expect(single.standardDeviation == nil)
        #expect(single.confidenceHalfWidth == nil)
        #expect(SampleStatistics([]) == nil)
    }

    @Test func `The interval of three values is t times sd over root n`() throws {
        let statistics = try #require(SampleStatistics([1, 2, 3]))
        let halfWidth = try #require(statistics.confidenceHalfWidth)
        #expect(abs(halfWidth - 4.3026527297 / 3.0.squareRoot()) <= 1e-9)
    }

    @Test func `Differences are taken seed by seed, over the seeds that both arms have`() throws {
        let baseline = [SeedValue(seed: 0, value: 10), SeedValue(seed: 1, value: 20), SeedValue(seed: 3, value: 40)]
        let arm = [SeedValue(seed: 1, value: 21), SeedValue(seed: 2, value: 99), SeedValue(seed: 3, value: 43)]
        let difference = try #require(SampleStatistics.ofDifferences(arm, from: baseline))
        #expect(difference.n == 2)
        #expect(difference.mean == 2)
        // The differences are 1 and 3; unpaired, the spread of the arms themselves would show.
        #expect(difference.standardDeviation == 2.0.squareRoot())
    }

    @Test func `Arms without a common seed have no difference`() {
        let first = [SeedValue(seed: 0, value: 1)]
        let second = [SeedValue(seed: 1, value: 2)]
        #expect(SampleStatistics.ofDifferences(first, from: second) == nil)
    }
}
