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

    @Test(arguments: [(1.0, "4 more seeds would decide this"), (1.19, "too near"), (0.5, nil)])
    func `an open claim says how many more seeds would decide it`(bound: Double, words: String?) {
        // Mean 1.2, sd 0.163: a distance of 0.2 takes eight seeds.
        let verdict = ClaimVerdict(claim(atLeast: bound), runs: runs([1.0, 1.2, 1.4, 1.2]), metric: Self.knn)
        #expect(verdict.explanation.contains(words ?? verdict.reason), "\(verdict.explanation)")
        #expect((verdict.explanation == verdict.reason) == (words == nil))
        let few = ClaimVerdict(claim(atLeast: 0.5), runs: runs([1.0, 1.2]), metric: Self.knn)
        #expect(few.moreSeeds == nil && few.explanation == few.reason)
    }

    @Test(
        arguments: [
            (0.5, nil, "the whole interval lies at or above 0.5"), (1.0, nil, "the interval contains 1"),
            (4.6, nil, "the whole interval lies below 4.6"), (nil, 1.5, "the whole interval lies at or below 1.5"),
            (nil, 0.9, "the whole interval lies above 0.9"), (0.9, 1.5, "the whole interval lies between 0.9 and 1.5"),
            (1.0, 1.4, "the interval contains 1 and 1.4"), (1.1, 2.0, "the interval contains 1.1"),
        ] as [(Double?, Double?, String)])
    func `the reason says whether the interval excludes what was claimed`(
        atLeast: Double?, atMost: Double?, words: String
    ) {
        let verdict = ClaimVerdict(
            claim(atLeast: atLeast, atMost: atMost), runs: runs([1.0, 1.2, 1.4, 1.2]), metric: Self.knn)
        #expect(verdict.reason == "+1.20 points, 95 % [0.94, 1.46], 4 seeds: \(words)")
    }

    @Test func `effects below zero have a minus sign, and levels are in percent`() {
        let loss = ClaimVerdict(claim(atLeast: -0.5), runs: runs([-1, -1.1, -0.9]), metric: Self.knn)
        #expect(loss.reason == "−1.00 points, 95 % [−1.25, −0.75], 3 seeds: the whole interval lies below −0.5")
        let level = ClaimVerdict(
            Claim(arm: "ijepa", metric: "knn_20", atLeast: 0.57, unit: .fraction), runs: runs([0, 0, 0]),
            metric: Self.knn)
        #expect(level.claim == "ijepa in knn_20 ≥ 57 %")
        #expect(level.reason == "61.0 %, 95 % [58.5, 63.5], 3 seeds: the whole interval lies at or above 57")
    }

    @Test func `numbers that overflow leave a claim open`() {
        let huge = (0..<3).flatMap { seed in
            [Fixture.run("ijepa", seed: seed, knn: -1.5e308), Fixture.run("cjepa", seed: seed, knn: 1.5e308)]
        }
        let verdict = ClaimVerdict(claim(atLeast: 0.5, atMost: 1), runs: huge, metric: Self.knn)
        #expect(verdict.outcome != .supported)
    }

    @Test(arguments: ["target", "context"])
    func `a claim that names no encoder is judged on the table's`(encoder: String) throws {
        let catalog = MetricCatalog(
            columns: Fixture.columns(of: runs([1, 1.1, 0.9])), encoder: encoder)
        let claim = Claim(arm: "cjepa", metric: "knn_20", atLeast: 55, unit: .points)
        let verdict = ClaimVerdict(
            claim, runs: runs([1, 1.1, 0.9]), metric: try catalog.resolve("knn_20", in: ""), encoder: encoder)
        // The fixture's context encoder is a point behind.
        let mean = encoder == "target" ? 0.62 : 0.61
        #expect(abs((verdict.mean ?? .nan) - mean) <= 1e-12)
        #expect(verdict.encoder == encoder)
        #expect(
            verdict.claim
                == (encoder == "target" ? "cjepa in knn_20 ≥ 55 %" : "cjepa in knn_20 (context encoder) ≥ 55 %"))
    }

    @Test func `a claim that names its encoder keeps it in every table, and the table says so`() {
        let claim = Claim(arm: "cjepa", encoder: .target, collapses: true)
        let collapsed = runs([0, 0, 0], rankme: [1.4, 1.5, 1.3])
        let verdict = ClaimVerdict(claim, runs: collapsed, metric: nil, encoder: "context")
        #expect(verdict.encoder == "target" && verdict.outcome == .supported)
        #expect(verdict.claim == "cjepa collapses (target encoder)")
        let other = ClaimVerdict(
            Claim(arm: "cjepa", collapses: true), runs: collapsed, metric: nil, encoder: "context")
        // The fixture has no ranks of the context encoder.
        #expect(other.claim == "cjepa collapses (context encoder)" && other.outcome == .cannotTell)
        let series = MetricSelector(name: "loss", table: "steps", column: "loss", reduction: .tail)
        let loss = ClaimVerdict(
            Claim(arm: "cjepa", metric: "loss", atMost: 1), runs: collapsed, metric: series, encoder: "context")
        #expect(loss.claim == "cjepa in loss ≤ 1" && loss.encoder == nil)
    }

    @Test func `two seeds cannot tell, however clear they look`() {
        let verdict = ClaimVerdict(claim(atLeast: 0.5), runs: runs([9, 9.01]), metric: Self.knn)
        #expect(verdict.outcome == .cannotTell)
        #expect(verdict.reason == "2 seeds, but 3 are needed")
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
