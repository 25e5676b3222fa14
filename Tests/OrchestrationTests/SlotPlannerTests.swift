import Orchestration
import Testing

@Suite struct SlotPlannerTests {
    private let gigabyte = 1 << 30

    private func threads(_ demands: [Demand], _ capacity: Capacity) -> [Int?] {
        var planner = SlotPlanner(capacity: capacity)
        return planner.start(demands).map(\.threads)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var memories: [Int]
        var capacity: Capacity
        var threads: [Int?]
    }

    @Test(arguments: [
        Case(
            testDescription: "as many runs as cores, one thread each", memories: [1, 1, 1],
            capacity: Capacity(cores: 2, memoryBytes: 100), threads: [1, 1]),
        Case(
            testDescription: "fewer runs than cores share them", memories: [1, 1, 1],
            capacity: Capacity(cores: 8, memoryBytes: 100), threads: [3, 3, 2]),
        Case(
            testDescription: "memory limits the runs, which then get more threads", memories: [40, 40, 40],
            capacity: Capacity(cores: 4, memoryBytes: 100), threads: [2, 2]),
        Case(
            testDescription: "a run too large for the memory runs alone", memories: [200, 1],
            capacity: Capacity(cores: 4, memoryBytes: 100), threads: [4]),
        Case(
            testDescription: "later runs do not overtake one that does not fit", memories: [60, 60, 1],
            capacity: Capacity(cores: 4, memoryBytes: 100), threads: [4]),
        Case(
            testDescription: "asked-for workers", memories: [1, 1, 1],
            capacity: Capacity(cores: 4, memoryBytes: 100, workers: 1), threads: [4]),
        Case(
            testDescription: "more asked-for workers than cores", memories: [1, 1, 1],
            capacity: Capacity(cores: 2, memoryBytes: 100, workers: 3), threads: [1, 1, 1]),
        Case(
            testDescription: "asked-for threads", memories: [1, 1, 1, 1],
            capacity: Capacity(cores: 4, memoryBytes: 100, threads: 2), threads: [2, 2]),
        Case(
            testDescription: "more asked-for threads than cores", memories: [1, 1],
            capacity: Capacity(cores: 2, memoryBytes: 100, threads: 8), threads: [8]),
    ])
    func startsWhatFits(_ example: Case) {
        #expect(threads(example.memories.map { Demand(memoryBytes: $0) }, example.capacity) == example.threads)
    }

    @Test func aReleasedSlotIsUsedAgainAndKeepsTheBalance() {
        var planner = SlotPlanner(capacity: Capacity(cores: 4, memoryBytes: 100))
        let demands = (0..<4).map { _ in Demand(memoryBytes: 45) }
        let first = planner.start(demands)
        #expect(first.map(\.threads) == [2, 2])
        #expect(planner.start(Array(demands[2...])).isEmpty)
        planner.release(first[0])
        #expect(planner.start(Array(demands[2...])).map(\.threads) == [2])
        #expect(planner.runningCount == 2)
    }

    @Test func predictedTimeFollowsTheSlots() {
        let capacity = Capacity(cores: 2, memoryBytes: 100)
        let demand = Demand(memoryBytes: 1)
        // Two slots: 10 beside 4 and then 4 more; 10 decides.
        let uneven = SlotPlanner.predictedSeconds([demand, demand, demand], seconds: [10, 4, 4], capacity: capacity)
        #expect(abs(uneven - 10) <= 1e-9)
        // Alone, both cores work on it.
        let alone = SlotPlanner.predictedSeconds([demand], seconds: [10], capacity: capacity)
        #expect(abs(alone - 5) <= 1e-9)
        #expect(SlotPlanner.predictedSeconds([], seconds: [], capacity: capacity) == 0)
    }
}
