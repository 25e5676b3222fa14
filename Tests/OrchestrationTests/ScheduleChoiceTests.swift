import ExperimentSpec
import Foundation
import Orchestration
import RunStore
import Testing

@Suite struct ScheduleChoiceTests {
    private let capacity = Capacity(cores: 4, memoryBytes: 100)
    private func demands(_ count: Int, memory: Int = 10) -> [Demand] {
        (0..<count).map { _ in Demand(memoryBytes: memory) }
    }

    private func workers(_ demands: [Demand], _ capacity: Capacity) -> [[Int]] {
        ScheduleChoice.candidates(demands, capacity: capacity).map { [$0.workers, $0.threads] }
    }

    @Test func layoutsGoFromOneByOneToOneARunACore() {
        #expect(workers(demands(9), capacity) == [[1, 4], [2, 2], [4, 1]])
        #expect(workers(demands(3), capacity) == [[1, 4], [2, 2], [3, 1]])
        #expect(workers(demands(9), Capacity(cores: 2, memoryBytes: 100)) == [[1, 2], [2, 1]])
        // As many as memory holds.
        #expect(workers(demands(9, memory: 40), capacity) == [[1, 4], [2, 2]])
    }

    @Test func thereIsNothingToChooseWhereNumbersAreGivenOrOneRunIsLeft() {
        #expect(workers(demands(1), capacity).isEmpty)
        #expect(workers(demands(9, memory: 80), capacity).isEmpty)
        #expect(workers(demands(9), Capacity(cores: 1, memoryBytes: 100)).isEmpty)
        #expect(workers(demands(9), Capacity(cores: 4, memoryBytes: 100, workers: 2)).isEmpty)
        #expect(workers(demands(9), Capacity(cores: 4, memoryBytes: 100, threads: 2)).isEmpty)
        #expect(workers([Demand(memoryBytes: 1, threads: 2), Demand(memoryBytes: 1)], capacity).isEmpty)
    }

    private func choice(_ rates: [Double], runs: Int = 4) -> ScheduleChoice {
        ScheduleChoice(
            measuredOn: "a-s0", aloneImagesPerSecond: 100, demands: demands(runs),
            work: (0..<runs).map { _ in 1000 }, capacity: Capacity(cores: 2, memoryBytes: 100),
            measured: [(1, 2, rates[0]), (2, 1, rates[1])])
    }

    @Test func theLayoutInWhichTheMatrixEndsFirstIsChosen() {
        // Side by side: 2 × 90 images/s; one by one: 150.
        let sideBySide = choice([150, 180])
        #expect(sideBySide.chosen.workers == 2)
        #expect(abs(sideBySide.layouts[0].stepSeconds - 4000 / 150) <= 1e-9)
        #expect(abs(sideBySide.layouts[1].stepSeconds - 4000 / 180) <= 1e-9)
        #expect(abs(sideBySide.gain - 1.2) <= 1e-9)
        let oneByOne = choice([180, 150])
        #expect(oneByOne.chosen.workers == 1)
        #expect(oneByOne.gain == 1)
        // Equal, and so near that it tells nothing.
        #expect(choice([150, 150]).chosen.workers == 2)
        #expect(choice([160, 150]).chosen.workers == 2)
        // The third run starts when the first ends, with the core that is free then: 2000/90 against 3000/150.
        let odd = choice([150, 180], runs: 3)
        #expect(abs(odd.layouts[1].stepSeconds - 2000 / 90.0) <= 1e-9)
        #expect(odd.chosen.workers == 1)
        #expect(
            sideBySide.text
                == "measured on a-s0: 2 at once with 1 thread each: 180 images/s (chosen); "
                + "one by one with 2 threads: 150 images/s")
    }

    @Test func theChoiceDecidesHowManyRunAtOnce() {
        var capacity = Capacity(cores: 2, memoryBytes: 100)
        capacity.preferredWorkers = 1
        var planner = SlotPlanner(capacity: capacity)
        #expect(planner.start(demands(3)).map(\.threads) == [2])
        // What the user says wins.
        capacity.workers = 2
        var asked = SlotPlanner(capacity: capacity)
        #expect(asked.start(demands(3)).map(\.threads) == [1, 1])
    }

    @Test func aRunTakesTheMeasuredNumberAtOnce() async throws {
        let worker = try FakeWorker()
        let trial = experiment(arms: ["a", "b", "c"])
        let folder = ExperimentFolder(path: worker.folder)
        for run in trial.runs { _ = try worker.job(run.directoryName, [success]) }
        var runner = ExperimentRunner(
            folder: folder, scheduler: worker.scheduler(cores: 2), predictedMemory: { _ in 1 })
        runner.schedule = { starting, capacity in
            ScheduleChoice(
                measuredOn: "a-s0", aloneImagesPerSecond: 1, demands: starting.map { _ in Demand(memoryBytes: 1) },
                work: starting.map { _ in 1 }, capacity: capacity, measured: [(1, 2, 9), (2, 1, 1)])
        }
        let report = try await runner.run(
            trial, isPartial: false, floors: [], interruptions: { 0 }, willStart: { _, _ in }, report: { _ in })
        #expect(report.exitCode == 0)
        #expect(report.schedule?.chosen.workers == 1)
        let starts = worker.journal.filter { $0.hasPrefix("start ") }
        #expect(starts == trial.runs.map { "start \($0.directoryName) 2" })
    }
}
