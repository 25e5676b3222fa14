import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

@Suite struct RunDecisionTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func liveness(alive: Bool, host: String = "here") -> WorkerLiveness {
        WorkerLiveness(host: host, isWorker: { _, _ in alive }, now: { [now] in now })
    }

    private func state(_ status: RunStatus, host: String = "here", age: Double = 0, reason: String? = nil) -> RunState {
        RunState(
            status: status, step: 40, totalSteps: 100, attempts: 1, pid: 123, host: host,
            startedAt: now.addingTimeInterval(-1000), updatedAt: now.addingTimeInterval(-age), exitReason: reason)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var status: RunStatus?
        var hasFiles = true
        var alive = false
        var action: String
        var reason: String
    }

    @Test(arguments: [
        Case(testDescription: "never started", status: nil, action: "start", reason: "planned, not started yet"),
        Case(testDescription: "done", status: .done, action: "skip", reason: "done"),
        Case(testDescription: "collapsed", status: .collapsed, action: "skip", reason: "collapsed: why"),
        Case(
            testDescription: "collapsed without results", status: .collapsed, hasFiles: false, action: "start",
            reason: "collapsed, but run.h5 is missing"),
        Case(
            testDescription: "done without results", status: .done, hasFiles: false, action: "start",
            reason: "done, but run.h5 is missing"),
        Case(
            testDescription: "running", status: .running, alive: true, action: "busy", reason: "running (process 123)"),
        Case(
            testDescription: "running, but dead", status: .running, action: "resume",
            reason: "interrupted: the worker (process 123) is gone; resumes from its checkpoint (step 40 of 100)"),
        Case(
            testDescription: "interrupted", status: .interrupted, action: "resume",
            reason: "interrupted: why; resumes from its checkpoint (step 40 of 100)"),
        Case(
            testDescription: "interrupted before a checkpoint", status: .interrupted, hasFiles: false, action: "start",
            reason: "interrupted: why; no checkpoint, starts over"),
        Case(
            testDescription: "failed", status: .failed, action: "resume",
            reason: "failed: why; resumes from its checkpoint (step 40 of 100)"),
    ])
    func decidesByTheState(_ example: Case) throws {
        let worker = try FakeWorker()
        let run = experiment().runs[0]
        let directory = worker.directory(run.directoryName)
        try directory.save(RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: run))
        if let status = example.status {
            try directory.save(state(status, reason: status == .done || status == .running ? nil : "why"))
        }
        if example.hasFiles {
            try Data().write(to: URL(fileURLWithPath: directory.checkpoints.path(step: 40)))
            try storeResults(at: directory.resultsFile)
        }
        let decision = RunDecision.decide(run, in: directory, liveness: liveness(alive: example.alive))
        #expect(decision.action == example.action)
        #expect(decision.reason == example.reason)
        #expect(decision.willRun == ["start", "resume"].contains(example.action))
        // A start leaves nothing behind that a worker could take for its own; anything else touches nothing.
        try decision.clear(directory, trash: ExperimentTrash(of: ExperimentFolder(path: worker.folder)))
        let keeps = example.hasFiles && example.action != "start"
        #expect(directory.checkpoints.entries.map(\.step) == (keeps ? [40] : []))
    }

    @Test(arguments: [RunStatus.done, .collapsed, .interrupted, .failed])
    func damagedResultsStayUntilTheRunIsAskedForAgain(_ status: RunStatus) throws {
        let worker = try FakeWorker()
        let run = experiment().runs[0]
        let directory = worker.directory(run.directoryName)
        try directory.save(RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: run))
        try directory.save(state(status))
        try storeResults(at: directory.resultsFile)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: directory.resultsFile))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: directory.resultsFile))

        let decision = RunDecision.decide(run, in: directory, liveness: liveness(alive: false))
        #expect(decision.action == "damaged" && !decision.willRun)
        #expect(decision.reason.contains("\(directory.resultsFile): is damaged: its content has the checksum"))
        #expect(decision.reason.contains("`cjepa-exp rerun \(directory.path)`"), "\(decision.reason)")
        try decision.clear(directory, trash: ExperimentTrash(of: ExperimentFolder(path: worker.folder)))
        #expect(FileManager.default.fileExists(atPath: directory.resultsFile))
        #expect(decision.repeated(.fromCheckpoint).action == "restart")
    }

    @Test func aFolderThatDoesNotExistIsNew() {
        let decision = RunDecision.decide(
            experiment().runs[0], in: RunDirectory(path: "/nonexistent/run"), liveness: liveness(alive: false))
        #expect(decision == .start(reason: "new"))
    }

    @Test func aBrokenStateIsAConflictThatNamesTheFile() throws {
        let worker = try FakeWorker()
        let run = experiment().runs[0]
        let directory = worker.directory(run.directoryName)
        try directory.save(RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: run))
        try Data("{".utf8).write(to: URL(fileURLWithPath: directory.stateFile))
        let decision = RunDecision.decide(run, in: directory, liveness: liveness(alive: false))
        #expect(decision.action == "conflict")
        #expect(decision.reason.contains(directory.stateFile))
    }

    @Test func aWorkerOnAnotherMachineCountsWhileItsStateIsFresh() throws {
        let worker = try FakeWorker()
        let directory = worker.directory("run")
        try directory.create()
        try directory.save(state(.running, host: "there", age: 30))
        #expect(try liveness(alive: false).currentState(of: directory)?.status == .running)
        try directory.save(state(.running, host: "there", age: 3600))
        #expect(try liveness(alive: true).currentState(of: directory)?.status == .interrupted)
    }

    @Test func theSystemKnowsAProcessByTheFolderInItsArguments() throws {
        let own = ProcessInfo.processInfo.processIdentifier
        let name = (CommandLine.arguments[0] as NSString).lastPathComponent
        #expect(WorkerLiveness.system.isWorker(own, RunDirectory(path: "/results/" + name)))
        #expect(!WorkerLiveness.system.isWorker(own, RunDirectory(path: "/results/another-run-s0-12345678")))
    }
}
