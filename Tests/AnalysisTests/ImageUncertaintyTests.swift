import RunStore
import Testing

@testable import Analysis

/// The uncertainty over test images beside that over seeds.
@Suite struct ImageUncertaintyTests {
    typealias Fixture = ExperimentFixture

    /// A run that is right on the first `right` of 400 images.
    private func run(_ arm: String, seed: Int, right: Int, firstImage: Int32 = 0) -> RunOutcome {
        var run = Fixture.run(arm, seed: seed, knn: Double(right) / 400)
        run.predictions["evaluation/target"] = StoredPredictions(
            step: 100, classes: ["knn_20": (0..<400).map { $0 < right ? 3 : 4 }],
            labels: [Int32](repeating: 3, count: 400), indices: (0..<400).map { firstImage + $0 })
        return run
    }

    @Test func `means and differences have a standard error over images, paired by image`() throws {
        let runs = (0..<2).flatMap { [run("ijepa", seed: $0, right: 240), run("cjepa", seed: $0, right: 244)] }
        let table = try Fixture.table(runs)
        let arm = try #require(table.arms[1].cells[0].images)
        #expect(arm.images == 400 && arm.runs == 2)
        // √(0.61 · 0.39 / 400)
        #expect(abs(arm.standardError - 0.02439) <= 0.0025)
        let difference = try #require(table.arms[1].cells[0].differenceImages)
        // The arms differ on 4 of 400 images: √(0.01 · 0.99 / 400).
        #expect(abs(difference.standardError - 0.004975) <= 0.0006)
        #expect(table.arms[0].cells[0].differenceImages == nil)
        // Equal over seeds, so there is no spread of seeds to mix it up with.
        #expect(table.arms[1].cells[0].difference?.standardDeviation ?? 1 <= 1e-12)
        #expect(table.markdown().contains("test images |"))
    }

    @Test func `other test images make no difference over images, and are named`() throws {
        let table = try Fixture.table([
            run("ijepa", seed: 0, right: 240), run("cjepa", seed: 0, right: 250, firstImage: 7),
        ])
        #expect(table.arms[1].cells[0].images != nil)
        #expect(table.arms[1].cells[0].differenceImages == nil)
        #expect(table.notes.contains { $0.hasPrefix("cjepa was scored on different test images") })
    }

    @Test func `runs without stored predictions have none`() throws {
        let table = try Fixture.table([
            Fixture.run("ijepa", seed: 0, knn: 0.6), Fixture.run("cjepa", seed: 0, knn: 0.7),
        ])
        #expect(table.arms.allSatisfy { $0.cells[0].images == nil && $0.cells[0].differenceImages == nil })
        #expect(!table.markdown().contains("test images |"))
    }
}
