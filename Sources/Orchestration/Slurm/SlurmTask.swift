import Foundation
import RunStore

/// One task of a job array on its node: one worker, with its retries, and a state on disk that says how it ended.
package struct SlurmTask {
    private let job: Job
    private let threads: Int
    private let command: WorkerCommand
    private let retrySeconds: Double
    private let liveness: WorkerLiveness

    package init(
        job: Job, threads: Int, command: WorkerCommand, retrySeconds: Double = 5, liveness: WorkerLiveness = .system
    ) {
        self.job = job
        self.threads = threads
        self.command = command
        self.retrySeconds = retrySeconds
        self.liveness = liveness
    }

    /// Does what is still to be done.
    ///
    /// - Returns: 0 for done, 75 for stopped with a checkpoint, 1 for failed; and what there is to say about it.
    package func run(
        interruptions: @Sendable () -> Int, report: (SchedulerEvent) -> Void
    ) async -> (exitCode: Int32, message: String?) {
        if let ending = endingWithoutWork { return ending }
        let scheduler = Scheduler(
            command: command, capacity: Capacity(cores: threads, memoryBytes: .max, workers: 1, threads: threads),
            retrySeconds: retrySeconds)
        // Slurm signals a task's processes all at once, and the script passes on what it gets: the second signal of a
        // pair is no impatient user, and must not kill the worker while it writes its checkpoint.
        let outcomes = await scheduler.run([job], interruptions: { min(1, interruptions()) }, report: report)
        switch outcomes[0].result {
        case .done, .collapsed: return (0, nil)
        case .interrupted, .notStarted: return (WorkerExit.toBeResumed, outcomes[0].message)
        case .failed: return (1, outcomes[0].message)
        }
    }

    /// The task may have waited for long: somebody else may have done it, or be at it.
    private var endingWithoutWork: (exitCode: Int32, message: String?)? {
        let files = FileManager.default
        switch job.kind {
        case .floors(let request):
            return files.fileExists(atPath: request.output) ? (0, "already done") : nil
        case .run(let directory):
            // A state that cannot be read is the worker's to complain about.
            guard let state = try? directory.loadState() else { return nil }
            if state.status.isFinished, files.fileExists(atPath: directory.resultsFile) { return (0, "already done") }
            // A worker that was killed together with its node cannot be told from one that works elsewhere; that
            // Slurm started this task says that there is none. Here it can be told.
            if state.status == .running, state.host == liveness.host, let pid = state.pid,
                liveness.isWorker(pid, directory)
            {
                return (1, "is already running (process \(pid))")
            }
            return nil
        }
    }
}
