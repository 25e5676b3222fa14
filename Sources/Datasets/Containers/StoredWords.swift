import Foundation
import Safetensors

/// What files of our own are made of: little-endian numbers, and XXH64 as checksum.
package enum StoredWords {
    static func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    static func word(_ bytes: [UInt8], at place: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[place + index]) << UInt64(8 * index) }
        return value
    }

    package static func checksum(_ bytes: some Collection<UInt8>) -> UInt64 {
        let bytes = Array(bytes)
        return checksum(bytes, first: bytes.count)
    }

    /// Of the first `count` bytes.
    package static func checksum(_ bytes: [UInt8], first count: Int) -> UInt64 {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe XXH64.checksum(of: UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        }
    }

    /// 16 hexadecimal digits for a text, for names of files.
    static func digits(of text: String) -> String { XXH64.digits(checksum(text.utf8)) }
}

/// Files of our own cache: a mark, a body, and XXH64 of both.
extension StoredWords {
    /// The body of a file; nil where it is damaged, or begins with another mark.
    static func body(of file: PositionalFile, mark: [UInt8]) throws -> ArraySlice<UInt8>? {
        let bytes = try file.read(at: 0, count: file.size)
        guard bytes.count >= mark.count + 8, bytes.starts(with: mark) else { return nil }
        let end = bytes.count - 8
        return word(bytes, at: end) == checksum(bytes, first: end) ? bytes[mark.count..<end] : nil
    }

    /// Replaces a file as a whole. A folder that cannot be written is no fault: what was kept is found anew.
    static func write(_ body: [UInt8], mark: [UInt8], to path: String) {
        var bytes = mark + body
        bytes += self.bytes(checksum(bytes))
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
