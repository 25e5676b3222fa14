import RunStore
import Testing

@testable import Analysis

/// Waiting for images is told where it is worth a word, with what makes it shorter.
@Suite struct LoaderWaitNoteTests {
    /// A run of four steps of 10 s each, of which `waits` were spent waiting.
    private func run(_ arm: String, seed: Int, waits: [Double]) -> RunOutcome {
        var run = ExperimentFixture.run(arm, seed: seed, knn: 0.7)
        run.tables["steps"]?["step_seconds"] = [10, 10, 10, 10]
        run.tables["steps"]?["loader_wait_seconds"] = waits
        return run
    }

    private func notes(_ runs: [RunOutcome]) throws -> [String] {
        try ExperimentFixture.table(runs).notes.filter { $0.contains("waited") }
    }

    @Test func theWorstRunOfAnArmIsNotedWithTheRemedy() throws {
        let runs = [
            run("ijepa", seed: 0, waits: [0, 0, 0, 0]), run("cjepa", seed: 0, waits: [4, 4, 4, 0]),
            run("cjepa", seed: 1, waits: [8, 8, 4, 0]),
        ]
        let found = try notes(runs)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("cjepa: steps waited up to 50 % of their time for images. ") == true)
        #expect(found.first?.contains("resources.loader_threads") == true)
        #expect(found.first?.contains("data.decode: fast") == true)
    }

    @Test func aTwentiethOrLessOrAFewSecondsAreNotWorthAWord() throws {
        #expect(try notes([run("ijepa", seed: 0, waits: [0.5, 0.5, 0.5, 0.5])]).isEmpty)
        // A quarter of the time, but of 8 s.
        var short = run("ijepa", seed: 0, waits: [0.5, 0.5, 0.5, 0.5])
        short.tables["steps"]?["step_seconds"] = [2, 2, 2, 2]
        #expect(try notes([short]).isEmpty)
        #expect(try notes([run("ijepa", seed: 0, waits: [.nan, .nan, 8, 8])]).count == 1)
    }
}
