import ExperimentSpec
import Foundation
import RunStore
import Testing

@testable import Orchestration

@Suite struct SlurmScriptTests {
    private func script(_ options: SlurmOptions = SlurmOptions(), folder: String = "/results/trial/slurm")
        -> SlurmScript
    {
        SlurmScript(
            experiment: "trial, é 1", program: "/opt/it's/cjepa-exp", tasksFile: folder + "/x.tasks.json",
            taskCount: 5, logFolder: folder, environment: ["B": "2", "A": "one two"], cpus: 4,
            memoryBytes: (700 << 20) + 1, options: options)
    }

    @Test func whatIsNotSaidIsWhatTheRunsNeed() {
        #expect(
            script().directives == [
                "--job-name=cjepa-trial__é_1", "--array=0-4", "--cpus-per-task=4", "--mem=701M",
                "--signal=B:USR1@120", "--requeue", "--open-mode=append", "--output=/results/trial/slurm/%A_%a.log",
            ])
    }

    @Test func optionsReachSbatch() {
        let options = SlurmOptions(
            partition: "gpu,cpu", timeLimit: "2-00:00:00", arrayParallelism: 3, memory: "8G", cpus: 2,
            extra: ["--account=x", "--comment=a \"b\""], noticeSeconds: 30, mostRequeues: 7)
        let directives = script(options).directives
        for line in [
            "--array=0-4%3", "--cpus-per-task=2", "--mem=8G", "--partition=gpu,cpu", "--time=2-00:00:00",
            "--signal=B:USR1@30",
        ] {
            #expect(directives.contains(line), "\(line)")
        }
        let text = script(options).text
        #expect(text.contains("\n#SBATCH --account=x\n#SBATCH \"--comment=a \\\"b\\\"\"\n"), "\(text)")
        #expect(text.contains("\nmost_requeues=7\n"))
    }

    @Test func pathsWithBlanksAndQuotesSurviveTheShell() throws {
        let text = script(folder: "/my results/50%/slurm").text
        #expect(text.contains("\n#SBATCH \"--output=/my results/50%%/slurm/%A_%a.log\"\n"), "\(text)")
        #expect(text.contains("\nprogram='/opt/it'\\''s/cjepa-exp'\n"))
        #expect(text.contains("\nexport A='one two'\nexport B='2'\n"))
    }

    @Test func aLineBreakInANameEndsNoComment() throws {
        var script = script()
        script.experiment = "trial\nrm -rf x"
        #expect(!script.text.contains("\nrm"))
    }

    // MARK: The script at work

    private struct Outcome {
        var status: Int32
        var output: String
        var requeued: [String]
    }

    /// Runs the script with a program and a Slurm that are shell scripts; Tests/Slurm sends it signals.
    private func run(
        program: String, state: String = "RUNNING", requeues: Int = 0
    ) throws -> Outcome {
        let worker = try FakeWorker()
        let folder = worker.folder
        func write(_ name: String, _ text: String) throws {
            try ("#!/bin/bash\n" + text + "\n").write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/" + name)
        }
        try write("program", program)
        try write("squeue", "echo \(state)")
        try write("scontrol", "echo \"$@\" >> \(folder)/scontrol.txt")
        let script = SlurmScript(
            experiment: "trial", program: folder + "/program", tasksFile: "tasks", taskCount: 1, logFolder: folder,
            environment: ["HOME_OF_TEST": folder], cpus: 1, memoryBytes: 1, options: SlurmOptions(mostRequeues: 3))
        try write("script", script.text)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: folder + "/script")
        process.environment = [
            "PATH": folder + ":/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_JOB_ID": "12",
            "SLURM_CPUS_PER_TASK": "3", "SLURM_RESTART_COUNT": "\(requeues)",
        ]
        let output = folder + "/output.txt"
        try Data().write(to: URL(fileURLWithPath: output))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        try process.run()
        process.waitUntilExit()
        defer { withExtendedLifetime(worker) {} }
        let requeued = (try? String(contentsOfFile: folder + "/scontrol.txt", encoding: .utf8)) ?? ""
        return Outcome(
            status: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
            requeued: requeued.split(separator: "\n").map(String.init))
    }

    @Test(arguments: [0, 1, 64] as [Int32])
    func theProgramsCodeIsTheTasksAndNothingIsPutBack(code: Int32) throws {
        let outcome = try run(program: "echo \"$@\"; exit \(code)")
        #expect(outcome.status == code)
        #expect(outcome.output == "task tasks 2 --threads 3\n")
        #expect(outcome.requeued.isEmpty)
    }

    @Test func aTaskThatStoppedWithACheckpointIsPutBack() throws {
        let outcome = try run(program: "echo checkpoint; exit 75", requeues: 2)
        #expect(outcome.status == 75)
        #expect(outcome.output.hasPrefix("checkpoint\n12_2 will resume"), "\(outcome.output)")
        #expect(outcome.requeued == ["requeue 12_2"])
    }

    @Test(arguments: [("COMPLETING", 0), ("CANCELLED", 0), ("RUNNING", 3)])
    func aCancelledTaskAndOneThatWasPutBackOftenEnoughStayOut(state: String, requeues: Int) throws {
        let outcome = try run(program: "exit 75", state: state, requeues: requeues)
        #expect(outcome.status == 75)
        #expect(outcome.requeued.isEmpty)
    }
}

