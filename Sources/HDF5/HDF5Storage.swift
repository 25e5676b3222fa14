/// How a dataset's elements lie in the file.
package struct HDF5Storage: Sendable, Hashable {
    /// Extents of a chunk; none: contiguous.
    package var chunk: [Int]?
    /// Whether the first axis can grow; needs chunks.
    package var isExtendable = false
    /// Reorders the bytes of elements so that equal bytes come together; helps every compressor.
    package var shuffles = false
    /// Level of the zstd filter; none: not compressed.
    package var zstdLevel: Int?

    package static let contiguous = HDF5Storage()

    package init(chunk: [Int]? = nil, isExtendable: Bool = false, shuffles: Bool = false, zstdLevel: Int? = nil) {
        self.chunk = chunk
        self.isExtendable = isExtendable
        self.shuffles = shuffles
        self.zstdLevel = zstdLevel
    }

    /// Chunks of whole rows of about half a mebibyte, shuffled and compressed.
    package static func compressed(
        shape: [Int], elementByteCount: Int, level: Int = 3, isExtendable: Bool = false
    ) -> HDF5Storage {
        precondition(!shape.isEmpty, "a scalar cannot be compressed")
        let rowBytes = shape.dropFirst().reduce(elementByteCount, *)
        let rows = max(1, (1 << 19) / max(rowBytes, 1))
        let chunk = [isExtendable ? rows : min(rows, max(shape[0], 1))] + shape.dropFirst().map { max($0, 1) }
        return HDF5Storage(chunk: chunk, isExtendable: isExtendable, shuffles: true, zstdLevel: level)
    }
}

/// A filter that a dataset's chunks pass through.
package struct HDF5Filter: Sendable, Hashable {
    /// The registered number: 2 shuffle, 1 deflate, 32015 zstd.
    package var identifier: Int
    package var parameters: [Int]

    package init(identifier: Int, parameters: [Int]) {
        self.identifier = identifier
        self.parameters = parameters
    }

    package static let zstdIdentifier = Int(ZstdFilter.identifier)
}
