import Foundation

/// A new, empty folder, removed with everything in it when its owner lets go of it.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("cjepa-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // A test's leavings in the system's temporary folder are not worth failing for.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Path of an entry.
    package func file(_ name: String) -> String { path + "/" + name }
}
