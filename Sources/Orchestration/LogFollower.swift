package import Foundation
package import RunStore

/// Reads a run's log from where it was left, for `logs --follow`.
package struct LogFollower {
    private let path: String
    private var offset: UInt64 = 0

    package init(of directory: RunDirectory) {
        path = directory.logFile
    }

    /// Goes to the last `count` lines and returns them; everything for nil.
    package mutating func last(_ count: Int?) -> Data {
        let data = next()
        guard let count else { return data }
        var rest = data[...]
        if rest.last == UInt8(ascii: "\n") { rest = rest.dropLast() }
        var start = rest.endIndex
        for _ in 0..<max(0, count) {
            guard let feed = rest[..<start].lastIndex(of: UInt8(ascii: "\n")) else { return data }
            start = feed
        }
        return count > 0 ? Data(data[data.index(after: start)...]) : Data()
    }

    /// What was written since the last call; everything again where the file was replaced by a shorter one.
    package mutating func next() -> Data {
        guard let handle = FileHandle(forReadingAtPath: path) else { return Data() }
        defer { try? handle.close() }
        guard let size = try? handle.seekToEnd() else { return Data() }
        if size < offset { offset = 0 }
        guard (try? handle.seek(toOffset: offset)) != nil, let data = try? handle.readToEnd() else { return Data() }
        offset += UInt64(data.count)
        return data
    }
}
