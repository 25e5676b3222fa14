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
    /// The user has asked to stop.
    var isInterrupting: Bool
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
            let (result, reason) = verdict
            if result == .done, !FileManager.default.fileExists(atPath: request.output) {
                return (.failed, "the worker ended without writing \(request.output)")
            }
            return (result, reason.map { endMessage ?? $0 })
        }
    }

    /// What the exit alone says.
    private var verdict: (result: JobOutcome.Result, reason: String?) {
        switch exit {
        case .exited(0):
            (.done, nil)
        case .exited(WorkerExit.toBeResumed):
            (.interrupted, "stopped with a checkpoint")
        case .exited(let code) where isInterrupting && [SIGINT, SIGTERM, SIGKILL].contains(code - 128):
            // mpirun, of processes that were killed.
            (.interrupted, "signal \(Self.name(of: code - 128))")
        case .exited(let code):
            (.failed, "exit code \(code)")
        case .signalled(let signal) where isInterrupting && [SIGINT, SIGTERM, SIGKILL].contains(signal):
            (.interrupted, "signal \(Self.name(of: signal))")
        case .signalled(SIGKILL):
            (.failed, "signal SIGKILL (from outside; the system does that when memory runs out)")
        case .signalled(let signal):
            (.failed, "signal \(Self.name(of: signal))")
        case .notStarted(let reason):
            (.failed, "the worker could not be run: \(reason)")
        }
    }

    private func apply(to directory: RunDirectory) -> (JobOutcome.Result, String?) {
        var (result, reason) = verdict
        do {
            var state =
                try directory.loadState()
                ?? RunState(
                    status: .running, step: step, totalSteps: totalSteps, attempts: attempt, host: Machine.hostName,
                    startedAt: startedAt, updatedAt: endedAt)
            if result == .done, state.status != .done {
                (result, reason) = (.failed, "the worker ended with exit code 0, but its state says \(state.status)")
            }
            let status: RunStatus =
                switch result {
                case .done: .done
                case .interrupted, .notStarted: .interrupted
                case .failed: .failed
                }
            if state.status != status {
                state.status = status
                state.exitReason = reason
                state.message = endMessage
                state.endedAt = endedAt
                state.updatedAt = endedAt
                state.pid = nil
                try directory.save(state)
            }
            guard result != .done else { return (.done, nil) }
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
            SIGPIPE: "SIGPIPE", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU",
        ]
        return names[signal] ?? "\(signal)"
    }
}
