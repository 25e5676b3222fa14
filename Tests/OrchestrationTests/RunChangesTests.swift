import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

/// Why a run would be run again: another configuration, other data, other code.
@Suite struct RunChangesTests {
    private let worker: FakeWorker
    private let folder: ExperimentFolder
    private let trial = experiment(arms: ["a"], seeds: [0, 1])

    init() throws {
        worker = try FakeWorker()
        folder = ExperimentFolder(path: worker.folder)
    }

    /// Leaves a run behind as its worker would, with the fingerprint of its data.
    @discardableResult
    private func store(
        _ run: PlannedRun, _ status: RunStatus = .done, revision: String? = "0123456789ab", fingerprint: String = "11"
    ) throws -> RunDirectory {
        let directory = folder.directory(of: run)
        let plan = RunPlan(
            experiment: "trial", question: "", baseline: "a", specPath: "", sourceRevision: revision, run: run)
        try directory.save(plan)
        let writer = try RunWriter.create(
            at: directory.resultsFile, header: RunHeader(plan), configuration: run.configuration)
        writer.setProvenance(["dataset_train_fingerprint": .string(fingerprint)])
        try writer.commit()
        let now = Date()
        try directory.save(
            RunState(status: status, step: 5, totalSteps: 10, host: "here", startedAt: now, updatedAt: now))
        try Data().write(to: URL(fileURLWithPath: directory.checkpoints.path(step: 5)))
        return directory
    }

    private func decision(
        of run: PlannedRun, revision: String? = "0123456789ab", reruns: Bool = false, fingerprint: String = "11"
    ) throws -> RunDecision {
        let context = RunContext(
            sourceRevision: revision, rerunsChangedCode: reruns,
            fingerprints: { _ in ["dataset_train_fingerprint": fingerprint] })
        return try #require(folder.decisions(for: trial, context: context).first { $0.run == run }).decision
    }

    @Test func aChangedConfigurationNamesTheKeysThatDifferFromTheNearestEarlierRun() throws {
        var far = trial.runs[0]
        far.configurationHash = String(repeating: "e", count: 64)
        far.configuration.model.width = 384
        far.configuration.training.batchSize = 77
        try store(far)
        var near = trial.runs[0]
        near.configurationHash = String(repeating: "f", count: 64)
        near.configuration.schedule.learningRate = 0.25
        try store(near)
        #expect(
            try decision(of: trial.runs[0])
                == .start(reason: "configuration changed: schedule.lr 0.25 → 0.001 (since a-s0-ffffffff)"))
        // Another seed has no earlier run.
        #expect(try decision(of: trial.runs[1]) == .start(reason: "new"))
    }

    @Test func keysThatCannotChangeAResultAreNoReason() {
        var other = RunConfiguration()
        other.resources.threads = 7
        other.seed = 3
        #expect(EarlierRuns.differences(RunConfiguration(), other).isEmpty)
    }

    @Test(arguments: [RunStatus.done, .interrupted])
    func otherDataMakesARunStartOver(status: RunStatus) throws {
        try store(trial.runs[0], status)
        let same = try decision(of: trial.runs[0]).action
        #expect(same == (status == .done ? "skip" : "resume"))
        #expect(
            try decision(of: trial.runs[0], fingerprint: "22")
                == .restart(reason: "data changed: dataset_train_fingerprint 11 → 22; starts over"))
    }

    @Test func otherCodeIsToldAndForcesNothingUnlessAsked() throws {
        try store(trial.runs[0])
        #expect(try decision(of: trial.runs[0]) == .skip(reason: "done"))
        #expect(try decision(of: trial.runs[0], revision: nil) == .skip(reason: "done"))
        #expect(
            try decision(of: trial.runs[0], revision: "fedcba987654 (modified)")
                == .skip(reason: "done; code changed since: 01234567 → fedcba98 (modified)"))
        #expect(
            try decision(of: trial.runs[0], revision: "fedcba987654", reruns: true)
                == .restart(reason: "code changed: 01234567 → fedcba98; starts over"))
    }

    @Test func whatStartsOverLeavesItsFolderInTheTrashAndKeepsItsTags() throws {
        let directory = try store(trial.runs[0])
        try directory.save(RunTags(["good"]))
        let prepared = folder.decisions(
            for: trial, context: RunContext(fingerprints: { _ in ["dataset_train_fingerprint": "22"] }))
        try folder.prepare(prepared, of: trial, isPartial: false, sourceRevision: nil)
        #expect(!FileManager.default.fileExists(atPath: directory.resultsFile))
        #expect(try directory.loadTags() == RunTags(["good"]))
        #expect(try directory.loadPlan().run == trial.runs[0])
        let trashed = try #require(ExperimentTrash(of: folder).contents.first)
        #expect(FileManager.default.fileExists(atPath: trashed + "/run.h5"))
        // The trash is no run.
        #expect(try RunDirectory.all(inExperiment: folder.path).count == 2)
        try ExperimentTrash(of: folder).empty()
        #expect(ExperimentTrash(of: folder).contents.isEmpty)
    }

    @Test func runningAgainStartsOverOnlyWhereThereIsNothingToGoOnFrom() {
        let done = RunDecision.skip(reason: "done")
        let half = RunDecision.resume(reason: "failed")
        #expect(done.repeated(.fromCheckpoint).action == "restart")
        #expect(half.repeated(.fromCheckpoint) == half)
        #expect(half.repeated(.fromStart).action == "restart")
        let busy = RunDecision.busy(reason: "running")
        #expect(busy.repeated(.fromStart) == busy)
    }
}