@Suite struct SlurmQueueTests {
    @Test func linesOfSqueueAreRead() {
        let listing = SlurmQueue.parse(
            squeue: """
                12|0|RUNNING|None|node7
                12|1|PENDING|Resources|
                12|2|CANCELLED|None|
                13|N/A|CANCELLED|None|
                slurm_load_jobs error: nonsense
                """)
        #expect(listing.task(12, 0) == QueuedTask(job: "12_0", state: "RUNNING", node: "node7"))
        #expect(listing.task(12, 1) == QueuedTask(job: "12_1", state: "PENDING", reason: "Resources"))
        #expect(listing.task(12, 1)?.isWaiting == true)
        #expect(listing.task(12, 2)?.isWaiting == false && listing.task(12, 2)?.isWorking == false)
        // An array that was cancelled while it waited has one line for all of its tasks.
        #expect(listing.task(13, 4) == QueuedTask(job: "13_4", state: "CANCELLED"))
        #expect(listing.task(12, 3) == nil && listing.task(14, 0) == nil)
    }

    @Test func linesOfSacctAreRead() {
        let listing = SlurmQueue.parse(
            sacct: """
                12_0|COMPLETED|node7
                12_1|CANCELLED by 1000|None assigned
                12_2|PREEMPTED|node1
                12_2|TIMEOUT|node2
                12_[3-5]|PENDING|None assigned
                12_6.batch|FAILED|node1
                """)
        #expect(listing.task(12, 0) == QueuedTask(job: "12_0", state: "COMPLETED", node: "node7"))
        #expect(listing.task(12, 1) == QueuedTask(job: "12_1", state: "CANCELLED", reason: "by 1000"))
        #expect(listing.task(12, 2)?.state == "TIMEOUT")
        #expect(listing.task(12, 3) == nil && listing.task(12, 6) == nil)
    }

    // MARK: What it means for runs

    private let run = experiment().runs[0]

    private func decision(_ task: String, state: RunStatus?, host: String = "node7") throws -> (RunDecision, String) {
        let worker = try FakeWorker()
        let folder = ExperimentFolder(path: worker.folder)
        var trial = experiment()
        trial.runs = [run]
        try ExperimentRecord(trial).save(toExperiment: folder.path)
        let directory = folder.directory(of: run)
        try directory.save(RunPlan(experiment: "trial", question: "", baseline: "a", specPath: "", run: run))
        let now = Date()
        if let state {
            try directory.save(
                RunState(status: state, step: 3, totalSteps: 9, pid: 7, host: host, startedAt: now, updatedAt: now))
            try Data().write(to: URL(fileURLWithPath: directory.checkpoints.path(step: 5)))
            try storeResults(at: directory.resultsFile)
        }
        let queue = SlurmQueue(tasks: [directory.name: QueuedTask(job: "12_3", state: task, reason: "Because")])
        let liveness = WorkerLiveness(host: "here", isWorker: { _, _ in false }, now: { now }).with(queue)
        let row = try StatusReport(of: folder, liveness: liveness).runs[0]
        return (RunDecision.decide(run, in: directory, liveness: liveness), row.status + ": " + (row.reason ?? ""))
    }

