package import HDF5
import Safetensors

/// Writes HDF5 files as a whole, sealed with a checksum.
package enum HDF5Output {
    /// Builds a file in memory with `body` and puts it at `path`.
    ///
    /// - Throws: `FileWriteError` with the old file untouched; what `body` throws, before anything is written.
    package static func write(to path: String, _ body: (_ root: HDF5Group) throws -> Void) throws {
        let file = try HDF5File(buildingInMemory: path, isSealed: true)
        try body(file.root)
        try AtomicFile.write(file.image(), to: path)
    }
}
