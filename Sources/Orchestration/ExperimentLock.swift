import Foundation
import Glibc
import Safetensors

/// Keeps two `run` commands from working on the same experiment.
///
/// An advisory lock of the kernel on `<experiment>/.lock`, which ends with the process however it ends; the file holds
/// the owner's process id for the message of the second.
package final class ExperimentLock {
    private let descriptor: Int32
    package let path: String

    /// Takes the lock of an experiment's folder, which must exist.
    ///
    /// - Throws: `OrchestrationError` with code `locked` where another process holds it.
    package init(experimentDirectory: String) throws {
        path = experimentDirectory + "/.lock"
        do {
            descriptor = try OwnFile.open(path)
        } catch {
            throw OrchestrationError(
                .system, path: path, message: "the lock file cannot be opened (\(error.cause))", remedy: error.remedy)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            var bytes = [UInt8](repeating: 0, count: 32)
            // A throw from here on runs `deinit`, which closes the descriptor.
            let count = pread(descriptor, &bytes, bytes.count, 0)
            guard reason == EWOULDBLOCK else {
                throw OrchestrationError(
                    .system, path: path, message: "the file cannot be locked (\(String(cString: strerror(reason))))",
                    remedy: "put the results on a file system that supports flock")
            }
            let owner = String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self)
            throw OrchestrationError(
                .locked, path: experimentDirectory,
                message: "another `run` is working on this experiment" + (owner.isEmpty ? "" : " (process \(owner))"),
                remedy: "wait for it, stop it with Ctrl-C, or choose another folder with --results")
        }
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        pwrite(descriptor, text, text.count, 0)
    }

    /// Whether a process of this machine works on an experiment, without touching the lock: taking it for a moment
    /// would refuse a `run` that starts in that moment.
    package static func isHeld(experimentDirectory: String) -> Bool {
        var status = stat()
        guard stat(experimentDirectory + "/.lock", &status) == 0,
            let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
        else { return false }
        return isLocked(inode: UInt64(status.st_ino), locks: locks)
    }

    /// A line reads `1: FLOCK  ADVISORY  WRITE 123 fe:01:4567 0 EOF`, with the inode after the device.
    static func isLocked(inode: UInt64, locks: String) -> Bool {
        locks.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            guard fields.contains("FLOCK"), !fields.contains("->") else { return false }
            return fields.contains { $0.split(separator: ":").count == 3 && $0.hasSuffix(":\(inode)") }
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        // Unlocked, not only closed: a child that was just forked shares the lock until it has become its program.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
