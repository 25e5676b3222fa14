import ExperimentSpec
import Testing

@testable import Analysis

@Suite struct ArmStyleTests {
    private func factor(_ name: String, _ levels: [String], _ place: Int, arms: [String]) -> Factor {
        Factor(
            name: name, levels: levels,
            levelOfArm: arms.compactMap { arm in
                let parts = arm.split(separator: ".").map(String.init)
                guard parts.indices.contains(place), levels.contains(parts[place]) else { return nil }
                return Factor.ArmLevel(arm: arm, level: parts[place])
            })
    }

    @Test func `Arms of one level of the first axis share a hue, those of one level of the second a dash`() {
        let arms = ["a.x", "a.y", "a.z", "b.x", "b.y", "b.z"]
        let factors = [factor("one", ["a", "b"], 0, arms: arms), factor("two", ["x", "y", "z"], 1, arms: arms)]
        let styles = ArmStyle.all(arms: arms, factors: factors)
        #expect(styles.map(\.hue) == [0, 0, 0, 1, 1, 1])
        #expect(styles.map(\.dash) == [0, 1, 2, 0, 1, 2])
        #expect(ArmStyle.hue(ofLevel: "b", factor: "one", factors: factors) == 1)
        #expect(ArmStyle.hue(ofLevel: "y", factor: "two", factors: factors) == nil)
    }

    @Test func `With one axis every arm has a hue of its own, and dashes begin where the hues end`() {
        let arms = (0..<10).map { "arm\($0)" }
        let styles = ArmStyle.all(arms: arms, factors: [factor("arm", arms, 0, arms: arms)])
        #expect(styles.prefix(Palette.hues).map(\.hue) == Array(0..<Palette.hues))
        #expect(styles.prefix(Palette.hues).allSatisfy { $0.dash == 0 })
        #expect(styles[8] == ArmStyle(hue: 0, dash: 1) && styles[9] == ArmStyle(hue: 1, dash: 1))
    }

    @Test func `An axis with more levels than hues is the dash, if another has fewer`() {
        let many = (0..<9).map { "m\($0)" }
        let arms = many.flatMap { ["\($0).x", "\($0).y"] }
        let styles = ArmStyle.all(
            arms: arms, factors: [factor("many", many, 0, arms: arms), factor("few", ["x", "y"], 1, arms: arms)])
        #expect(styles.map(\.hue) == arms.map { $0.hasSuffix("x") ? 0 : 1 })
    }

    @Test func `Arms beside the grid look like none of it`() {
        let grid = ["a.x", "a.y", "b.x", "b.y"]
        let arms = grid + ["other", "another"]
        let styles = ArmStyle.all(
            arms: arms,
            factors: [factor("one", ["a", "b"], 0, arms: grid), factor("two", ["x", "y"], 1, arms: grid)])
        #expect(Set(styles).count == arms.count)
        #expect(styles[4].hue == 2 && styles[5].hue == 3)
    }

    @Test func `No two arms look alike while there are looks left`() {
        let (first, second) = ((0..<8).map { "f\($0)" }, (0..<6).map { "s\($0)" })
        let arms = first.flatMap { f in second.map { "\(f).\($0)" } }
        let styles = ArmStyle.all(
            arms: arms, factors: [factor("f", first, 0, arms: arms), factor("s", second, 1, arms: arms)])
        #expect(Set(styles).count == 48)
        // More arms than looks: some repeat, and it ends.
        let more = arms + (0..<20).map { "beside\($0)" }
        #expect(
            ArmStyle.all(
                arms: more, factors: [factor("f", first, 0, arms: arms), factor("s", second, 1, arms: arms)]
            ).count == 68)
    }

    /// Of the published colours, black stands for itself and yellow is darker here, because lines in it vanish on white.
    @Test func `Seven of the eight colours are those of Okabe and Ito`() {
        let published: Set = [
            "#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",
        ]
        #expect(published.intersection(Palette.onWhite).count == 7)
        #expect(Palette.onWhite.count == Palette.onBlack.count)
        #expect(Set(Palette.labelsOnWhite).count == Palette.labelsOnWhite.count)
        #expect(ArmStyle.dashes.count == ArmStyle.markers.count)
    }
}
