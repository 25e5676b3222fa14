import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

/// Runs that cannot fit are refused before anything starts.
@Suite struct FitCheckTests {
    private let trial = experiment(arms: ["a", "b", "c"])
    private let folder = ExperimentFolder(path: "/nonexistent/trial")

    private func check(
        _ limits: ResourceLimits, of prepared: [PreparedRun]? = nil, ranks: Int = 1
    ) -> FitCheck {
        let runs = (prepared ?? folder.decisions(for: trial)).map { item in
            var item = item
            item.run.configuration.resources.ranks = ranks
            return (run: item, cost: item.run.cost)
        }
        return FitCheck(runs, limits: limits, place: "trial.spec", folder: folder)
    }

    private var cost: CostEstimate { trial.runs[0].cost }
    private var needs: [Int] { trial.runs.map(\.cost.memoryBytes) }

    @Test func whatFitsIsNoProblem() throws {
        let most = try #require(needs.max())
        let limits = ResourceLimits(memory: [MemoryLimit(.machine, bytes: most)], freeDiskBytes: 1 << 60)
        let fit = check(limits)
        #expect(fit.problems.isEmpty && fit.fitsMemory)
        try fit.require()
        // What nobody knows is not compared.
        #expect(check(.none).problems.isEmpty)
    }

