import Foundation
import Safetensors

/// Files of our own cache: a mark, a body, and XXH64 of both, little-endian.
enum CheckedWords {
    /// The body of a file; nil where it is damaged, or begins with another mark.
    static func body(of file: PositionalFile, mark: [UInt8]) throws -> ArraySlice<UInt8>? {
        let bytes = try file.read(at: 0, count: file.size)
        guard bytes.count >= mark.count + 8, bytes.starts(with: mark) else { return nil }
        let end = bytes.count - 8
        let sum = unsafe bytes.withUnsafeBytes {
            unsafe XXH64.checksum(of: UnsafeRawBufferPointer(rebasing: $0[..<end]))
        }
        return words(bytes[end...], UInt64.self) == [sum] ? bytes[mark.count..<end] : nil
    }

    /// Replaces a file as a whole. A folder that cannot be written is no fault: what was kept is found anew.
    static func write(_ body: [UInt8], mark: [UInt8], to path: String) {
        var bytes = mark + body
        bytes += self.bytes([unsafe bytes.withUnsafeBytes { unsafe XXH64.checksum(of: $0) }])
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try? Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    static func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
        unsafe words.map(\.littleEndian).withUnsafeBytes { unsafe Array($0) }
    }

    static func words<Word: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, _ type: Word.Type) -> [Word] {
        let size = MemoryLayout<Word>.size
        return unsafe bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / size).map {
                unsafe Word(littleEndian: bytes.loadUnaligned(fromByteOffset: size * $0, as: Word.self))
            }
        }
    }
}
