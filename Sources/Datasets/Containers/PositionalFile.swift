import Foundation

/// What tells one state of a file from another.
package struct FileStamp: Hashable, Sendable, Codable {
    /// Bytes.
    package let size: Int
    /// Nanoseconds since 1970, modulo 2⁶⁴.
    package let modified: Int64
    package let device: UInt64
    package let node: UInt64

    init(_ status: stat) {
        size = Int(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        device = UInt64(status.st_dev)
        node = UInt64(status.st_ino)
    }

    /// Size and time as a text.
    var version: String { "\(size) \(modified)" }
}

/// A file that is read at any offset, by any number of threads.
///
/// By `pread` and not by a map of memory: a file that is cut off or vanishes while it is read gives an error, where a map
/// would end the process.
package final class PositionalFile: Sendable {
    package let path: String
    /// As it was when the file was opened.
    package let stamp: FileStamp
    package let remedy: String
    private let descriptor: Int32

    /// Bytes, when the file was opened.
    package var size: Int { stamp.size }

    /// - Parameter remedy: What to do about a file that is missing or broken.
    /// - Throws: `DatasetError`, also for folders, pipes and devices.
    package init(path: String, remedy: String) throws {
        // A pipe would otherwise be waited for until somebody writes to it.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let code = errno
            let cause = unsafe String(cString: strerror(code))
            throw DatasetError(
                place: path, problem: "cannot be opened (\(cause))",
                remedy: code == EMFILE || code == ENFILE ? "raise the limit of open files (ulimit -n)" : remedy)
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw DatasetError(place: path, problem: "is a folder, a pipe or a device, not a file", remedy: remedy)
        }
        self.path = path
        self.remedy = remedy
        stamp = FileStamp(status)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    package func failure(_ problem: String) -> DatasetError {
        DatasetError(place: path, problem: problem, remedy: remedy)
    }

    /// Makes sure that the file has not been written to since it was opened.
    ///
    /// - Throws: `DatasetError`.
    package func checkUnchanged() throws {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, FileStamp(status) == stamp else {
            throw failure("has been changed since it was opened")
        }
    }

    /// `count` bytes from `offset` on.
    ///
    /// - Throws: `DatasetError` where the file has fewer; nothing is allocated for bytes that were never there.
    package func read(at offset: Int, count: Int) throws -> [UInt8] {
        try check(offset, count)
        return try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            try unsafe fill(buffer, at: offset, count: count)
            filled = count
        }
    }

    /// The same, in place of what an array holds: its memory is used again.
    package func read(at offset: Int, count: Int, into bytes: inout [UInt8]) throws {
        try check(offset, count)
        if bytes.count != count { bytes = Array(repeating: 0, count: count) }
        try unsafe bytes.withUnsafeMutableBufferPointer { try unsafe fill($0, at: offset, count: count) }
    }

    private func check(_ offset: Int, _ count: Int) throws {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
            throw failure("is truncated: it has \(size) bytes where \(count) from byte \(offset) on are needed")
        }
    }

    private func fill(_ buffer: UnsafeMutableBufferPointer<UInt8>, at offset: Int, count: Int) throws {
        guard let start = buffer.baseAddress else { return }
        var filled = 0
        while filled < count {
            let got = unsafe pread(descriptor, start + filled, min(count - filled, 1 << 30), off_t(offset + filled))
            if got < 0 {
                let code = errno
                if code == EINTR { continue }
                let cause = unsafe String(cString: strerror(code))
                throw failure("cannot be read at byte \(offset + filled) (\(cause))")
            }
            guard got > 0 else {
                throw failure("ends at byte \(offset + filled); it had \(size) bytes when it was opened")
            }
            filled += got
        }
    }

    /// Up to `count` bytes from `offset` on, fewer at the end of the file.
    package func read(at offset: Int, upTo count: Int) throws -> [UInt8] {
        try read(at: offset, count: min(count, max(0, size - offset)))
    }

    /// Hands the whole file over in pieces of up to 1 MiB.
    package func forEachPiece(_ body: (_ offset: Int, _ bytes: [UInt8]) throws -> Void) throws {
        var offset = 0
        while offset < size {
            let piece = try read(at: offset, upTo: 1 << 20)
            try body(offset, piece)
            offset += piece.count
        }
    }

    /// A text file of limited size.
    package func text(limit: Int = 16 << 20) throws -> String {
        guard size <= limit else { throw failure("has \(size) bytes; at most \(limit) are read as a text") }
        guard let text = String(validating: try read(at: 0, count: size), as: UTF8.self) else {
            throw failure("is no text in UTF-8")
        }
        return text
    }

    /// Its lines without spaces around them and without those that are empty.
    package func lines(limit: Int = 16 << 20) throws -> [String] {
        try text(limit: limit).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// `count` bytes from `offset` on to the front of an array, which grows where it must: its memory is used again.
    func read(at offset: Int, count: Int, toFrontOf bytes: inout [UInt8]) throws {
        try check(offset, count)
        if bytes.count < count {
            // What was there is not needed: nothing is copied.
            bytes = []
            bytes = Array(repeating: 0, count: count)
        }
        try unsafe bytes.withUnsafeMutableBufferPointer { try unsafe fill($0, at: offset, count: count) }
    }
}
