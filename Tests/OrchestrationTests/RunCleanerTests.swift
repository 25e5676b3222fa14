import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

@Suite struct RunCleanerTests {
    private let worker: FakeWorker
    private let folder: ExperimentFolder
    private let trial = experiment(arms: ["a", "b", "c"])
    private var outdated = experiment(arms: ["a"]).runs[0]
    private let liveness = WorkerLiveness(host: "here", isWorker: { _, _ in true }, now: { Date() })

    /// a done, b failed, c running, and a run of a that is no longer part of the experiment.
    init() throws {
        worker = try FakeWorker()
        folder = ExperimentFolder(path: worker.folder)
        outdated.configurationHash = String(repeating: "9", count: 64)
        try ExperimentRecord(trial).save(toExperiment: folder.path)
        for (run, status) in zip(trial.runs + [outdated], [RunStatus.done, .failed, .running, .done]) {
            let directory = folder.directory(of: run)
            try directory.save(RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: run))
            let now = Date()
            try directory.save(
                RunState(status: status, totalSteps: 10, pid: 77, host: "here", startedAt: now, updatedAt: now))
        }
    }

    private func clean(
        _ selection: RunCleaner.Selection, current: Set<String>? = nil, isDryRun: Bool = false
    ) throws -> RunCleaner.Report {
        try RunCleaner(folder, liveness: liveness).clean(selection, current: current, isDryRun: isDryRun)
    }

    private var left: [String] {
        get throws { try RunDirectory.all(inExperiment: folder.path).map(\.name) }
    }

    @Test func outdatedRunsGoToTheTrashAndNothingElse() throws {
        let report = try clean(.init(outdated: true))
        #expect(report.cleaned.map(\.name) == ["a-s0"])
        #expect(report.cleaned.map(\.reason) == ["no longer in the spec"])
        #expect(try left == trial.runs.map(\.directoryName))
        #expect(ExperimentTrash(of: folder).contents == report.cleaned.compactMap(\.movedTo))
        #expect(report.cleaned[0].movedTo?.hasSuffix("/a-s0-99999999") == true)
    }

    @Test func aSpecSaysWhatIsCurrent() throws {
        let report = try clean(.init(outdated: true), current: [outdated.directoryName, trial.runs[2].directoryName])
        #expect(report.cleaned.map(\.name) == ["a-s0", "b-s0"])
        #expect(try left == [outdated.directoryName, trial.runs[2].directoryName].sorted())
    }

    @Test func failedRunsAndNamedRuns() throws {
        #expect(try clean(.init(failed: true), isDryRun: true).cleaned.map(\.name) == ["b-s0"])
        #expect(try clean(.init(patterns: ["b"]), isDryRun: true).cleaned.map(\.name) == ["b-s0"])
        #expect(try clean(.init(patterns: ["a-s0-9*"]), isDryRun: true).cleaned.map(\.name) == ["a-s0"])
        let none = try clean(.init(patterns: ["d*"]), isDryRun: true)
        #expect(none.cleaned.isEmpty && none.unmatched == ["d*"])
        // A dry run moves nothing.
        #expect(try left.count == 4)
    }

    @Test func whatIsAtWorkStays() throws {
        let report = try clean(.init(patterns: ["*"]))
        #expect(report.kept.map(\.name) == ["c-s0"])
        #expect(report.kept[0].reason == "it is running (process 77)")
        #expect(try left == [trial.runs[2].directoryName])
    }

    @Test func whatARunAtWorkMayNeedStays() throws {
        let lock = try ExperimentLock(experimentDirectory: folder.path)
        #expect(ExperimentLock.isHeld(experimentDirectory: folder.path))
        let report = try clean(.init(patterns: ["a*", "b"]))
        #expect(report.cleaned.map(\.directory) == [folder.directory(of: outdated).path])
        #expect(report.kept.map(\.name) == ["a-s0", "b-s0"])
        withExtendedLifetime(lock) {}
    }

    @Test func aLockIsFoundByItsInode() throws {
        let locks = """
            1: POSIX  ADVISORY  WRITE 11 fe:01:4567 0 EOF
            2: FLOCK  ADVISORY  WRITE 12 fe:01:890 0 EOF
            2: -> FLOCK  ADVISORY  WRITE 13 fe:01:12 0 EOF
            """
        #expect(ExperimentLock.isLocked(inode: 890, locks: locks))
        #expect(!ExperimentLock.isLocked(inode: 90, locks: locks))
        #expect(!ExperimentLock.isLocked(inode: 4567, locks: locks))
        #expect(!ExperimentLock.isLocked(inode: 12, locks: locks))
        #expect(!ExperimentLock.isHeld(experimentDirectory: folder.path))
    }
}
