package import Foundation

/// A file that grows while others read it: a record is added at its end, or nothing.
///
/// It is opened for each addition, and not flushed to the disk: what it holds is also elsewhere.
package final class GrowingFile {
    package let path: String
    /// What whole additions make up; more is what a failed one has left.
    private var length: Int

    /// - Parameter length: Bytes of the file that count. What follows them is cut off by the first addition.
    package init(path: String, length: Int) {
        self.path = path
        self.length = length
    }

    /// - Throws: `FileWriteError`; what was added before is untouched then.
    package func append(_ data: Data) throws {
        let descriptor = try OwnFile.open(path, appends: true)
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileWriteError(path: path, operation: "write", code: errno) }
        // A file that somebody else cut or removed begins anew.
        length = min(length, Int(status.st_size))
        try cut(descriptor)
        do {
            try Self.write(data, to: descriptor, of: path)
        } catch {
            // What cannot be cut off now is cut off by the next addition.
            try? cut(descriptor)
            throw error
        }
        length += data.count
    }

    private func cut(_ descriptor: Int32) throws {
        guard ftruncate(descriptor, off_t(length)) == 0 else {
            throw FileWriteError(path: path, operation: "cut", code: errno)
        }
    }

    private static func write(_ data: Data, to descriptor: Int32, of path: String) throws {
        try data.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
                let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileWriteError(path: path, operation: "write", code: errno)
                }
                rest = rest.dropFirst(count)
            }
        }
    }
}
