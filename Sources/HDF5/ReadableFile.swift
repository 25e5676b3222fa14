import Glibc

/// A file that is open for reading as long as this object lives, whatever takes its name meanwhile.
final class ReadableFile {
    let path: String
    let descriptor: Int32
    /// Bytes of the file when it was opened.
    let byteCount: Int

    /// - Throws: `HDF5Error` where there is none, it is not readable, or it is no file but a folder or a pipe.
    init(path: String) throws {
        self.path = path
        func failure(_ message: String) -> HDF5Error {
            HDF5Error(operation: "open", file: path, object: "/", message: message)
        }
        // A pipe that nobody writes to would keep a plain `open` waiting.
        descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0 {
            throw failure(errno == ENOENT ? "there is no such file" : unsafe String(cString: strerror(errno)))
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw failure("it is not a file but a folder, a pipe or a device")
        }
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// The name under which this very file can be opened again.
    var sameFile: String { "/proc/self/fd/\(descriptor)" }

    /// Bytes from `offset` on; fewer than `count` where the file ends before.
    /// - Throws: `HDF5Error`.
    func read(_ count: Int, at offset: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, min(count, byteCount - offset)))
        var place = 0
        while place < bytes.count {
            let taken = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress! + place, buffer.count - place, off_t(offset + place))
            }
            if taken < 0 {
                if errno == EINTR { continue }
                throw HDF5Error(
                    operation: "read", file: path, object: "/", message: unsafe String(cString: strerror(errno)))
            }
            // It was cut while it was read.
            if taken == 0 { return Array(bytes.prefix(place)) }
            place += taken
        }
        return bytes
    }
}
