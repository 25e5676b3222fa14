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
    /// Whether each chunk carries a Fletcher32 checksum, which every reader of HDF5 compares.
    package var hasChecksums = false

    package static let contiguous = HDF5Storage()

    package init(
        chunk: [Int]? = nil, isExtendable: Bool = false, shuffles: Bool = false, zstdLevel: Int? = nil,
        hasChecksums: Bool = false
    ) {
        self.chunk = chunk
        self.isExtendable = isExtendable
        self.shuffles = shuffles
        self.zstdLevel = zstdLevel
        self.hasChecksums = hasChecksums
    }

    /// Chunks of whole rows of about half a mebibyte with checksums, not compressed, so that they need no plug-in; a
    /// scalar, or what has no elements, is contiguous and has none.
    package static func checked(shape: [Int], elementByteCount: Int) -> HDF5Storage {
        if shape.isEmpty || shape.contains(0) { return .contiguous }
        return HDF5Storage(
            chunk: chunk(of: shape, elementByteCount: elementByteCount, isExtendable: false), hasChecksums: true)
    }

    /// The same, shuffled and compressed before the checksum is taken.
    package static func compressed(
        shape: [Int], elementByteCount: Int, level: Int = 3, isExtendable: Bool = false
    ) -> HDF5Storage {
        precondition(!shape.isEmpty, "a scalar cannot be compressed")
        return HDF5Storage(
            chunk: chunk(of: shape, elementByteCount: elementByteCount, isExtendable: isExtendable),
            isExtendable: isExtendable, shuffles: true, zstdLevel: level, hasChecksums: true)
    }

    private static func chunk(of shape: [Int], elementByteCount: Int, isExtendable: Bool) -> [Int] {
        let rowBytes = shape.dropFirst().reduce(elementByteCount, *)
        let rows = max(1, (1 << 19) / max(rowBytes, 1))
        return [isExtendable ? rows : min(rows, max(shape[0], 1))] + shape.dropFirst().map { max($0, 1) }
    }
}

/// A filter that a dataset's chunks pass through.
package struct HDF5Filter: Sendable, Hashable {
    /// The registered number: 2 shuffle, 1 deflate, 3 Fletcher32, 32015 zstd.
    package var identifier: Int
    package var parameters: [Int]

    package init(identifier: Int, parameters: [Int]) {
        self.identifier = identifier
        self.parameters = parameters
    }

    package static let zstdIdentifier = Int(ZstdFilter.identifier)
}
