import ExperimentSpec
import Foundation
import Glibc
import RunStore
import Testing

@testable import Orchestration

@Suite struct ExperimentRunnerTests {
    private func runner(_ worker: FakeWorker) -> ExperimentRunner {
        ExperimentRunner(
            folder: ExperimentFolder(results: worker.folder + "/results", experiment: "trial"),
            scheduler: worker.scheduler(), predictedMemory: { _ in 1 })
    }

    private func run(
        _ runner: ExperimentRunner, _ experiment: Experiment, isPartial: Bool = false, floors: [FloorsRequest] = []
    ) async throws -> RunReport {
        try await runner.run(
            experiment, isPartial: isPartial, floors: floors, interruptions: { 0 }, willStart: { _, _ in },
            report: { _ in })
    }

    /// Gives the worker of every run of an experiment its script.
    private func write(_ steps: [[String]], for experiment: Experiment, in folder: ExperimentFolder) throws {
        for run in experiment.runs {
            let directory = folder.directory(of: run)
            try directory.create()
            try JSONEncoder().encode(steps).write(to: URL(fileURLWithPath: directory.path + "/script.json"))
        }
    }

    private let finished = success + ["results"]

    @Test func whatIsDoneIsSkippedNextTime() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment(seeds: [0, 1])
        try write([finished], for: trial, in: runner.folder)
        let first = try await run(runner, trial)
        #expect(first.runs.map(\.result) == ["done", "done", "done", "done"])
        #expect(first.exitCode == 0)
        let second = try await run(runner, trial)
        #expect(second.runs.map(\.result) == ["skipped", "skipped", "skipped", "skipped"])
        #expect(second.exitCode == 0)
        #expect(worker.journal.count { $0.hasPrefix("start") } == 4)
    }

    @Test func `the first seed of every arm starts before the second of any`() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment(seeds: [3, 1])
        try write([finished], for: trial, in: runner.folder)
        var started: [String] = []
        let report = try await runner.run(
            trial, isPartial: false, floors: [], interruptions: { 0 }, willStart: { _, _ in },
            report: { event in
                if case .started(let job, _, _) = event { started.append(job) }
            })
        #expect(started == [3, 1].flatMap { seed in trial.runs.filter { $0.seed == seed }.map(\.name) })
        #expect(report.runs.map(\.name) == trial.runs.map(\.name) && report.exitCode == 0)
    }

    @Test func plansAndTheRecordAreWritten() async throws {
        let worker = try FakeWorker()
        var runner = runner(worker)
        runner.sourceRevision = "abc"
        let trial = experiment(seeds: [0, 1])
        try write([finished], for: trial, in: runner.folder)
        _ = try await run(runner, trial)
        let plan = try runner.folder.directory(of: trial.runs[1]).loadPlan()
        #expect(plan.run == trial.runs[1])
        #expect(plan.experiment == "trial")
        #expect(plan.sourceRevision == "abc")
        let record = try ExperimentRecord.load(fromExperiment: runner.folder.path)
        #expect(record == ExperimentRecord(trial, floors: []))
    }

    @Test func aSelectionKeepsTheOtherRunsOfTheRecord() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let whole = experiment(arms: ["a", "b", "c"])
        try write([finished], for: whole, in: runner.folder)
        _ = try await run(runner, whole)
        var part = whole
        part.arms = ["b"]
        part.runs = [whole.runs[1]]
        part.runs[0].configurationHash = String(repeating: "9", count: 64)
        try write([finished], for: part, in: runner.folder)
        _ = try await run(runner, part, isPartial: true)
        let record = try ExperimentRecord.load(fromExperiment: runner.folder.path)
        #expect(record.arms == ["a", "b", "c"])
        #expect(record.runs.map(\.directoryName) == ["a-s0-00000000", "b-s0-99999999", "c-s0-22222222"])
    }

    @Test func failuresAreListedWithTheEndOfTheirLogs() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment()
        try write([finished], for: trial, in: runner.folder)
        var bad = trial
        bad.runs = [trial.runs[0]]
        try write([["complain first", "complain loss is nan", "exit 1"]], for: bad, in: runner.folder)
        let report = try await run(runner, trial)
        #expect(report.exitCode == 1)
        #expect(report.runs.map(\.result) == ["failed", "done"])
        #expect(report.runs[0].logTail == ["first", "loss is nan"])
        let text = report.text(goOnWith: "cjepa-exp run trial.spec")
        #expect(text.hasPrefix("trial: 1 done, 1 failed  ("))
        #expect(text.contains("a-s0 failed: exit code 1\n    | first\n    | loss is nan\n"))
        #expect(text.hasSuffix("run the failed runs again with: cjepa-exp run trial.spec"))
    }

    @Test func aSecondRunOnTheSameExperimentIsRefusedWithTheOwnersProcess() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        try FileManager.default.createDirectory(atPath: runner.folder.path, withIntermediateDirectories: true)
        let lock = try ExperimentLock(experimentDirectory: runner.folder.path)
        let pid = ProcessInfo.processInfo.processIdentifier
        await #expect {
            _ = try await run(runner, experiment())
        } throws: { error in
            guard let error = error as? OrchestrationError else { return false }
            return error.code == .locked && error.message.contains("process \(pid)")
        }
        withExtendedLifetime(lock) {}
        #expect(worker.journal.isEmpty)
    }

    @Test func aLockEndsWithItsOwner() throws {
        let worker = try FakeWorker()
        do { _ = try ExperimentLock(experimentDirectory: worker.folder) }
        _ = try ExperimentLock(experimentDirectory: worker.folder)
    }

    @Test func theLockOfAProcessThatWasKilledHoldsNobodyUp() throws {
        let worker = try FakeWorker()
        let script = """
            import fcntl, os, sys, time
            file = open(sys.argv[1] + "/.lock", "w")
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write("%d\\n" % os.getpid())
            file.flush()
            open(sys.argv[1] + "/locked", "w").close()
            time.sleep(600)
            """
        let holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        holder.arguments = ["-c", script, worker.folder]
        try holder.run()
        defer { holder.terminate() }
        let deadline = ContinuousClock.now + .seconds(60)
        while !FileManager.default.fileExists(atPath: worker.folder + "/locked"), ContinuousClock.now < deadline {
            usleep(10_000)
        }
        #expect {
            _ = try ExperimentLock(experimentDirectory: worker.folder)
        } throws: {
            ($0 as? OrchestrationError)?.message.contains("(process \(holder.processIdentifier))") == true
        }
        kill(holder.processIdentifier, SIGKILL)
        holder.waitUntilExit()
        let lock = try ExperimentLock(experimentDirectory: worker.folder)
        #expect(
            try String(contentsOfFile: lock.path, encoding: .utf8) == "\(ProcessInfo.processInfo.processIdentifier)\n")
    }

    @Test func theFailureThatStopsTheOthersDecidesTheExitCode() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        var trial = experiment()
        for index in trial.runs.indices { trial.runs[index].configuration.resources.onFailure = .stop }
        try write([["complain why", "failure data", "exit 1"]], for: trial, in: runner.folder)
        let report = try await run(runner, trial)
        #expect(report.exitCode == 1)
        #expect(report.stoppedBy == "a-s0")
        #expect(report.runs[0].result == "failed" && report.runs[0].failure == .data)
        let text = report.text(goOnWith: "AGAIN")
        #expect(text.contains("stopped by the failure of a-s0 (resources.on_failure: stop)"))
        #expect(text.contains("a-s0 failed (data): "))
        #expect(text.hasSuffix("run the failed runs again with: AGAIN"))
    }

    @Test func floorsAreComputedFirstAndOnce() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment()
        try write([finished], for: trial, in: runner.folder)
        let request = FloorsRequest(
            output: runner.folder.path + "/floors-1.json",
            planFile: runner.folder.directory(of: trial.runs[0]).planFile)
        let first = try await run(runner, trial, floors: [request])
        #expect(first.floors.map(\.result) == ["done"])
        #expect(first.exitCode == 0)
        #expect(try ExperimentRecord.load(fromExperiment: runner.folder.path).floors == ["floors-1.json"])
        let second = try await run(runner, trial, floors: [request])
        #expect(second.floors.isEmpty)
        #expect(worker.journal.filter { $0.hasPrefix("floors") } == ["floors plan.json"])
    }

    @Test func aSelectionKeepsTheFloorsOfTheOtherRuns() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment()
        try write([finished], for: trial, in: runner.folder)
        let planFile = runner.folder.directory(of: trial.runs[0]).planFile
        func request(_ name: String) -> FloorsRequest {
            FloorsRequest(output: runner.folder.path + "/" + name, planFile: planFile)
        }
        func names() throws -> [String]? { try ExperimentRecord.load(fromExperiment: runner.folder.path).floors }
        _ = try await run(runner, trial, floors: [request("floors-1.json")])
        _ = try await run(runner, trial, isPartial: true, floors: [request("floors-2.json")])
        #expect(try names() == ["floors-1.json", "floors-2.json"])
        // The whole matrix needs only what it asks for; the other file stays, but belongs to nothing.
        _ = try await run(runner, trial, floors: [request("floors-2.json")])
        #expect(try names() == ["floors-2.json"])
    }

    @Test func resultsThatCannotBeMadeAreNamedWithTheRemedy() async throws {
        let worker = try FakeWorker()
        let file = worker.folder + "/file"
        try Data().write(to: URL(fileURLWithPath: file))
        var runner = runner(worker)
        runner.folder = ExperimentFolder(results: file, experiment: "trial")
        await #expect {
            _ = try await run(runner, experiment())
        } throws: { error in
            guard let error = error as? OrchestrationError else { return false }
            return error.code == .system && error.path == file + "/trial" && error.remedy?.contains("--results") == true
                && error.description.hasPrefix("\(file)/trial: error: the folder cannot be made (")
        }
    }

    @Test func aFolderWithAnotherConfigurationIsRefusedBeforeAnythingRuns() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment()
        try write([finished], for: trial, in: runner.folder)
        var other = trial.runs[1]
        // The same first eight digits, which name the folder.
        other.configurationHash = String(repeating: "1", count: 63) + "2"
        let directory = runner.folder.directory(of: trial.runs[1])
        try directory.save(RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: other))
        await #expect {
            _ = try await run(runner, trial)
        } throws: { error in
            (error as? OrchestrationError)?.code == .conflict
        }
        #expect(worker.journal.isEmpty)
    }

    @Test func anInterruptedExperimentSaysHowToGoOn() async throws {
        let worker = try FakeWorker()
        let runner = runner(worker)
        let trial = experiment()
        try write([["state running", "exit 75"], finished], for: trial, in: runner.folder)
        let report = try await run(runner, trial)
        #expect(report.exitCode == 75)
        #expect(report.text(goOnWith: "AGAIN").hasSuffix("stopped; resume with: AGAIN"))
        let again = try await run(runner, trial)
        #expect(again.runs.map(\.result) == ["done", "done"])
    }
}
