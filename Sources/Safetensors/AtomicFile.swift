package import Foundation

/// Replaces a file as a whole: a reader, or a crash at any moment, finds the old file or the new one.
///
/// Bytes go to `<path>.partial`, a new file whatever had that name (`OwnFile`); `commit()` flushes it to the disk,
/// renames it over `path` and flushes the folder. Without `commit()` nothing changes. One writer per path at a time.
package final class AtomicFile {
    package let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    /// The file beside `path` that is written first; one left by a crash is replaced.
    package static func temporaryPath(for path: String) -> String { path + ".partial" }

    /// - Throws: `FileWriteError`, also for a device and for whatever lies in /dev: to replace those, as root may, would
    ///   break the system.
    package init(replacing path: String) throws {
        if Self.isDevice(path) { throw FileWriteError(path: path, operation: "replace", code: ENODEV) }
        self.path = path
        temporaryPath = Self.temporaryPath(for: path)
        descriptor = try OwnFile.create(temporaryPath, for: path)
    }

    /// Whether it is a device or lies in /dev: what must not be replaced.
    package static func isDevice(_ path: String) -> Bool {
        var status = stat()
        if lstat(path, &status) == 0, [S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT) { return true }
        return URL(fileURLWithPath: path).deletingLastPathComponent().resolvingSymlinksInPath().path == "/dev"
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporaryPath)
        }
    }

    /// Appends bytes.
    /// - Throws: `FileWriteError`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "written after commit: \(path)")
        var rest = bytes[...]
        while !rest.isEmpty {
            // Linux takes at most 2 GiB at once.
            let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileWriteError(path: path, operation: "write", code: errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    package func write(_ data: Data) throws {
        try data.withUnsafeBytes { try write($0) }
    }

    /// Replaces bytes that were written before, from `offset` on.
    /// - Throws: `FileWriteError`.
    package func overwrite(_ data: Data, at offset: Int) throws {
        precondition(descriptor >= 0, "written after commit: \(path)")
        try data.withUnsafeBytes { bytes in
            var place = 0
            while place < bytes.count {
                let count = pwrite(descriptor, bytes.baseAddress! + place, bytes.count - place, off_t(offset + place))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileWriteError(path: path, operation: "write", code: errno)
                }
                place += count
            }
        }
    }

    /// Makes the new content the file's content.
    /// - Throws: `FileWriteError`; the old file is untouched then.
    package func commit() throws {
        precondition(descriptor >= 0, "committed twice: \(path)")
        if fsync(descriptor) != 0 { throw FileWriteError(path: path, operation: "flush", code: errno) }
        let closed = close(descriptor)
        descriptor = -1
        if closed != 0 {
            let code = errno
            unlink(temporaryPath)
            throw FileWriteError(path: path, operation: "write", code: code)
        }
        try Self.rename(temporaryPath, over: path)
    }

    /// Replaces the content of the file at `path`.
    /// - Throws: `FileWriteError`.
    package static func write(_ data: Data, to path: String) throws {
        let file = try AtomicFile(replacing: path)
        try file.write(data)
        try file.commit()
    }

    private static func rename(_ temporary: String, over path: String) throws {
        if Glibc.rename(temporary, path) != 0 {
            let code = errno
            unlink(temporary)
            throw FileWriteError(path: path, operation: "rename", code: code)
        }
        // The rename itself lives in the folder: without this a power cut may bring the old name back.
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { throw FileWriteError(path: path, operation: "open the folder of", code: errno) }
        defer { close(descriptor) }
        // Some network file systems cannot flush folders; the rename has happened all the same.
        if fsync(descriptor) != 0, errno != EINVAL, errno != ENOTSUP {
            throw FileWriteError(path: path, operation: "flush the folder of", code: errno)
        }
    }
}
