import Foundation

/// Bytes of files, with errors that name them.
enum FileContent {
    /// All bytes of a regular file, mapped where that is possible.
    ///
    /// - Throws: `WeightError`; a pipe or a device is refused, for it may have no end.
    static func all(of path: String) throws -> Data {
        let kind = try kind(of: path)
        guard kind == .typeRegular else {
            throw WeightError(
                file: path, message: kind == .typeDirectory ? "is a folder" : "is not a regular file",
                remedy: "give a file of weights")
        }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw WeightError(
                file: path, message: "cannot be read (\(error.localizedDescription))", remedy: "check its permissions")
        }
    }

    /// What kind of file a path leads to, links followed.
    /// - Throws: `WeightError` where there is nothing.
    static func kind(of path: String) throws -> FileAttributeType {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved),
            let kind = attributes[.type] as? FileAttributeType
        else {
            throw WeightError(file: path, message: "there is no such file or folder", remedy: "check the path")
        }
        return kind
    }

    static func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}

extension Data {
    /// The little-endian number at `offset` from the beginning; none beyond the end.
    func littleEndian<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number? {
        let size = MemoryLayout<Number>.size
        guard offset >= 0, count >= size, offset <= count - size else { return nil }
        return withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }

    /// `count` bytes from `offset` on, not copied; none where they are not there.
    func piece(at offset: Int, count length: Int) -> Data? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return self[(startIndex + offset)..<(startIndex + offset + length)]
    }

    mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
