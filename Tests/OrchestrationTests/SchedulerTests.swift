import Foundation
import Glibc
import RunStore
import Testing

@testable import Orchestration

@Suite struct SchedulerTests {
    private func run(
        _ scheduler: Scheduler, _ jobs: [Job], report: (SchedulerEvent) -> Void = { _ in }
    ) async -> [JobOutcome] {
        await scheduler.run(jobs, interruptions: { 0 }, report: report)
    }

    @Test func runsStartInOrderAndNeverTakeMoreSlotsThanThereAre() async throws {
        let worker = try FakeWorker()
        let names = (0..<6).map { "run\($0)" }
        // The first two wait for each other, so that both slots are seen in use however slowly workers start.
        let meetings = ["run0": ["ready", "wait ready run1"], "run1": ["ready", "wait ready run0"]]
        let jobs = try names.map { try worker.job($0, [(meetings[$0] ?? []) + success]) }
        var started: [String] = []
        let outcomes = await run(worker.scheduler(cores: 2), jobs) {
            if case .started(let job, _, _) = $0 { started.append(job) }
        }
        #expect(outcomes.map(\.name) == names)
        #expect(outcomes.allSatisfy { $0.result == .done && $0.attempts == 1 })
        #expect(started == names)
        var active = 0
        var most = 0
        for line in worker.journal where !line.hasPrefix("ready") {
            active += line.hasPrefix("start") ? 1 : -1
            most = max(most, active)
        }
        #expect(most == 2)
    }

    @Test func aRunThatIsAloneGetsAllCores() async throws {
        let worker = try FakeWorker()
        _ = await run(worker.scheduler(cores: 3), [try worker.job("only", [success])])
        #expect(worker.journal.first == "start only 3")
    }

    @Test func oneFailureStopsNoOtherRun() async throws {
        let worker = try FakeWorker()
        let jobs = [
            try worker.job("bad", [["complain the disk is full", "exit 1"]]),
            try worker.job("crash", [["state running", "kill SIGSEGV"]]),
            try worker.job("good", [success]),
        ]
        let outcomes = await run(worker.scheduler(), jobs)
        #expect(outcomes.map(\.result) == [.failed, .failed, .done])
        #expect(outcomes[0].message == "exit code 1")
        #expect(outcomes[1].message == "crashed with signal SIGSEGV")
        #expect(try worker.log("bad").contains("the disk is full"))
        // The crash left "running" behind; that is put right.
        let state = try #require(try worker.directory("crash").loadState())
        #expect(state.status == .failed)
        #expect(state.exitReason == "crashed with signal SIGSEGV")
        #expect(state.step == 3)
        #expect(state.pid == nil)
        #expect(try worker.directory("bad").loadState()?.status == .failed)
    }

    @Test func aFailureIsTriedAgainAsOftenAsAllowed() async throws {
        let worker = try FakeWorker()
        let jobs = [
            try worker.job("second", [["exit 1"], success], retries: 2),
            try worker.job("never", [["exit 3"]], retries: 2),
        ]
        var retries: [String] = []
        let outcomes = await run(worker.scheduler(), jobs) {
            if case .retrying(let job, _, let reason) = $0 { retries.append("\(job) \(reason)") }
        }
        #expect(outcomes.map(\.result) == [.done, .failed])
        #expect(outcomes.map(\.attempts) == [2, 3])
        #expect(retries.sorted() == ["never exit code 3", "never exit code 3", "second exit code 1"])
    }

    @Test func aWorkerThatLeavesACheckpointOfItsOwnAccordIsInterruptedAndNotTriedAgain() async throws {
        let worker = try FakeWorker()
        let outcomes = await run(
            worker.scheduler(), [try worker.job("moved", [["state running", "exit 75"]], retries: 5)])
        #expect(outcomes.map(\.result) == [.interrupted])
        #expect(outcomes[0].attempts == 1)
        #expect(outcomes[0].message == "stopped before its first checkpoint")
        #expect(try worker.directory("moved").loadState()?.status == .interrupted)
    }

    @Test(arguments: [("non_finite", 1), ("files", 1), ("data", 3), ("error", 3)])
    func whatWouldFailAgainInTheSameWayIsNotTriedAgain(kind: String, attempts: Int) async throws {
        let worker = try FakeWorker()
        let outcomes = await run(
            worker.scheduler(), [try worker.job("bad", [["failure \(kind)", "exit 1"]], retries: 2)])
        #expect(outcomes.map(\.result) == [.failed])
        #expect(outcomes[0].attempts == attempts)
        #expect(try worker.directory("bad").loadState()?.failure?.rawValue == kind)
    }