    @Test(arguments: [
        (MemoryLimit.Source.machine, "this machine has 1.00 MiB", "a machine with more memory"),
        (.controlGroup, "the control group of this process allows 1.00 MiB", "raise that limit"),
        (.addressSpace, "the limit of address space (ulimit -v) is 1.00 MiB", "raise that limit"),
        (.specification, "resources.memory_gib allows 1.00 MiB", "raise resources.memory_gib"),
    ])
    func whatExceedsTheMemoryIsNamedWithNumbersAndRemedy(
        source: MemoryLimit.Source, limit: String, remedy: String
    ) throws {
        let fit = check(ResourceLimits(memory: [MemoryLimit(source, bytes: 1 << 20)], freeDiskBytes: nil))
        #expect(!fit.fitsMemory)
        let problem = try #require(fit.problems.first)
        #expect(fit.problems.count == 1 && problem.code == .tooLarge && problem.path == "trial.spec")
        let most = try #require(needs.max())
        #expect(
            problem.message.hasSuffix(
                "-s0 and 2 other runs need up to about \(Quantity.bytes(most)) of memory each, but \(limit)"),
            "\(problem.message)")
        #expect(problem.remedy?.hasSuffix(remedy) == true)
        #expect(throws: FitError.self) { try fit.require() }
    }

    /// Each process has an address space of its own, while the prediction is that of all.
    @Test func aLimitOfAddressSpaceCountsForEachProcess() throws {
        let needs = trial.runs.map { run in
            var configuration = run.configuration
            configuration.resources.ranks = 2
            return CostEstimate(configuration).memoryBytes
        }
        let half = try #require(needs.max()) / 2
        func limits(_ source: MemoryLimit.Source) -> ResourceLimits {
            ResourceLimits(memory: [MemoryLimit(source, bytes: half)], freeDiskBytes: nil)
        }
        #expect(check(limits(.addressSpace), ranks: 2).fitsMemory)
        #expect(!check(limits(.machine), ranks: 2).fitsMemory)
    }

    @Test func theDiskHasToHoldWhatStaysOfAllRunsAndWhatOneTakesWhileItTrains() throws {
        let needed = check(.none).diskBytes
        #expect(needed == 2 * cost.storedBytes + cost.diskBytes)
        #expect(check(ResourceLimits(memory: [], freeDiskBytes: needed)).problems.isEmpty)
        let fit = check(ResourceLimits(memory: [], freeDiskBytes: needed - 1))
        let problem = try #require(fit.problems.first)
        #expect(problem.path == folder.path && fit.fitsMemory)
        #expect(problem.message.contains("3 runs need about \(Quantity.bytes(needed)) of disk space, but only "))
        #expect(problem.remedy?.contains("--results") == true)
    }

    @Test func whatARunThatIsResumedHasAlreadyIsNotNeededAgain() throws {
        let worker = try FakeWorker()
        var prepared = folder.decisions(for: trial)
        prepared[0].directory = worker.directory("a")
        try prepared[0].directory.create()
        try Data(count: 1000).write(to: URL(fileURLWithPath: prepared[0].directory.resultsFile))
        let fresh = check(.none, of: prepared).diskBytes
        prepared[0].decision = .resume(reason: "interrupted")
        #expect(check(.none, of: prepared).diskBytes == fresh - 1000)
        prepared[0].decision = .restart(reason: "data changed")
        #expect(check(.none, of: prepared).diskBytes == fresh)
    }

    /// The numbers of the largest configuration that a spec may describe would overflow an integer.
    @Test func noNumberIsTooLargeToBeAdded() {
        var configuration = RunConfiguration()
        configuration.training.steps = 1_000_000_000
        configuration.model.width = 1_000_000
        configuration.model.depth = 1000
        configuration.resources.checkpointsKept = 1_000_000_000
        var runs: [PlannedRun] = []
        for seed in 0..<20 {
            runs.append(
                PlannedRun(
                    arm: "a", seed: seed, configuration: configuration, differences: [:],
                    configurationHash: String(repeating: "0", count: 64)))
        }
        let huge = Experiment(
            name: "huge", question: "", expected: "", baseline: "a", arms: ["a"], runs: runs, specPath: "huge.spec")
        let prepared = folder.decisions(for: huge)
        #expect(check(.none, of: prepared).diskBytes == 1_000_000_000_000_000_000)
        let report = PlanReport(
            experiment: huge, prepared: prepared, capacity: Capacity(cores: 2, memoryBytes: 1 << 30, workers: 20)
        ) { configuration in
            let cost = CostEstimate(configuration)
            return PlanReport.Cost(
                parameters: cost.parameters, flopsPerStep: cost.flopsPerStep, steps: cost.steps,
                memoryBytes: cost.memoryBytes, diskBytes: cost.diskBytes)
        }
        #expect(report.totals.diskBytes == 1_000_000_000_000_000_000)
    }

    // MARK: run

    @Test func nothingIsStartedOrMadeForRunsThatCannotFit() async throws {
        let worker = try FakeWorker()
        let folder = ExperimentFolder(results: worker.folder + "/results", experiment: "trial")
        var runner = ExperimentRunner(folder: folder, scheduler: worker.scheduler())
        runner.limits = ResourceLimits(memory: [MemoryLimit(.machine, bytes: 1)], freeDiskBytes: 1)
        let error = await #expect(throws: FitError.self) {
            try await runner.run(
                trial, isPartial: false, floors: [], interruptions: { 0 }, willStart: { _, _ in }, report: { _ in })
        }
        // Both are told.
        #expect(error?.problems.map(\.path) == ["trial.spec", folder.path])
        #expect(worker.journal.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    // MARK: Machine

    @Test func limitsOfControlGroupsAreLookedForAboveTheProcessToo() {
        #expect(
            Machine.controlGroupFolders(cgroups: "0::/a/b\n") == [
                "/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup", "/sys/fs/cgroup/memory",
            ])
        #expect(
            Machine.controlGroupFolders(cgroups: "4:cpu,memory:/x\n1:cpu:/y\n").prefix(2)
                == ["/sys/fs/cgroup/memory/x", "/sys/fs/cgroup/memory"])
        #expect(Machine.memoryLimit.bytes > 0)
    }

    @Test func theLimitOfAddressSpaceIsRead() {
        let line = "Max address space         266240000            unlimited            bytes     \n"
        #expect(Machine.addressSpaceLimit(limits: "Limit Soft Limit\n" + line) == 266_240_000)
        #expect(Machine.addressSpaceLimit(limits: line.replacingOccurrences(of: "266240000", with: "unlimited")) == nil)
        #expect(Machine.addressSpaceLimit(limits: "") == nil)
    }

    @Test func freeSpaceIsThatOfTheNearestFolderThatExists() throws {
        let worker = try FakeWorker()
        let free = try #require(Machine.freeDiskBytes(at: worker.folder))
        #expect(free > 0)
        #expect(Machine.freeDiskBytes(at: worker.folder + "/not/there/yet") != nil)
        // Pseudo file systems have no size.
        #expect(Machine.freeDiskBytes(at: "/proc") == nil)
    }
}
