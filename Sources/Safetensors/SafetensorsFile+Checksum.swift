import Foundation

/// A sealed file carries a checksum of itself in its metadata: XXH64 of the whole file, header included, with the
/// checksum's own sixteen digits read as zeros.
extension SafetensorsFile {
    /// The metadata's key.
    package static let checksumKey = "xxh64"
    private static let blank = String(repeating: "0", count: 16)

    /// Replaces the file at `path` as a whole, sealed; one pass over the tensors, each made when its turn comes.
    ///
    /// - Precondition: `metadata` has no checksum.
    /// - Throws: `FileWriteError` or what a source throws; what was there before is untouched then.
    package static func writeSealed(
        metadata: [String: String], tensors: [String: SafetensorsSource], to path: String
    ) throws {
        precondition(metadata[checksumKey] == nil, "the key \(checksumKey) is reserved")
        let (header, order) = try SafetensorsHeader.encoded(
            metadata: metadata.merging([checksumKey: blank]) { $1 }, tensors: tensors, file: path)
        guard let place = placeOfDigits(in: header) else {
            preconditionFailure("a header without the checksum that was put into it")
        }
        let file = try AtomicFile(replacing: path)
        var checksum = XXH64()
        func write(_ bytes: UnsafeRawBufferPointer) throws {
            checksum.append(bytes)
            try file.write(bytes)
        }
        try header.withUnsafeBytes(write)
        for name in order { try tensors[name]!.withBytes(write) }
        try file.overwrite(Data(checksum.digits.utf8), at: place)
        try file.commit()
    }

    /// Reads a sealed file and compares its checksum.
    ///
    /// - Throws: `SafetensorsError` where it is damaged, or was not sealed.
    package init(sealed path: String) throws {
        let data = try Self.data(of: path)
        func damage(_ message: String) -> SafetensorsError {
            SafetensorsError(
                file: path, message: message, remedy: "the file is damaged: put back a copy, or write it again")
        }
        // The header is read first: its own faults say more than a checksum that does not agree.
        try self.init(data, file: path)
        guard let stored = metadata[Self.checksumKey] else { throw damage("it has no checksum") }
        let headerLength = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) } + 8
        var header = Data(data.prefix(headerLength))
        guard let place = Self.placeOfDigits(in: header) else { throw damage("its checksum cannot be read") }
        header.replaceSubrange(place..<(place + Self.blank.count), with: Data(Self.blank.utf8))
        var checksum = XXH64()
        header.withUnsafeBytes { checksum.append($0) }
        data.dropFirst(headerLength).withUnsafeBytes { checksum.append($0) }
        guard checksum.digits == stored else {
            throw damage("its content has the checksum \(checksum.digits), but \(stored) was stored")
        }
    }

    /// Where the sixteen digits begin. The key's quotation marks cannot stand inside another string unescaped, and
    /// metadata come before tensors' names only by their key, so the first match is the one.
    private static func placeOfDigits(in header: Data) -> Int? {
        let mark = Data("\"\(checksumKey)\":\"".utf8)
        guard let range = header.range(of: mark), range.upperBound + blank.count <= header.endIndex else { return nil }
        return range.upperBound - header.startIndex
    }
}
