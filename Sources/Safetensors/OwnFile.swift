import Foundation

/// Opens files that this program writes, and never what a link there leads to: what is in a folder of results may have
/// been put there by somebody else. (The folders themselves may be links; that is the user's choice.)
package enum OwnFile {
    /// Opened in place of every new file: /dev/full shows tests what becomes of a full disk.
    @TaskLocal package static var device: String?

    /// Makes a new file for writing; whatever had the name is removed first.
    ///
    /// - Returns: A descriptor, closed at exec.
    /// - Throws: `FileWriteError` in the name of `file`.
    package static func create(_ path: String, for file: String) throws(FileWriteError) -> Int32 {
        if unlink(path) != 0, errno != ENOENT {
            throw FileWriteError(path: file, operation: "create", code: errno)
        }
        let descriptor =
            if let device {
                Glibc.open(device, O_WRONLY | O_CLOEXEC)
            } else {
                Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
            }
        if descriptor < 0 { throw FileWriteError(path: file, operation: "create", code: errno) }
        return descriptor
    }

    /// Opens a regular file, made where missing, for reading and writing; with `appends`, only for writing at its end.
    ///
    /// - Returns: A descriptor, closed at exec.
    /// - Throws: `FileWriteError`; its code is ELOOP for a link, and EINVAL for a pipe, a device and the like.
    package static func open(_ path: String, appends: Bool = false) throws(FileWriteError) -> Int32 {
        let access = appends ? O_WRONLY | O_APPEND : O_RDWR
        // A pipe would otherwise be waited for until somebody reads it.
        let descriptor = Glibc.open(path, access | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
        if descriptor < 0 {
            throw FileWriteError(path: path, operation: "open", code: errno == ENXIO ? EINVAL : errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileWriteError(path: path, operation: "open", code: EINVAL)
        }
        return descriptor
    }
}
