import Foundation
import Synchronization

/// Files that are kept open between reads, not more than a number of them: shards can be many more than a process may
/// have open.
package final class OpenFiles: Sendable {
    private struct State {
        var files: [String: (file: PositionalFile, used: UInt64)] = [:]
        var clock: UInt64 = 0

        /// The file where it is open, which is then the last that was used.
        mutating func use(_ path: String) -> PositionalFile? {
            clock &+= 1
            guard let known = files[path]?.file else { return nil }
            files[path] = (known, clock)
            return known
        }
    }

    private let limit: Int
    private let remedy: String
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: Most files that are open; none: a quarter of what the process may have open.
    ///   - remedy: What to do about a file that is missing or was changed.
    package init(limit: Int? = nil, remedy: String) {
        self.limit = max(1, limit ?? min(4096, sysconf(Int32(_SC_OPEN_MAX)) / 4))
        self.remedy = remedy
    }

    /// The file at `path`, opened where it is not.
    ///
    /// - Parameter stamp: As the file was when it was indexed.
    /// - Throws: `DatasetError` for a file that is missing, or has been replaced or changed since.
    package func file(_ path: String, stamp: FileStamp) throws -> PositionalFile {
        let known = try file(path, indexed: stamp)
        try known.checkUnchanged()
        return known
    }

    private func file(_ path: String, indexed stamp: FileStamp) throws -> PositionalFile {
        if let known = state.withLock({ $0.use(path) }) { return known }
        // Opened without the lock: on a network disk that takes a while, and other threads read other files.
        let file = try PositionalFile(path: path, remedy: remedy)
        guard file.stamp == stamp else {
            throw file.failure("is not the file that was indexed: it has been replaced or changed since")
        }
        return state.withLock { state in
            if let known = state.use(path) { return known }
            if state.files.count >= limit, let oldest = state.files.min(by: { $0.value.used < $1.value.used }) {
                state.files[oldest.key] = nil
            }
            state.files[path] = (file, state.clock)
            return file
        }
    }
}
