import Foundation
import Glibc
import RunStore

/// What a worker's end means for its run: the result, and a state on disk that says so.
///
/// A worker writes its own state; this corrects it where the worker died before it could.
struct Settlement {
    var exit: WorkerExit
    /// The message of the worker's `end` event.
    var endMessage: String?
    /// While the worker ran, the system killed some process because memory ran out.
    var memoryRanOut = false
    /// The user has asked to stop.
    var isInterrupting: Bool
    /// Seconds that it was given to stop, if it was killed for not doing so.
    var exhaustedPatience: Double?
    var totalSteps: Int
    var step: Int
    var attempt: Int
    var startedAt: Date
    var endedAt: Date

    /// - Returns: The result, and why, where it is not done.
    func apply(to job: Job) -> (JobOutcome.Result, String?) {
        switch job.kind {
        case .run(let directory):
            return apply(to: directory)
        case .floors(let request):
            let (result, reason, _) = verdict
            if result == .done, !FileManager.default.fileExists(atPath: request.output) {
                return (.failed, "the worker ended without writing \(request.output)")
            }
            if result == .interrupted { return (result, "stopped before its end") }
            return (result, reason.map { endMessage ?? $0 })
        }
    }

    /// What the exit alone says.
    private var verdict: (result: JobOutcome.Result, reason: String?, failure: FailureKind?) {
        switch exit {
        case .exited(0):
            (.done, nil, nil)
        case .exited(WorkerExit.toBeResumed):
            (.interrupted, "stopped with a checkpoint", nil)
        case .exited(WorkerExit.outOfMemory):
            (
                .failed,
                "the system refused its request for memory: \(Self.memoryRemedy), or raise the limit (ulimit -v)",
                .outOfMemory
            )
        case .exited(let code):
            (.failed, "exit code \(code)", .other)
        case .signalled(SIGKILL) where memoryRanOut && !isInterrupting:
            (
                .failed,
                "killed by the system because memory ran out: \(Self.memoryRemedy)", .outOfMemory
            )
        case .leftBehind(let pid):
            (
                .failed,
                "process \(pid) has not ended, not even after SIGKILL: it waits for a disk or another device. It is left "
                    + "behind", .other
            )
        case .signalled(let signal) where isInterrupting && signal != SIGINT && exhaustedPatience != nil:
            (
                .interrupted,
                "killed because it did not stop within \(Quantity.duration(exhaustedPatience ?? 0)) of the request",
                nil
            )
        case .signalled(let signal) where isInterrupting && Self.requests.contains(signal):
            (.interrupted, "signal \(Self.name(of: signal))", nil)
        case .signalled(let signal) where Self.requests.contains(signal):
            (.failed, "signal \(Self.name(of: signal)), sent from outside", .killed)
        case .signalled(let signal):
            (.failed, "crashed with signal \(Self.name(of: signal))", .crash)
        case .notStarted(let reason):
            (.failed, "the worker could not be started: \(reason)", .other)
        }
    }

    private static let memoryRemedy =
        "use fewer runs at once (resources.workers), a smaller batch or fewer shards"

    /// Signals that a process gets from others, not from its own faults.
    private static let requests: Set<Int32> = [SIGINT, SIGTERM, SIGKILL, SIGHUP, SIGUSR1, SIGUSR2]

    private func apply(to directory: RunDirectory) -> (JobOutcome.Result, String?) {
        var (result, reason, failure) = verdict
        // What is still at work has the last word on its state.
        if case .leftBehind = exit { return (result, reason) }
        if exit == .exited(WorkerExit.toBeResumed), directory.checkpoints.entries.isEmpty {
            reason = "stopped before its first checkpoint"
        }
        do {
            var state =
                try directory.loadState()
                ?? RunState(
                    status: .running, step: step, totalSteps: totalSteps, attempts: attempt, host: Machine.hostName,
                    startedAt: startedAt, updatedAt: endedAt)
            if result == .done, state.status == .collapsed { result = .collapsed }
            if result == .done, state.status != .done {
                (result, reason, failure) = (
                    .failed, "the worker ended with exit code 0, but its state says \(state.status)", .other
                )
            }
            let status: RunStatus =
                switch result {
                case .done: .done
                case .collapsed: .collapsed
                case .interrupted, .notStarted: .interrupted
                case .failed: .failed
                }
            if state.status != status {
                state.status = status
                state.exitReason = reason
                state.message = endMessage
                state.failure = failure
                state.endedAt = endedAt
                state.updatedAt = endedAt
                state.pid = nil
                try directory.save(state)
            }
            guard result != .done else { return (.done, nil) }
            guard result != .collapsed else { return (.collapsed, state.exitReason) }
            let known = state.message ?? endMessage
            return (result, [reason, known].compactMap { $0 }.joined(separator: ": "))
        } catch {
            return (result == .done ? .failed : result, "\(reason.map { $0 + "; " } ?? "")its state: \(error)")
        }
    }

    static func name(of signal: Int32) -> String {
        let names: [Int32: String] = [
            SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
            SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV",
            SIGPIPE: "SIGPIPE", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
            SIGXFSZ: "SIGXFSZ",
        ]
        return names[signal] ?? "\(signal)"
    }
}