    @Test func aKillForWantOfMemoryIsToldFromOtherKills() async throws {
        let worker = try FakeWorker()
        let jobs = [
            try worker.job("killed", [["state running", "kill SIGKILL"]]),
            try worker.job("crashed", [["state running", "kill SIGABRT"]]),
        ]
        let folder = worker.folder
        // The system's counter goes up with the first worker that is killed.
        let counter = MemoryKills {
            let journal = (try? String(contentsOfFile: folder + "/journal", encoding: .utf8)) ?? ""
            return journal.contains("end killed") ? 8 : 7
        }
        let outcomes = await run(worker.scheduler(cores: 1, memoryKills: counter), jobs)
        #expect(outcomes.map(\.result) == [.failed, .failed])
        #expect(outcomes[0].message?.hasPrefix("killed by the system because memory ran out") == true)
        #expect(try worker.directory("killed").loadState()?.failure == .outOfMemory)
        #expect(outcomes[1].message == "crashed with signal SIGABRT")
        #expect(try worker.directory("crashed").loadState()?.failure == .crash)

        let outside = try FakeWorker()
        let others = await run(
            outside.scheduler(memoryKills: MemoryKills { 7 }), [try outside.job("killed", [["kill SIGKILL"]])])
        #expect(others[0].message == "signal SIGKILL, sent from outside")
        #expect(try outside.directory("killed").loadState()?.failure == .killed)
    }

