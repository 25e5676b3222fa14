import CZlib
import Foundation

/// Reads a file of bytes, unpacking it where it is gzipped.
@safe
final class GzipFile {
    let path: String
    private let remedy: String
    private let file: gzFile

    /// - Parameter remedy: What to do about a file that is missing or broken.
    init(path: String, remedy: String) throws {
        var status = stat()
        if unsafe stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
            // To open a pipe that nobody writes to would wait for ever.
            throw DatasetError(place: path, problem: "is a pipe or a device, not a file", remedy: remedy)
        }
        guard let file = unsafe gzopen(path, "rb") else {
            let problem = unsafe String(cString: strerror(errno))
            throw DatasetError(place: path, problem: "cannot be opened (\(problem))", remedy: remedy)
        }
        self.path = path
        self.remedy = remedy
        unsafe self.file = file
    }

    deinit { unsafe gzclose_r(file) }

    /// Bytes of the file as it lies on disk.
    func packedSize() throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }

    /// The next `count` bytes, fewer at the end of the file.
    func read(_ count: Int) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                guard let start = buffer.baseAddress else { return }
                let wanted = UInt32(min(count - filled, 1 << 30))
                let got = unsafe gzread(file, start + filled, wanted)
                guard got >= 0 else { throw failure() }
                if got == 0 { break }
                filled += Int(got)
            }
            // A packed file that ends early gives what there is and then this.
            var code: Int32 = Z_OK
            unsafe gzerror(file, &code)
            if code == Z_BUF_ERROR || code == Z_DATA_ERROR { throw failure() }
        }
    }

    func failure(_ problem: String) -> DatasetError {
        DatasetError(place: path, problem: problem, remedy: remedy)
    }

    private func failure() -> DatasetError {
        var code: Int32 = Z_OK
        let text = unsafe gzerror(file, &code).map { unsafe String(cString: $0) } ?? ""
        // zlib names the file first.
        let message = text.hasPrefix(path + ": ") ? String(text.dropFirst(path.count + 2)) : text
        let system = code == Z_ERRNO ? unsafe String(cString: strerror(errno)) : message
        return failure(code == Z_BUF_ERROR ? "is truncated (\(message))" : "cannot be read (\(system))")
    }
}
