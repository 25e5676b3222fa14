import ExperimentSpec
import Foundation
import Glibc
import RunStore
import Testing

@testable import cjepa_exp

/// Failures are provoked, told apart, and cost nothing that was stored.
@Suite struct FailureTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func runs(_ program: Program) throws -> [[String: Any]] {
        try #require(try program.json()["runs"] as? [[String: Any]])
    }

    // MARK: Writing

    @Test func aFullDiskPausesTheRunAndChangesNoResult() throws {
        let steps = ["resources.checkpoint_steps=12"]
        let run = try WorkerRun(in: folder, set: steps)
        let files = [run.directory.resultsFile, run.directory.checkpoints.path(step: 12)]
        let program = try run.start(environment: PreloadedLibrary.fullDisk(for: files, in: folder))
        #expect(program.status == 0, "\(program.error)")
        for file in files {
            #expect(program.error.contains("paused: \(file): no space left on the disk"), "\(program.error)")
        }
        #expect(program.error.contains("there is space again; the run continues"))
        #expect(run.state?.status == .done)
        let other = try WorkerRun(in: folder, name: "undisturbed", set: steps)
        #expect(try other.start().status == 0)
        #expect(
            try RunFingerprint(of: run.directory).differences(from: RunFingerprint(of: other.directory)).isEmpty)
    }

    @Test func whatCannotBeWrittenIsAFailureOfItsOwnKind() throws {
        let run = try WorkerRun(in: folder, set: ["resources.checkpoint_steps=6"])
        // A folder in the file's place, which not even root may write to.
        let obstacle = run.directory.checkpoints.path(step: 12) + ".partial"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        let program = try run.start()
        #expect(program.status == 1)
        let state = try #require(run.state)
        #expect(state.status == .failed && state.failure == .notWritable)
        #expect(state.message?.contains("checkpoint-12.safetensors: cannot create: Is a directory") == true)
        // What was there is whole, and the run goes on from it.
        let found = RunIntegrity(of: run.directory, hash: run.plan.run.configurationHash, announced: 6)
        #expect(found.problems.isEmpty && found.checkpoint == 6, "\(found.problems)")
        try FileManager.default.removeItem(atPath: obstacle)
        #expect(try run.start().status == 0)
    }

    /// Nobody may make files in /sys, whatever the container.
    @Test(arguments: [("/sys", "kernel", "/sys/kernel/.lock: error: "), ("/sys/none", "x", "/sys/none/x: error: ")])
    func aFolderForResultsThatIsReadOnlyIsRefusedBeforeAnythingStarts(
        results: String, name: String, message: String
    ) throws {
        let program = try Program.run(["run", SmokeRun.spec, "--results", results, "--set", "name=\(name)"])
        #expect(program.status == 64)
        #expect(program.error.contains(message), "\(program.error)")
        #expect(program.error.contains("\n    → "))
        #expect(!program.error.contains("started"))
    }

    // MARK: Numbers and data

    @Test func aLossThatIsNotFiniteNamesStepQuantityAndLastGoodCheckpointAndIsNotTriedAgain() throws {
        let program = try Program.run([
            "run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa", "--json", "--set",
            "resources.checkpoint_steps=1", "--set", "schedule.lr=1e25", "--set", "schedule.start_lr=1e25", "--set",
            "resources.retries=3",
        ])
        #expect(program.status == 1, "\(program.error)")
        let run = try #require(try runs(program).first)
        #expect(run["failure"] as? String == "non_finite")
        #expect(run["attempts"] as? Int == 1)
        let message = try #require(run["message"] as? String)
        #expect(message.contains(" is not finite at step "), "\(message)")
        #expect(message.contains("The last good checkpoint is from step "), "\(message)")
        let directory = RunDirectory(path: try #require(run["path"] as? String))
        let named = directory.checkpoints.entries.filter { message.contains("from step \($0.step): \($0.path).") }
        #expect(named.count == 1)
        #expect(try directory.loadState()?.exitReason?.hasPrefix("non-finite: the ") == true)
        #expect(program.error.contains("ijepa-s0 failed (non_finite): "), "\(program.error)")
    }

    /// A data set of its own that can be taken away.
    private func ownData() throws -> String {
        let data = folder.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        let sample = Program.repository + "/Tests/Fixtures/fashion-mnist-sample/"
        for file in try FileManager.default.contentsOfDirectory(atPath: sample) where file.hasSuffix(".gz") {
            try FileManager.default.copyItem(atPath: sample + file, toPath: data + "/" + file)
        }
        return data
    }

    @Test func dataThatGoAwayDoNotStopARunningWorkerAndMakeTheNextOneFailWithTheirName() throws {
        let data = try ownData()
        let run = try WorkerRun(
            in: folder,
            set: ["data.dataset=idx", "data.folder=\(data)", "training.steps=400", "resources.checkpoint_steps=4"])
        var later = 0
        let stopped = try run.start { process, _ in
            run.waitForCheckpoint(of: 4, process)
            try FileManager.default.moveItem(atPath: data, toPath: data + "-away")
            later = min(400, (run.directory.checkpoints.entries.last?.step ?? 0) + 8)
            run.waitForCheckpoint(of: later, process)
            process.terminate()
        }
        #expect(stopped.status == 75 || stopped.status == 0, "\(stopped.error)")
        let reached = try #require(run.directory.checkpoints.entries.last?.step)
        #expect(reached >= later)

        let failed = try run.start()
        #expect(failed.status == 1)
        let state = try #require(run.state)
        #expect(state.failure == .data && state.exitReason == "the data cannot be read")
        #expect(state.message?.contains(data) == true, "\(state.message ?? "")")
        #expect(run.directory.checkpoints.entries.last?.step == reached)

        try FileManager.default.moveItem(atPath: data + "-away", toPath: data)
        #expect(try run.start().status == 0)
        #expect(try RunFile(path: run.directory.resultsFile).table("steps")["step"] == (1...400).map(Double.init))
    }

    // MARK: Signals

    @Test(arguments: [(SIGTERM, "SIGTERM"), (SIGUSR1, "SIGUSR1")])
    func aSignalToTheWorkerMeansACheckpointAndTheCodeToBeResumed(signal: Int32, name: String) throws {
        let run = try WorkerRun(in: folder, set: ["training.steps=100000", "resources.checkpoint_steps=10"])
        let program = try run.start { process, _ in
            run.waitForCheckpoint(of: 10, process)
            kill(process.processIdentifier, signal)
        }
        #expect(program.status == 75, "\(program.error)")
        let state = try #require(run.state)
        #expect(state.status == .interrupted && state.exitReason == "signal \(name)" && state.pid == nil)
        #expect(run.directory.checkpoints.entries.last?.step == state.step)
    }

    @Test func severalSignalsToTheCommandMeanCheckpointsAndASecondCommandIsRefused() throws {
        let arguments = [
            "run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa", "--set", "training.steps=100000",
            "--set", "resources.checkpoint_steps=10",
        ]
        func directory() throws -> RunDirectory? {
            guard FileManager.default.fileExists(atPath: folder.path + "/smoke") else { return nil }
            return try RunDirectory.all(inExperiment: folder.path + "/smoke").first
        }
        let program = try Program.run(arguments) { process, _ in
            try waitUntil(process) { (try directory()?.checkpoints.entries.last?.step ?? 0) >= 10 }
            let second = try Program.run(arguments)
            #expect(second.status == 1)
            #expect(
                second.error.contains(
                    "another `run` is working on this experiment (process \(process.processIdentifier))"))
            // As a cluster's scheduler does; the second one must not kill.
            kill(process.processIdentifier, SIGUSR1)
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(program.status == 75, "\(program.error)")
        #expect(program.output.contains("stopped; resume with: cjepa-exp run"))
        let run = try #require(try directory())
        let state = try #require(try run.loadState())
        #expect(state.status == .interrupted && state.exitReason == "signal SIGINT")
        #expect(run.checkpoints.entries.last?.step == state.step)
    }

    // MARK: Clocks

    /// Sets the time of day back and forth by hours, whoever asks for it.
    private static let jumpingClock = """
        #define _GNU_SOURCE
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        static long jump(void) { static long calls; return 3600 * (__sync_fetch_and_add(&calls, 1) * 7 % 11 - 5); }
        int clock_gettime(clockid_t id, struct timespec *t) {
            int result = syscall(SYS_clock_gettime, id, t);
            if (result == 0 && id == CLOCK_REALTIME) t->tv_sec += jump();
            return result;
        }
        int gettimeofday(struct timeval *restrict t, void *restrict zone) {
            struct timespec now;
            if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
            t->tv_sec = now.tv_sec;
            t->tv_usec = now.tv_nsec / 1000;
            return 0;
        }
        time_t time(time_t *t) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (t) *t = now.tv_sec;
            return now.tv_sec;
        }
        """

    @Test func aClockThatJumpsChangesNoResultAndHoldsNothingUp() throws {
        let jump = try PreloadedLibrary.build(Self.jumpingClock, named: "jump", in: folder)
        let arguments = { (results: String) in
            [
                "run", SmokeRun.spec, "--results", folder.path + results, "--only", "ijepa", "--set",
                "resources.checkpoint_minutes=0.0001",
            ]
        }
        let jumping = try Program.run(arguments("/jumping"), environment: jump)
        #expect(jumping.status == 0, "\(jumping.error)")
        #expect(try Program.run(arguments("/steady")).status == 0)
        func fingerprint(_ results: String) throws -> RunFingerprint {
            let runs = try RunDirectory.all(inExperiment: folder.path + results + "/smoke")
            return try RunFingerprint(of: #require(runs.first))
        }
        #expect(try fingerprint("/jumping").differences(from: fingerprint("/steady")).isEmpty)
    }

    // MARK: Tables and collapse

    @Test func aTableThatFailsIsToldAndTheReportFollowsWithAnExitCodeThatSaysSo() throws {
        let record = folder.path + "/smoke/experiment.json"
        let program = try Program.run(["run", SmokeRun.spec, "--results", folder.path, "--only", "ijepa"]) {
            process, errorFile in
            try waitUntil(process) {
                try String(contentsOfFile: errorFile, encoding: .utf8).contains("ijepa-s0: started")
            }
            try Data("{".utf8).write(to: URL(fileURLWithPath: record))
        }
        #expect(program.status == 1, "\(program.error)")
        #expect(program.error.contains("\(record): error: "), "\(program.error)")
        #expect(program.output.contains("smoke: 1 done"), "\(program.output)")
    }

    @Test func aRunThatCollapsesEndsEarlyKeepsItsRowAndTheMatrixGoesOn() throws {
        let spec = try folder.write(
            """
            question: Which arm is called collapsed?
            expected: The one whose threshold nothing can pass.
            inherit: \(Program.repository)/\(SmokeRun.spec)
            diagnostics: {collapse_standard_deviation: 0, stop_on_collapse: 2}
            evaluation: {every_steps: 4}
            matrix:
              axes:
                - name: arm
                  variants:
                    sick: {objective.vicreg.weight: 0.001, diagnostics.collapse_rank_share: 1}
                    well: {objective.vicreg.weight: 0, diagnostics.collapse_rank_share: 0}
            baseline: well
            """, to: "collapse.spec")
        let arguments = ["run", spec, "--results", folder.path]
        let program = try Program.run(arguments)
        #expect(program.status == 0, "\(program.error)\n\(program.output)")
        #expect(program.output.contains("collapse: 1 done, 1 collapsed"), "\(program.output)")
        #expect(program.output.contains("sick, seed 0: collapsed – features collapsed by step 8, at step 8 of 24"))
        let table = try Program.run(["table", "collapse", "--format", "md", "--results", folder.path])
        let row = table.output.split(separator: "\n").first { $0.hasPrefix("| sick") }
        // With its one run, and marked.
        #expect(
            row.map { $0.contains("| 1 [") && $0.contains("dimensional collapse 1/1") } == true, "\(row ?? "no row")")

        let status = try Program.run(["status", "collapse", "--json", "--results", folder.path]).checkedJSON()
        #expect(status["counts"] as? [String: Int] == ["collapsed": 1, "done": 1])
        let runs = try RunDirectory.all(inExperiment: folder.path + "/collapse")
        #expect(try runs.map { try RunFile(path: $0.resultsFile).table("steps").rowCount } == [8, 24])
        #expect(try RunFile(path: runs[0].resultsFile).embeddingPaths.contains("embeddings/target/step_8"))
        let again = try Program.run(arguments)
        #expect(again.status == 0)
        #expect(again.output.contains("collapse: 2 skipped"), "\(again.output)")
    }
}
