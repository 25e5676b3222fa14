import Foundation

/// Bytes of files, with errors that name them.
enum FileBytes {
    /// The first bytes, fewer where the file is shorter.
    static func start(of path: String, count: Int) throws -> [UInt8] {
        try RegularFile.check(path)
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            return [UInt8](try file.read(upToCount: count) ?? Data())
        } catch {
            throw unreadable(path, error)
        }
    }

    /// All bytes, mapped where that is possible.
    static func all(of path: String) throws -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw unreadable(path, error)
        }
    }

    private static func unreadable(_ path: String, _ error: any Error) -> FeatureFileError {
        FeatureFileError(
            file: path, message: "cannot be read (\(error.localizedDescription))", remedy: "check its permissions")
    }
}

extension Data {
    /// The little-endian number at `offset` from the beginning; none beyond the end.
    func littleEndian<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number? {
        let size = MemoryLayout<Number>.size
        guard offset >= 0, offset <= count - size else { return nil }
        var value: Number = 0
        for byte in 0..<size { value |= Number(truncatingIfNeeded: self[startIndex + offset + byte]) << (8 * byte) }
        return value
    }
}
