import Foundation

/// The end of a log file, for messages.
enum LogTail {
    /// The last `count` lines that are not empty, oldest first; none where there is no such file.
    static func lines(of path: String, count: Int) -> [String] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        // Enough for long lines, and cheap for long files.
        let window: UInt64 = 16_384
        guard let size = try? handle.seekToEnd(), (try? handle.seek(toOffset: size - min(size, window))) != nil,
            let data = try? handle.readToEnd()
        else { return [] }
        let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        return Array(lines.suffix(count))
    }
}
