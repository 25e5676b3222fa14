import Foundation
package import Safetensors

/// Files with numbers from an independent implementation; Tests/Golden/README.md says how they were made.
package enum Golden {
    /// Path of a file in Tests/Golden.
    package static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden").appendingPathComponent(name).path
    }

    /// Reads "tiny.safetensors" and its like.
    package static func safetensors(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(path: path(name))
    }
}
