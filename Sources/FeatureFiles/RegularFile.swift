import Foundation
import Glibc

/// Whether a path names a file of bytes.
enum RegularFile {
    /// - Throws: `FeatureFileError` for what is none: to open a pipe that nobody writes to would wait for ever, and a
    ///   device may have no end.
    static func check(_ path: String) throws {
        func failure(_ message: String, _ remedy: String) -> FeatureFileError {
            FeatureFileError(file: path, message: message, remedy: remedy)
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let code = errno
            throw code == ENOENT || code == ENOTDIR
                ? failure("there is no such file", "check the path")
                : failure("cannot be read (\(unsafe String(cString: strerror(code))))", "check its permissions")
        }
        let remedy = "write the features to a file, and give that"
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw failure("is a folder", "give a file of features, such as run.h5")
        case S_IFIFO: throw failure("is a pipe, not a file", remedy)
        case S_IFSOCK: throw failure("is a socket, not a file", remedy)
        default: throw failure("is a device, not a file", remedy)
        }
    }
}
