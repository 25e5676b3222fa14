import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Analysis

/// Which accuracy stands for what is linearly readable.
@Suite struct HeadlineTests {
    @Test(
        arguments: [
            ([["linear", "logistic", "knn_20"], ["linear", "logistic", "logistic_c"]], "logistic"),
            ([["linear", "logistic"], ["linear", "knn_20"]], "linear"), ([["linear"]], "linear"), ([], nil),
            ([["knn_20"], ["knn_20", "linear"]], "knn_20"), ([["loss"]], nil),
        ] as [([Set<String>], String?)])
    func logisticWhereAllRunsHaveIt(columns: [Set<String>], headline: String?) {
        #expect(MetricConvention.headline(among: columns) == headline)
    }

    @Test func theDefaultTableShowsTheHeadlineAlone() {
        let linear = MetricSelector.defaultNames(headline: "linear")
        #expect(linear.contains("linear") && !linear.contains("logistic") && linear.contains("knn_20"))
        let logistic = MetricSelector.defaultNames(headline: "logistic")
        #expect(logistic.contains("logistic") && !logistic.contains("linear"))
        for headline in ["knn_20", nil] {
            #expect(MetricSelector.defaultNames(headline: headline).contains("linear"))
        }
    }

    // MARK: Power

    private func experiment(_ claims: [Claim]) -> Experiment {
        let runs = ["a", "b", "c"].flatMap { arm in
            (0..<5).map { seed in
                var configuration = RunConfiguration()
                configuration.seed = seed
                return PlannedRun(
                    arm: arm, seed: seed, configuration: configuration, differences: [:], configurationHash: arm)
            }
        }
        return Experiment(
            name: "trial", question: "", expected: "", baseline: "a", arms: ["a", "b", "c"], runs: runs,
            specPath: "trial.spec", expectations: claims)
    }

    @Test func withoutResultsTheSpecsSpreadDecides() throws {
        let claims = [
            Claim(arm: "b", minus: "a", metric: "linear", atLeast: 0.6, unit: .points, sd: 0.79),
            Claim(arm: "b", minus: "a", metric: "linear", atLeast: 0.006, unit: .fraction, sd: 0.0079),
            Claim(arm: "b", minus: "a", metric: "linear", atLeast: 0.6, unit: .points),
            Claim(arm: "b", metric: "rankme", atLeast: 20, sd: 2), Claim(arm: "b", collapses: true),
        ]
        let powers = ClaimPower.all(of: experiment(claims), folder: "/nonexistent")
        #expect(powers.count == 5)
        for power in powers.prefix(2) {
            #expect(power.seeds == 5 && power.source == "expect.sd" && power.seedsNeeded == 16)
            #expect(abs((power.chance ?? 0) - 0.26) < 0.005 && abs((power.smallest ?? 0) - 1.33) < 0.005)
        }
        #expect(powers[2].standardDeviation == nil && powers[2].chance == nil)
        #expect(abs((powers[2].smallest ?? 0) - 1.68) < 0.01)
        // Without a difference there is no “no difference”.
        #expect(powers[3].chance == nil && abs((powers[3].smallest ?? 0) - 2 * 1.68) < 0.02)
        #expect(powers[4].claim == "any difference from a in logistic")
    }
}
