import Foundation

/// A file could not be written; what was there before is untouched.
package struct FileWriteError: LocalizedError, CustomStringConvertible, Sendable {
    /// The file that was to be replaced.
    package let path: String
    /// What failed: "create", "write", "flush", "rename".
    package let operation: String
    /// The system's error number.
    package let code: Int32

    package init(path: String, operation: String, code: Int32) {
        self.path = path
        self.operation = operation
        self.code = code
    }

    /// There is no space left, or none that this user may take.
    package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
    /// The system had no memory for it.
    package var isOutOfMemory: Bool { code == ENOMEM }
    /// Something that stays as it is keeps the file from being written.
    package var isNotPermitted: Bool { [EACCES, EPERM, EROFS, EISDIR, ENOTDIR, ELOOP, EINVAL, ENODEV].contains(code) }

    /// What the reader can do about it.
    package var remedy: String {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: "free some space there, or choose another folder for the results"
        case EACCES, EPERM, EROFS: "make the folder writable, or choose another folder for the results"
        case ENOENT, ENOTDIR: "create the folder that is to hold it"
        case ELOOP: "remove the link in its place: results are not written through links"
        case EINVAL: "remove what is in its place, which is not a regular file"
        case ENODEV: "give the path of a file"
        case EISDIR: "remove the folder in its place"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
        default: "check the disk and the permissions of its folder"
        }
    }

    /// What the system says of it.
    package var cause: String {
        switch code {
        case ELOOP: "it is a symbolic link"
        case EINVAL: "it is not a regular file"
        case ENODEV: "it is a device"
        default: String(cString: strerror(code))
        }
    }

    package var description: String {
        "\(path): cannot \(operation): \(cause); the old file, if any, is untouched: \(remedy)"
    }

    package var errorDescription: String? { description }
}
