import Foundation
import Testing

@testable import Statistics

/// Tests, intervals and effect sizes against scipy and statsmodels.
@Suite struct PairedComparisonTests {
    @Test func `Every number of a sample is that of scipy and statsmodels`() throws {
        for sample in try GoldenStatistics.load().samples {
            let result = try #require(PairedComparison(sample.values))
            #expect(agrees(result.mean, sample.mean, within: 1e-13), "\(sample.name)")
            #expect(agrees(result.standardDeviation, sample.standardDeviation, within: 1e-13), "\(sample.name)")
            #expect(agrees(result.studentInterval?.low, sample.studentInterval[0], within: 1e-10), "\(sample.name)")
            #expect(agrees(result.studentInterval?.high, sample.studentInterval[1], within: 1e-10), "\(sample.name)")
            #expect(agrees(result.studentP, sample.studentP, within: 1e-11), "\(sample.name)")
            #expect(agrees(result.signFlipP, sample.signFlipP, within: 1e-14), "\(sample.name)")
            #expect(agrees(result.cohenD, sample.cohenD, within: 1e-13), "\(sample.name)")
            #expect(agrees(result.hedgesG, sample.hedgesG, within: 1e-12), "\(sample.name)")
            let power = EffectSize.power(ofEffect: sample.cohenD, pairs: sample.values.count)
            #expect(agrees(power, sample.power ?? 1, within: 1e-10), "\(sample.name)")
        }
    }

    @Test func `BCa intervals over given resamples are scipy's`() throws {
        for sample in try GoldenStatistics.load().bcaOfAllResamples {
            // Every resample once: nⁿ of them.
            let n = sample.values.count
            let replicates = (0..<Int(pow(Double(n), Double(n)))).map { code in
                var (rest, sum) = (code, 0.0)
                for _ in 0..<n {
                    sum += sample.values[rest % n]
                    rest /= n
                }
                return sum / Double(n)
            }
            let interval = BootstrapInterval.accelerated(sample.values, replicates: replicates, level: 0.95)
            let width = sample.expected[1] - sample.expected[0]
            #expect(abs((interval?.low ?? .nan) - sample.expected[0]) <= 1e-9 * width, "\(sample): \(interval as Any)")
            #expect(abs((interval?.high ?? .nan) - sample.expected[1]) <= 1e-9 * width, "\(sample): \(interval as Any)")
            // The seeded resamples are a sample of these, whose means lie on a coarse grid.
            let drawn = try #require(BootstrapInterval.ofMean(sample.values, seed: 3))
            #expect(abs(drawn.low - sample.expected[0]) <= 0.15 * width, "\(sample): \(drawn)")
            #expect(abs(drawn.high - sample.expected[1]) <= 0.15 * width, "\(sample): \(drawn)")
        }
    }

    @Test func `The bootstrap repeats with its seed and differs with another`() {
        let values = [0.3, -0.1, 0.8, 0.4, 0.25, 0.6]
        #expect(BootstrapInterval.ofMean(values, seed: 1) == BootstrapInterval.ofMean(values, seed: 1))
        #expect(BootstrapInterval.ofMean(values, seed: 1) != BootstrapInterval.ofMean(values, seed: 2))
    }

    @Test func `Holm's p-values are statsmodels'`() throws {
        for family in try GoldenStatistics.load().holm {
            for (value, expected) in zip(PairedTest.holm(family.values), family.expected) {
                #expect(agrees(value, expected, within: 1e-14))
            }
        }
        #expect(PairedTest.holm([0.01, nil, 0.04]) == [0.02, nil, 0.04])
    }

    @Test func `The smallest difference that could be found is statsmodels'`() throws {
        for row in try GoldenStatistics.load().detectable {
            let effect = EffectSize.smallestDetectable(pairs: Int(row[0]))
            #expect(agrees(effect, row[1], within: 1e-9), "\(row): \(effect as Any)")
        }
    }

    @Test func `The pairs that a difference needs are the fewest with that power`() throws {
        // Five seeds find 0.6 of 0.79 in 26 %, sixteen in 81 %.
        #expect(abs(EffectSize.power(ofEffect: 0.6 / 0.79, pairs: 5) - 0.26) < 0.005)
        #expect(abs(EffectSize.power(ofEffect: 0.6 / 0.79, pairs: 16) - 0.81) < 0.005)
        #expect(EffectSize.pairsNeeded(toFind: 0.6 / 0.79) == 16)
        for pairs in [4, 7, 30, 200] {
            let effect = try #require(EffectSize.smallestDetectable(pairs: pairs))
            #expect(EffectSize.pairsNeeded(toFind: 1.0001 * effect) == pairs)
            #expect(EffectSize.pairsNeeded(toFind: -0.9999 * effect) == pairs + 1)
        }
        #expect(EffectSize.pairsNeeded(toFind: 100) == 3)
        #expect(EffectSize.pairsNeeded(toFind: 0) == nil && EffectSize.pairsNeeded(toFind: 0.01) == nil)
    }

    @Test(arguments: [1, 2])
    func `Too few pairs say so instead of giving a p-value`(pairs: Int) throws {
        let result = try #require(PairedComparison(Array([0.1, 0.3].prefix(pairs))))
        #expect(result.studentP == nil && result.signFlipP == nil && result.hedgesG == nil)
        #expect(result.bootstrapInterval == nil && result.smallestDetectable == nil)
        #expect(result.remark?.contains("too few for a test") == true)
        #expect((result.studentInterval != nil) == (pairs == 2))
    }

    @Test(arguments: [(3, 0.25), (4, 0.125), (5, 0.0625)])
    func `The remark names the least p-value of so few pairs`(pairs: Int, least: Double) throws {
        let values = [0.3, 0.2, 0.4, 0.1, 0.6].prefix(pairs)
        let result = try #require(PairedComparison(Array(values)))
        // All of one sign: the most extreme pattern there is.
        #expect(result.signFlipP == least)
        #expect(result.remark?.contains("cannot go below \(least)") == true)
    }

    @Test func `Equal differences have no test of spread, and pairs enough no remark`() throws {
        let equal = try #require(PairedComparison([0.1, 0.1, 0.1]))
        #expect(equal.studentP == nil && equal.cohenD == nil && equal.bootstrapInterval == nil)
        #expect(equal.remark?.contains("are equal") == true)
        #expect(try #require(PairedComparison([0.1, 0.2, 0.3, 0.1, 0.4, 0.2])).remark == nil)
        #expect(PairedComparison([]) == nil)
    }

    @Test func `Beyond twenty pairs drawn signs agree with the normal limit`() throws {
        // Differences ±1, 20 of 30 positive: P(|S| ≥ 10) of 30 fair signs is 0.0987 (binomial).
        let values = [Double](repeating: 1, count: 20) + [Double](repeating: -1, count: 10)
        let p = try #require(PairedTest.signFlip(values, seed: 5))
        #expect(abs(p - 0.098737) <= 0.004)
        #expect(PairedTest.signFlip(values, seed: 5) == p)
    }
}
