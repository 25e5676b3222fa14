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
        state.exitReason = "the worker (\(place(of: state))) is gone"
        return state
    }

    private func isAlive(_ state: RunState, in directory: RunDirectory) -> Bool {
        guard let pid = state.pid else { return false }
        if state.host == host { return isWorker(pid, directory) }
        return now().timeIntervalSince(state.updatedAt) < Self.foreignSeconds
    }

    func place(of state: RunState) -> String {
        let process = state.pid.map { "process \($0)" } ?? "no process id"
        return state.host == host ? process : "\(process) on \(state.host)"
    }
}