    @Test func whatIsInTheQueueIsNotStartedTwice() throws {
        var (verdict, status) = try decision("PENDING", state: nil)
        #expect(verdict == .busy(reason: "queued (Slurm 12_3: PENDING (Because))"))
        #expect(status == "queued: Slurm 12_3: PENDING (Because)")
        // Put back after a pre-emption that left the state as it was.
        (verdict, status) = try decision("PENDING", state: .running)
        #expect(verdict.action == "busy")
        #expect(status == "queued: Slurm 12_3: PENDING (Because)")
        (verdict, status) = try decision("RUNNING", state: .running)
        #expect(verdict.action == "busy")
        #expect(status.hasPrefix("running"))
        (verdict, _) = try decision("UNKNOWN", state: .interrupted)
        #expect(verdict.action == "busy")
    }

    @Test func whatSlurmEndedGoesOnEvenIfItsStateIsFresh() throws {
        let (verdict, status) = try decision("NODE_FAIL", state: .running)
        #expect(verdict.action == "resume")
        #expect(status == "interrupted: the worker (process 7 on node7) is gone; Slurm 12_3: NODE_FAIL (Because)")
        #expect(try decision("CANCELLED", state: nil).0.action == "start")
        #expect(try decision("COMPLETED", state: .done).0 == .skip(reason: "done"))
        #expect(try decision("RUNNING", state: .done).0 == .skip(reason: "done"))
    }

    @Test func theLatestSubmissionOfARunCounts() throws {
        var submissions = SlurmSubmissions()
        for (job, tasks) in [(12, ["a", "b"]), (15, ["b"])] {
            submissions.submissions.append(.init(job: job, submittedAt: Date(), script: "s", tasks: tasks))
        }
        #expect(submissions.latest["a"]?.job == 12 && submissions.latest["a"]?.index == 0)
        #expect(submissions.latest["b"]?.job == 15 && submissions.latest["b"]?.index == 0)
    }
}

@Suite struct SlurmTaskTests {
    private func run(
        _ attempts: [[String]], retries: Int = 0, interruptions: @escaping @Sendable (FakeWorker) -> Int = { _ in 0 }
    ) async throws -> (code: Int32, state: RunState?, journal: [String]) {
        let worker = try FakeWorker()
        let job = try worker.job("a", attempts, retries: retries)
        // As it comes from the tasks' file.
        let stored = try #require(SlurmTasks([job]).tasks[0].job(threads: 3))
        let task = SlurmTask(job: stored, threads: 3, command: worker.command, retrySeconds: 0.01)
        let ending = await task.run(interruptions: { interruptions(worker) }, report: { _ in })
        return (ending.exitCode, try worker.directory("a").loadState(), worker.journal)
    }

    @Test func aKilledWorkerIsTriedAgainOnTheSpot() async throws {
        let ending = try await run([["state running", "kill SIGKILL"], success], retries: 1)
        #expect(ending.code == 0)
        #expect(ending.state?.status == .done)
        #expect(ending.journal.filter { $0 == "start a 3" }.count == 2)
        let failed = try await run([["state running", "kill SIGKILL"]])
        #expect(failed.code == 1)
        #expect(failed.state?.status == .failed)
    }

    @Test func severalSignalsAreOneWishToStop() async throws {
        let steps = ["graceful", "state running", "ready", "sleep 600"]
        let ending = try await run([steps]) { $0.journal.contains("ready a") ? 5 : 0 }
        #expect(ending.code == 75)
        #expect(ending.state?.status == .interrupted)
        #expect(ending.state?.exitReason == "signal SIGINT")
    }
}
