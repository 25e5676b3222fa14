import Foundation
import Safetensors

/// Writes scalars as a TensorBoard event file: records of protocol buffers with checksums.
struct EventFile {
    private let file: AtomicFile

    /// - Throws: `FileWriteError`.
    init(path: String, startedAt: Double) throws {
        file = try AtomicFile(replacing: path)
        // Event.wall_time = 1, Event.file_version = 3.
        try record(Self.double(1, startedAt) + Self.text(3, "brain.Event:2"))
    }

    /// Adds numbers of one step, each under its tag.
    func append(_ values: [(tag: String, value: Double)], step: Int, wallTime: Double) throws {
        // Event.summary = 5; Summary.value = 1; Value.tag = 1, Value.simple_value = 2.
        let summary = values.flatMap { Self.bytes(1, Self.text(1, $0.tag) + Self.float(2, Float($0.value))) }
        try record(Self.double(1, wallTime) + Self.key(2, 0) + Self.varint(UInt64(step)) + Self.bytes(5, summary))
    }

    /// Puts the file in its place.
    func commit() throws { try file.commit() }

    /// TFRecord: length, its checksum, content, its checksum.
    private func record(_ content: [UInt8]) throws {
        var length = Data()
        length.append(littleEndian: UInt64(content.count))
        var data = length
        data.append(littleEndian: Self.masked(length))
        data.append(contentsOf: content)
        data.append(littleEndian: Self.masked(content))
        try file.write(data)
    }

    /// Rotated and shifted, as a checksum of data that holds checksums is weak.
    private static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let crc = CyclicRedundancyCheck.crc32c(bytes)
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }

    // MARK: Protocol buffers

    private static func key(_ field: Int, _ wireType: Int) -> [UInt8] { varint(UInt64(field << 3 | wireType)) }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func double(_ field: Int, _ value: Double) -> [UInt8] {
        key(field, 1) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }

    private static func float(_ field: Int, _ value: Float) -> [UInt8] {
        key(field, 5) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }

    private static func bytes(_ field: Int, _ content: [UInt8]) -> [UInt8] {
        key(field, 2) + varint(UInt64(content.count)) + content
    }

    private static func text(_ field: Int, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }
}
