import RunStore
import Testing

@testable import Analysis

/// Curves at equal steps and equal compute, and best steps, from series short enough to check by hand.
@Suite struct LearningCurvesTests {
    private static let metric = MetricSelector(
        name: "knn_20", table: "evaluation/target", column: "knn_20", reduction: .last)

    private func run(
        _ arm: String, seed: Int = 0, steps: [Double], knn: [Double], secondsPerStep: Double, flops: Double
    ) -> RunOutcome {
        let all = (1...Int(steps.last!)).map(Double.init)
        return RunOutcome(
            arm: arm, seed: seed, status: .done,
            tables: [
                "evaluation/target": ["step": steps, "knn_20": knn],
                "steps": ["step": all, "step_seconds": all.map { _ in secondsPerStep }],
            ], flopsPerStep: flops)
    }

    private var runs: [RunOutcome] {
        [
            run("slow", steps: [0, 10, 20, 30, 40], knn: [0.5, 0.6, 0.7, 0.8, 0.75], secondsPerStep: 2, flops: 1e9),
            run("fast", steps: [0, 20, 40], knn: [0.5, 0.62, .nan], secondsPerStep: 1, flops: 2e9),
        ]
    }

    private func series(_ axis: LearningCurves.Axis) throws -> LearningCurves.Series {
        let curves = LearningCurves.all(of: runs, arms: ["slow", "fast"], metrics: [Self.metric])
        return try #require(curves.first?.series.first { $0.axis == axis })
    }

    @Test func `equal steps are those at which every run has a number`() throws {
        let steps = try series(.steps)
        #expect(steps.positions == [0, 20])
        #expect(steps.curves.map { $0.points.map { $0?.mean } } == [[0.5, 0.7], [0.5, 0.62]])
    }

    @Test func `equal compute takes the latest evaluation within the budget`() throws {
        // The slow arm spends 40 GFLOP, the fast one 80: budgets are 4, 10, 20, 30 and 40 GFLOP.
        let flops = try series(.flops)
        #expect(flops.positions == [4e9, 1e10, 2e10, 3e10, 4e10])
        #expect(flops.curves[0].points.map { $0?.mean } == [0.5, 0.6, 0.7, 0.8, 0.75])
        #expect(flops.curves[1].points.map { $0?.mean } == [0.5, 0.5, 0.5, 0.5, 0.62])
        // In time it is the other way round: 80 s and 40 s.
        let seconds = try series(.seconds)
        #expect(seconds.positions.last == 40)
        #expect(seconds.curves[0].points.last??.mean == 0.7)
        #expect(seconds.curves[1].points.last??.mean == 0.62)
    }

    @Test func `without a cost of steps there is no curve over compute`() {
        var unknown = runs
        unknown[0].flopsPerStep = nil
        unknown[1].flopsPerStep = nil
        let curves = LearningCurves.all(of: unknown, arms: ["slow", "fast"], metrics: [Self.metric])
        #expect(curves.first?.series.map(\.axis) == [.steps, .seconds])
    }

    @Test func `the best step is beside the last and never at initialisation`() throws {
        let best = try #require(BestSteps.all(of: runs, arms: ["slow", "fast"], metrics: [Self.metric]).first)
        #expect(best.arms.map(\.steps) == [[30], [20]])
        #expect(best.arms.map(\.last.mean) == [0.75, 0.62])
        #expect(best.arms.map(\.best.mean) == [0.8, 0.62])
        #expect(best.arms.map(\.evaluations) == [4, 1])
        #expect(abs(best.arms[0].advantage.mean - 0.05) <= 1e-12)
    }
}
