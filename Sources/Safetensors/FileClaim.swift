import Foundation

/// The right to make a file that several processes could make, one at a time: whoever comes later waits, and then finds
/// what was made.
///
/// An advisory lock of the kernel on `<path>.lock`, which ends with the process however it ends. It saves work and
/// protects nothing: where a file system has no locks, nobody waits.
package final class FileClaim {
    private let descriptor: Int32
    private let path: String

    /// Waits until no other process has the claim.
    ///
    /// - Parameter file: What is to be made.
    /// - Returns: None where there are no locks.
    package init?(_ file: String) {
        let path = file + ".lock"
        guard let descriptor = try? OwnFile.open(path) else { return nil }
        var result = flock(descriptor, LOCK_EX)
        while result != 0, errno == EINTR { result = flock(descriptor, LOCK_EX) }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        // Those who wait have this file open and get its lock; whoever comes now makes a new one.
        unlink(path)
        close(descriptor)
    }
}
