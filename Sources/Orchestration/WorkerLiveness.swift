package import Foundation
import Glibc
package import RunStore

/// Tells whether the worker that a state names still works.
package struct WorkerLiveness: Sendable {
    /// This machine, as states name it.
    package var host: String
    /// Whether a process of this machine is the worker of a folder.
    package var isWorker: @Sendable (_ pid: Int32, _ directory: RunDirectory) -> Bool
    package var now: @Sendable () -> Date
    /// What Slurm says of runs that were submitted to it.
    package private(set) var queue = SlurmQueue()

    /// A state from another machine counts as alive if it is not older than this.
    static let foreignSeconds = 600.0

    package init(
        host: String, isWorker: @escaping @Sendable (Int32, RunDirectory) -> Bool,
        now: @escaping @Sendable () -> Date
    ) {
        self.host = host
        self.isWorker = isWorker
        self.now = now
    }

    /// The same, in view of what Slurm says.
    package func with(_ queue: SlurmQueue) -> WorkerLiveness {
        var copy = self
        copy.queue = queue
        return copy
    }

    /// The same, in view of a second experiment's runs too.
    package func adding(_ other: SlurmQueue) -> WorkerLiveness {
        with(SlurmQueue(tasks: queue.tasks.merging(other.tasks) { first, _ in first }))
    }

    /// Asks the kernel, and Slurm where runs of the experiment were submitted to it.
    package static func asking(about folder: ExperimentFolder) async -> WorkerLiveness {
        system.with(await SlurmQueue.ask(about: folder))
    }

    /// What Slurm says of a run; nil for one that was never submitted.
    func task(of directory: RunDirectory) -> QueuedTask? { queue.tasks[directory.name] }

    /// Asks the kernel.
    package static var system: WorkerLiveness {
        WorkerLiveness(
            host: Machine.hostName,
            isWorker: { pid, directory in
                // The number may belong to another program by now, so its arguments must name the folder.
                guard let arguments = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
                return String(decoding: arguments, as: UTF8.self).split(separator: "\0").contains {
                    URL(fileURLWithPath: String($0)).lastPathComponent == directory.name
                }
            },
            now: { Date() })
    }

    /// The state of a folder with `running` taken back where the worker is gone; nil before the first start.
    ///
    /// - Throws: `RunStore`'s errors for a state that cannot be read.
    package func currentState(of directory: RunDirectory) throws -> RunState? {
        guard var state = try directory.loadState(), state.status == .running else {
            return try directory.loadState()
        }
        if isAlive(state, in: directory) { return state }
        state.status = .interrupted
        let task = task(of: directory).map { "; \($0.text)" } ?? ""
        state.exitReason = "the worker (\(place(of: state))) is gone\(task)"
        return state
    }

    private func isAlive(_ state: RunState, in directory: RunDirectory) -> Bool {
        guard let pid = state.pid else { return false }
        if state.host == host, isWorker(pid, directory) { return true }
        // Slurm knows at once what a fresh state of another machine does not tell: that its worker was killed.
        if let task = task(of: directory), !task.isUnknown { return task.isWorking }
        if state.host == host { return false }
        return now().timeIntervalSince(state.updatedAt) < Self.foreignSeconds
    }

    func place(of state: RunState) -> String {
        let process = state.pid.map { "process \($0)" } ?? "no process id"
        return state.host == host ? process : "\(process) on \(state.host)"
    }
}
