import Foundation
import Safetensors

/// Records of a TensorBoard event file: protocol buffers with checksums.
enum EventRecord {
    /// The first record of every file.
    static func version(wallTime: Double) -> Data {
        // Event.wall_time = 1, Event.file_version = 3.
        record(double(1, wallTime) + text(3, "brain.Event:2"))
    }

    /// Training goes on, and whatever earlier files have of this step and later ones is void.
    static func sessionStart(step: Int, wallTime: Double) -> Data {
        // Event.step = 2, Event.session_log = 7; SessionLog.status = 1, of which START is 1.
        record(double(1, wallTime) + key(2, 0) + varint(UInt64(step)) + bytes(7, key(1, 0) + varint(1)))
    }

    /// Numbers of one step, each under its tag.
    static func scalars(_ values: [(tag: String, value: Double)], step: Int, wallTime: Double) -> Data {
        // Event.summary = 5; Summary.value = 1; Value.tag = 1, Value.simple_value = 2.
        let summary = values.flatMap { bytes(1, text(1, $0.tag) + float(2, Float($0.value))) }
        return record(double(1, wallTime) + key(2, 0) + varint(UInt64(step)) + bytes(5, summary))
    }

    /// TFRecord: length, its checksum, content, its checksum.
    private static func record(_ content: [UInt8]) -> Data {
        var length = Data()
        length.append(littleEndian: UInt64(content.count))
        var data = length
        data.append(littleEndian: masked(length))
        data.append(contentsOf: content)
        data.append(littleEndian: masked(content))
        return data
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
