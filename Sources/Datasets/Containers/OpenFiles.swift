import Synchronization

/// Files that are kept open between reads, not more than a number of them: shards can be many more than a process may
/// have open.
package final class OpenFiles: Sendable {
    private struct State {
        var files: [String: (file: PositionalFile, used: UInt64)] = [:]
        var clock: UInt64 = 0
    }

    private let limit: Int
    private let remedy: String
    private let state = Mutex(State())

    /// - Parameter remedy: What to do about a file that is missing or was changed.
    package init(limit: Int = 64, remedy: String) {
        self.limit = max(1, limit)
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
        try state.withLock { state in
            state.clock &+= 1
            if let known = state.files[path] {
                state.files[path] = (known.file, state.clock)
                return known.file
            }
            let file = try PositionalFile(path: path, remedy: remedy)
            guard file.stamp == stamp else {
                throw file.failure("is not the file that was indexed: it has been replaced or changed since")
            }
            if state.files.count >= limit, let oldest = state.files.min(by: { $0.value.used < $1.value.used }) {
                state.files[oldest.key] = nil
            }
            state.files[path] = (file, state.clock)
            return file
        }
    }
}