    @Test func aWorkerThatWasRefusedMemorySaysSoByItsExitCode() async throws {
        let worker = try FakeWorker()
        let jobs = [try worker.job("refused", [["state running", "exit 71"]])]
        let outcomes = await run(worker.scheduler(), jobs)
        #expect(outcomes[0].result == .failed)
        #expect(
            outcomes[0].message?.hasPrefix("the system refused its request for memory: use fewer runs at once") == true)
        #expect(try worker.directory("refused").loadState()?.failure == .outOfMemory)
    }

    @Test func aLogThatIsALinkIsNotWrittenThrough() async throws {
        let worker = try FakeWorker()
        let job = try worker.job("linked", [["complain a lot"] + success])
        let secret = worker.folder + "/secret"
        try Data("untouched".utf8).write(to: URL(fileURLWithPath: secret))
        try FileManager.default.createSymbolicLink(
            atPath: worker.directory("linked").logFile, withDestinationPath: secret)
        let outcomes = await run(worker.scheduler(), [job])
        #expect(outcomes[0].result == .failed)
        #expect(outcomes[0].message?.contains("log.txt: cannot open: it is a symbolic link") == true)
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == "untouched")
    }

    @Test func theCounterOfMemoryKillsIsFoundWhereverTheSystemKeepsIt() {
        let both = MemoryKills.files(cgroups: "4:memory:/a/b\n1:cpu,cpuacct:/\n0::/c\n")
        #expect(both.prefix(2) == ["/sys/fs/cgroup/memory/a/b/memory.oom_control", "/sys/fs/cgroup/c/memory.events"])
        #expect(both.last == "/proc/vmstat")
        #expect(MemoryKills.number(in: "low 0\noom 3\noom_kill 2\noom_group_kill 1\n") == 2)
        #expect(MemoryKills.number(in: "nr_free_pages 7\n") == nil)
        // The kernel counts since 4.13.
        #expect(MemoryKills.system.count() != nil)
    }

    @Test func oneFailureStopsAllOthersWhereTheSpecSaysSo() async throws {
        let worker = try FakeWorker()
        let jobs = [
            try worker.job("bad", [["wait ready long", "exit 1"]], stopsOthers: true),
            try worker.job("long", [["graceful", "ready", "sleep 600"]]),
            try worker.job("later", [success]),
        ]
        let outcomes = await run(worker.scheduler(cores: 2), jobs)
        #expect(outcomes.map(\.result) == [.failed, .interrupted, .notStarted])
        #expect(outcomes[2].message == "bad failed (resources.on_failure: stop) before it started")
        #expect(try worker.directory("long").loadState()?.status == .interrupted)
    }

    @Test func aCollapsedRunIsAResult() async throws {
        let worker = try FakeWorker()
        let outcomes = await run(worker.scheduler(), [try worker.job("flat", [["state collapsed"]], retries: 2)])
        #expect(outcomes.map(\.result) == [.collapsed])
        #expect(outcomes[0].attempts == 1)
    }

    @Test func exitCodeZeroWithoutADoneStateIsAFailure() async throws {
        let worker = try FakeWorker()
        let outcomes = await run(worker.scheduler(), [try worker.job("early", [["state running"]])])
        #expect(outcomes.map(\.result) == [.failed])
        #expect(outcomes[0].message?.contains("its state says running") == true)
        #expect(try worker.directory("early").loadState()?.status == .failed)
    }

    @Test func anInterruptReachesEveryWorkerAsSIGINTAndTheRestDoesNotStart() async throws {
        let worker = try FakeWorker()
        let jobs = try (0..<4).map {
            try worker.job("run\($0)", [["graceful", "ready", "sleep 600", "state done"]])
        }
        let folder = worker.folder
        var levels: [Int] = []
        let outcomes = await worker.scheduler(cores: 2).run(
            jobs,
            interruptions: {
                let journal = (try? String(contentsOfFile: folder + "/journal", encoding: .utf8)) ?? ""
                return journal.contains("ready run0") && journal.contains("ready run1") ? 1 : 0
            },
            report: { if case .interrupting(let level) = $0 { levels.append(level) } })
        #expect(outcomes.map(\.result) == [.interrupted, .interrupted, .notStarted, .notStarted])
        #expect(levels == [1])
        for name in ["run0", "run1"] {
            let state = try #require(try worker.directory(name).loadState())
            #expect(state.status == .interrupted)
            #expect(state.exitReason == "signal SIGINT")
        }
        #expect(try worker.directory("run2").loadState() == nil)
    }

    @Test func aSecondInterruptKillsAWorkerThatIgnoresTheFirst() async throws {
        let worker = try FakeWorker()
        let folder = worker.folder
        let interruptions = Interruptions()
        var scheduler = worker.scheduler()
        // Only the second interrupt may end it.
        scheduler.patience = StopPatience(stepSeconds: 600)
        let outcomes = await scheduler.run(
            [try worker.job("deaf", [["state running", "ignore", "ready", "sleep 600"]])],
            interruptions: {
                let journal = (try? String(contentsOfFile: folder + "/journal", encoding: .utf8)) ?? ""
                guard journal.contains("ready deaf") else { return 0 }
                interruptions.add()
                // Ignored for a while before the second one comes.
                return interruptions.count > 20 ? 2 : 1
            }, report: { _ in })
        #expect(outcomes.map(\.result) == [.interrupted])
        #expect(outcomes[0].message == "signal SIGKILL")
        #expect(try worker.directory("deaf").loadState()?.status == .interrupted)
    }

    /// Asks once to stop when the worker is ready, and waits.
    private func stop(
        _ job: String, _ steps: [String], patience: StopPatience
    ) async throws -> (outcome: JobOutcome, worker: FakeWorker) {
        let worker = try FakeWorker()
        let folder = worker.folder
        var scheduler = worker.scheduler()
        scheduler.patience = patience
        let outcomes = await scheduler.run(
            [try worker.job(job, [steps])],
            interruptions: {
                let journal = (try? String(contentsOfFile: folder + "/journal", encoding: .utf8)) ?? ""
                return journal.contains("ready \(job)") ? 1 : 0
            }, report: { _ in })
        return (try #require(outcomes.first), worker)
    }

    @Test func aWorkerThatIgnoresARequestToStopIsKilledWhenPatienceRunsOut() async throws {
        let (outcome, worker) = try await stop(
            "deaf", ["state running", "ignore", "ready", "sleep 3600"],
            patience: StopPatience(stepSeconds: 1, killSeconds: 60))
        #expect(outcome.result == .interrupted)
        #expect(outcome.message == "killed because it did not stop within 1s of the request")
        #expect(!worker.journal.contains("end deaf"), "it slept to the end")
        let state = try #require(try worker.directory("deaf").loadState())
        #expect(state.status == .interrupted && state.pid == nil)
    }

    @Test func aProcessThatHoldsTheOutputOfAKilledWorkerOpenDoesNotHoldTheSchedulerUp() async throws {
        let (outcome, worker) = try await stop(
            "held", ["state running", "ignore", "hold", "ready", "sleep 3600"],
            patience: StopPatience(stepSeconds: 0.2, killSeconds: 0.5))
        #expect(outcome.result == .interrupted)
        #expect(!worker.journal.contains("end holder"), "what holds the output slept to the end")
    }

    @Test func whoIsKnownToTakeLongGetsLongToStop() {
        let patience = StopPatience(stepSeconds: 60, phaseSeconds: 600)
        let start = Date(timeIntervalSince1970: 0)
        func step(_ step: Int) -> WorkerEvent { .step(StepReport(step: step, totalSteps: 9, loss: 1)) }
        var pulse = WorkerPulse(startedAt: start)
        #expect(pulse.secondsToStop(patience) == 60)
        pulse.note(step(1), at: start + 100)
        pulse.note(step(2), at: start + 110)
        #expect(pulse.secondsToStop(patience) == 200)
        pulse.note(.phase(name: "evaluating"), at: start + 120)
        #expect(pulse.secondsToStop(patience) == 600)
        pulse.note(.evaluation(step: 2, encoder: "target", metrics: [:]), at: start + 1120)
        #expect(pulse.secondsToStop(patience) == 2000)
        pulse.note(.phase(name: "training"), at: start + 1121)
        #expect(pulse.secondsToStop(patience) == 200)
    }

    @Test func theChildrenOfAProcessAreFound() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "sh -c 'sleep 600; true' & wait"]
        try process.run()
        var found: [Int32] = []
        // A child may have inherited SIGTERM blocked.
        defer { (found + [process.processIdentifier]).forEach { kill($0, SIGKILL) } }
        let deadline = ContinuousClock.now + .seconds(20)
        while found.count < 2, ContinuousClock.now < deadline {
            found = ProcessTree.descendants(of: process.processIdentifier)
            usleep(10_000)
        }
        #expect(found.count == 2)
        #expect(found.allSatisfy { ProcessTree.isAlive($0) })
    }

    @Test func garbageLinesGoToTheLogAndStopNothing() async throws {
        let worker = try FakeWorker()
        let jobs = [try worker.job("noisy", [["garbage", "say {\"event\":\"checkpoint\",\"step\":7}"] + success])]
        var events: [WorkerEvent] = []
        let outcomes = await run(worker.scheduler(), jobs) {
            if case .worker(_, let event) = $0 { events.append(event) }
        }
        #expect(outcomes.map(\.result) == [.done])
        #expect(events == [.checkpoint(step: 7), .end(status: .done, message: nil)])
        let log = try worker.log("noisy")
        #expect(log.contains("plain text"))
        #expect(log.contains("unknown"))
    }

    @Test func noLineIsLostFromAWorkerThatWritesMuchAndExitsAtOnce() async throws {
        let worker = try FakeWorker()
        var steps: [Int] = []
        let outcomes = await run(worker.scheduler(), [try worker.job("quick", [["state done", "flood 20000"]])]) {
            if case .worker(_, .step(let report)) = $0 { steps.append(report.step) }
        }
        #expect(outcomes.map(\.result) == [.done])
        #expect(steps == Array(1...20000))
    }

    @Test func workersGetTheEnvironmentAndAProcessGroupOfTheirOwn() async throws {
        let worker = try FakeWorker()
        var scheduler = worker.scheduler()
        scheduler.command.environment["OPENBLAS_NUM_THREADS"] = "1"
        var phases: [String] = []
        _ = await run(scheduler, [try worker.job("run", [["environment OPENBLAS_NUM_THREADS", "group"] + success])]) {
            if case .worker(_, .phase(let name)) = $0 { phases.append(name) }
        }
        #expect(phases == ["1", "True"])
    }

    @Test func aProgramThatCannotBeStartedIsAFailureThatSaysSo() async throws {
        let worker = try FakeWorker()
        var scheduler = worker.scheduler()
        scheduler.command.executable = worker.folder + "/missing"
        let outcomes = await run(scheduler, [try worker.job("run", [success])])
        #expect(outcomes.map(\.result) == [.failed])
        #expect(outcomes[0].message?.contains("the worker could not be started") == true)
    }

    @Test func nothingToDoIsNothingDone() async throws {
        let worker = try FakeWorker()
        #expect(await run(worker.scheduler(), []).isEmpty)
    }
}
