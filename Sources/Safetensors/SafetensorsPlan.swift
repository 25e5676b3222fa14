package import Foundation

/// A safetensors file whose tensors' bytes come later, in any order: its header, and where each tensor's bytes belong.
package struct SafetensorsPlan: Sendable {
    /// The bytes before the first tensor.
    package let header: Data
    /// Byte of the file at which a tensor begins, by its name.
    package let offsets: [String: Int]
    /// Bytes of the whole file.
    package let byteCount: Int

    /// - Parameters:
    ///   - tensors: Types and extents by name.
    ///   - file: What errors call the file.
    /// - Throws: `SafetensorsError` for a name that is reserved, or a header that no reader accepts.
    package init(
        metadata: [String: String], tensors: [String: (dataType: SafetensorsDataType, shape: [Int])], file: String
    ) throws {
        let sources = tensors.mapValues { SafetensorsSource($0.dataType, shape: $0.shape) { _ in } }
        let (header, order) = try SafetensorsHeader.encoded(metadata: metadata, tensors: sources, file: file)
        var (place, offsets) = (header.count, [String: Int]())
        for name in order {
            offsets[name] = place
            place += sources[name]?.byteCount ?? 0
        }
        (self.header, self.offsets, byteCount) = (header, offsets, place)
    }
}
