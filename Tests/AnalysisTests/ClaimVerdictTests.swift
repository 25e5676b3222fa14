import ExperimentSpec
import RunStore
import Testing

@testable import Analysis

/// Claims judged by runs in memory.
@Suite struct ClaimVerdictTests {
    typealias Fixture = ExperimentFixture

    private static let knn = MetricSelector(
        name: "knn_20", table: "evaluation/target", column: "knn_20", reduction: .last)

    /// Runs of two arms whose paired differences are given, in points.
    private func runs(_ differences: [Double], rankme: [Double] = []) -> [RunOutcome] {
        differences.enumerated().flatMap { seed, difference in
            let base = 0.6 + 0.01 * Double(seed % 3)
            return [
                Fixture.run("ijepa", seed: seed, knn: base),
                Fixture.run(
                    "cjepa", seed: seed, knn: base + difference / 100,
                    rankme: rankme.indices.contains(seed) ? rankme[seed] : 24),
            ]
        }
    }

    private func claim(atLeast: Double? = nil, atMost: Double? = nil) -> Claim {
        Claim(arm: "cjepa", minus: "ijepa", metric: "knn_20", atLeast: atLeast, atMost: atMost, unit: .points)
    }

    @Test(
        arguments: [
            // The 95 % interval of 1.0, 1.2, 1.4, 1.2 is 1.2 ± 0.26 points.
            (0.5, nil, .supported), (0.94, nil, .supported), (1.0, nil, .cannotTell),
            (1.4, nil, .cannotTell), (1.5, nil, .contradicted), (nil, 1.5, .supported), (nil, 1.0, .cannotTell),
            (nil, 0.9, .contradicted), (0.9, 1.5, .supported), (-0.5, 0.5, .contradicted), (1.1, 2.0, .cannotTell),
        ] as [(Double?, Double?, ClaimVerdict.Outcome)])
    func `the interval against the bounds decides`(
        atLeast: Double?, atMost: Double?, outcome: ClaimVerdict.Outcome
    ) {
        let verdict = ClaimVerdict(
            claim(atLeast: atLeast, atMost: atMost), runs: runs([1.0, 1.2, 1.4, 1.2]), metric: Self.knn)
        #expect(verdict.outcome == outcome, "\(verdict.reason)")
        #expect(verdict.n == 4)
        #expect(abs((verdict.mean ?? .nan) - 0.012) <= 1e-12)
    }

    @Test func `two seeds cannot tell, however clear they look`() {
        let verdict = ClaimVerdict(claim(atLeast: 0.5), runs: runs([9, 9.01]), metric: Self.knn)
        #expect(verdict.outcome == .cannotTell)
        #expect(verdict.reason == "2 seeds, and 3 are needed")
    }

    @Test func `a metric that no run holds and runs that failed leave the claim open`() {
        #expect(ClaimVerdict(claim(atLeast: 0), runs: runs([1, 2, 3]), metric: nil).outcome == .cannotTell)
        var failed = runs([1, 2, 3])
        for index in failed.indices { failed[index].status = .failed }
        let verdict = ClaimVerdict(claim(atLeast: 0), runs: failed, metric: Self.knn)
        #expect(verdict.outcome == .cannotTell && verdict.n == 0)
    }

    @Test(arguments: [
        ([1.4, 1.5, 1.3], true, ClaimVerdict.Outcome.supported), ([1.4, 1.5, 1.3], false, .contradicted),
        ([24, 23, 22], true, .contradicted), ([24, 23, 22], false, .supported), ([1.4, 24, 23], true, .cannotTell),
        ([1.4, 24, 23], false, .cannotTell), ([1.4, 1.5], true, .cannotTell),
    ])
    func `collapse is judged by every run`(
        rankme: [Double], collapses: Bool, outcome: ClaimVerdict.Outcome
    ) {
        let verdict = ClaimVerdict(
            Claim(arm: "cjepa", collapses: collapses), runs: runs(rankme.map { _ in 0 }, rankme: rankme),
            metric: nil)
        #expect(verdict.outcome == outcome, "\(verdict.reason)")
        #expect(verdict.reason.hasPrefix("\(rankme.count { $0 < 4.8 }) of \(rankme.count) runs collapsed"))
    }
}
