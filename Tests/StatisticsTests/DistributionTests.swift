import Statistics
import Testing

/// Special functions and distributions against scipy; the tolerances are those that docs/statistics.md names.
@Suite struct DistributionTests {
    @Test func `The incomplete beta function is scipy's to 1e-12`() throws {
        for row in try GoldenStatistics.load().incompleteBeta {
            let value = SpecialFunctions.incompleteBeta(row[0], a: row[1], b: row[2])
            #expect(agrees(value, row[3], within: 1e-12), "I_\(row[0])(\(row[1]), \(row[2])): \(value), not \(row[3])")
        }
    }

    @Test func `The incomplete beta function ends at 0 and 1`() {
        #expect(SpecialFunctions.incompleteBeta(0, a: 2, b: 3) == 0)
        #expect(SpecialFunctions.incompleteBeta(1, a: 2, b: 3) == 1)
    }

    @Test func `Normal quantiles are scipy's to 1e-14 and undo the cumulative function`() throws {
        for row in try GoldenStatistics.load().normalQuantile {
            let value = SpecialFunctions.normalQuantile(row[0])
            #expect(abs(value - row[1]) <= 1e-14 * max(1, abs(row[1])), "\(row[0]): \(value), not \(row[1])")
        }
        #expect(SpecialFunctions.normalQuantile(0) == -.infinity)
        #expect(SpecialFunctions.normalQuantile(1) == .infinity)
    }

    @Test func `Student quantiles are scipy's to 1e-12`() throws {
        for row in try GoldenStatistics.load().studentQuantile {
            let value = StudentDistribution.quantile(row[0], degreesOfFreedom: row[1])
            #expect(agrees(value, row[2], within: 1e-12), "\(row): \(value)")
        }
    }

    @Test func `Student tails keep their digits where they are tiny`() throws {
        for row in try GoldenStatistics.load().studentTwoSidedTail {
            let value = StudentDistribution.twoSidedTail(row[0], degreesOfFreedom: row[1])
            #expect(agrees(value, row[2], within: 1e-11), "\(row): \(value)")
        }
    }

    @Test func `The noncentral t distribution is scipy's to 1e-12`() throws {
        for row in try GoldenStatistics.load().noncentralCumulative {
            let value = StudentDistribution.noncentralCumulative(
                row[0], degreesOfFreedom: row[1], noncentrality: row[2])
            #expect(abs(value - row[3]) <= 1e-12, "\(row): \(value)")
        }
    }

    @Test func `Without noncentrality it is Student's own`() {
        for t in [-3.0, -0.2, 0, 0.7, 4] {
            let value = StudentDistribution.noncentralCumulative(t, degreesOfFreedom: 5, noncentrality: 0)
            #expect(abs(value - StudentDistribution.cumulative(t, degreesOfFreedom: 5)) <= 1e-14)
        }
    }
}
