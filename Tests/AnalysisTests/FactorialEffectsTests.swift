import ExperimentSpec
import RunStore
import Statistics
import Testing

@testable import Analysis

/// Marginal means, main effects and interactions against sums done by hand.
@Suite struct FactorialEffectsTests {
    typealias Fixture = ExperimentFixture

    private static let metric = MetricSelector(
        name: "knn_20", table: "evaluation/target", column: "knn_20", reduction: .last)

    private static func factors(_ arms: [String]) -> [Factor] {
        func factor(_ name: String, _ part: Int, _ levels: [String]) -> Factor {
            Factor(
                name: name, levels: levels,
                levelOfArm: arms.map {
                    Factor.ArmLevel(arm: $0, level: String($0.split(separator: ".")[part]))
                })
        }
        return [factor("objective", 0, ["i", "c"]), factor("target", 1, ["ema", "shared"])]
    }

    /// knn = 0.5 + 0.02·[c] + 0.10·[shared] + 0.03·[both] + 0.01·seed, a little noise in one cell.
    private static func runs(without missing: String? = nil) -> [RunOutcome] {
        (0..<3).flatMap { seed in
            ["i.ema", "i.shared", "c.ema", "c.shared"].filter { $0 != missing }.map { arm in
                let (c, shared) = (arm.hasPrefix("c"), arm.hasSuffix("shared"))
                var knn = 0.5 + 0.01 * Double(seed) + (c ? 0.02 : 0) + (shared ? 0.1 : 0)
                if c, shared { knn += 0.03 + 0.002 * Double(seed - 1) }
                return Fixture.run(arm, seed: seed, knn: knn)
            }
        }
    }

    private func effects(without missing: String? = nil) throws -> FactorialEffects {
        let runs = Self.runs(without: missing)
        let arms = Set(runs.map(\.arm)).sorted()
        return try #require(
            FactorialEffects.all(of: runs, factors: Self.factors(arms), baseline: "i.ema", metrics: [Self.metric]).first
        )
    }

    @Test func `main effects are averaged over the other axis within seeds`() throws {
        let levels = try effects().levels
        #expect(levels.map(\.level) == ["i", "c", "ema", "shared"])
        #expect(levels.map(\.isReference) == [true, false, true, false])
        #expect(levels.map(\.cells) == [2, 2, 2, 2])
        let marginals = levels.map { $0.marginal?.mean ?? .nan }
        for (value, expected) in zip(marginals, [0.56, 0.595, 0.52, 0.635]) { #expect(abs(value - expected) <= 1e-12) }
        // (0.02 + 0.05) / 2, and its spread is only that of the noise, halved: seeds themselves drop out.
        let objective = try #require(levels[1].effect)
        #expect(abs(objective.mean - 0.035) <= 1e-12)
        #expect(abs((objective.standardDeviation ?? .nan) - 0.001) <= 1e-12)
        #expect(abs((levels[3].effect?.mean ?? .nan) - 0.115) <= 1e-12)
    }

    @Test func `the interaction is what both levels do beyond each alone`() throws {
        let interaction = try #require(try effects().interactions.first)
        #expect(interaction.levels == ["c", "shared"] && interaction.referenceLevels == ["i", "ema"])
        #expect(abs(interaction.contrast.mean - 0.03) <= 1e-12)
        #expect(interaction.contrast.pairs == 3)
    }

    @Test func `an interaction names each axis once`() throws {
        let contrast = try #require(try effects().interactions.first).contrast
        func name(_ levels: [String]) -> String {
            FactorialEffects.Interaction(
                factors: ["weight", "target"], levels: levels, referenceLevels: ["", ""], cells: 1, contrast: contrast
            ).name
        }
        #expect(name(["weight=0.1", "shared"]) == "weight=0.1 × target=shared")
        #expect(name(["strong", "shared"]) == "weight=strong × target=shared")
    }

    @Test func `a missing cell leaves comparisons over the cells that both sides have`() throws {
        let effects = try effects(without: "c.shared")
        #expect(effects.interactions.isEmpty)
        // Only under ema are both objectives there: the effect is that of this cell, not a mixture.
        #expect(effects.levels[1].effectCells == 1)
        #expect(abs((effects.levels[1].effect?.mean ?? .nan) - 0.02) <= 1e-12)
        #expect(effects.levels.map(\.cells) == [1, 1, 1, 1])
    }

    @Test func `a single axis has no factorial effects`() {
        let runs = Self.runs()
        let factors = Array(Self.factors(["i.ema", "c.ema"]).prefix(1))
        #expect(FactorialEffects.all(of: runs, factors: factors, baseline: "i.ema", metrics: [Self.metric]).isEmpty)
    }
}
