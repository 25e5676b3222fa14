import Foundation
import Safetensors

/// Writes a ZIP archive of uncompressed entries (PKWARE's APPNOTE, sections 4.3.7, 4.3.12, 4.3.16), without ZIP64.
struct StoredZip {
    /// Offsets and sizes are 32-bit numbers, of which the largest is kept for ZIP64.
    private static let limit = Int(UInt32.max) - 1

    private let file: AtomicFile
    private let limit: Int
    /// Bytes written so far.
    private var offset = 0
    private var directory = Data()
    private var count: UInt16 = 0

    /// - Parameter limit: Largest size of the archive in bytes; smaller in tests.
    init(path: String, limit: Int = StoredZip.limit) throws {
        file = try AtomicFile(replacing: path)
        self.limit = limit
    }

    /// - Throws: `AnalysisError` where the archive would outgrow 32-bit offsets; `FileWriteError`.
    mutating func append(_ name: String, _ content: Data) throws {
        let size = offset + content.count + directory.count + 2 * (76 + name.utf8.count) + 22
        guard size <= limit else {
            throw AnalysisError(
                .cannotWrite, path: file.path,
                message: "\(name) would make the archive \(size) bytes long, but a plain ZIP file is limited to 4 GiB",
                remedy: "Use --format hdf5")
        }
        let description = Self.description(of: name, content)
        directory.append(littleEndian: UInt32(0x0201_4b50))
        // Made by version 2.0 on a system without file attributes.
        directory.append(littleEndian: UInt16(20))
        directory.append(description)
        // No comment, first disk, no internal or external attributes: 2 + 2 + 2 + 4 bytes.
        directory.append(Data(count: 10))
        directory.append(littleEndian: UInt32(offset))
        directory.append(contentsOf: name.utf8)
        var header = Data()
        header.append(littleEndian: UInt32(0x0403_4b50))
        header.append(description)
        header.append(contentsOf: name.utf8)
        try file.write(header)
        try file.write(content)
        offset += header.count + content.count
        count += 1
    }

    /// Writes the directory and puts the archive in its place.
    func commit() throws {
        var end = Data()
        end.append(littleEndian: UInt32(0x0605_4b50))
        end.append(Data(count: 4))
        end.append(littleEndian: count)
        end.append(littleEndian: count)
        end.append(littleEndian: UInt32(directory.count))
        end.append(littleEndian: UInt32(offset))
        end.append(Data(count: 2))
        try file.write(directory)
        try file.write(end)
        try file.commit()
    }

    /// The 26 bytes that an entry's header shares with its line of the directory.
    private static func description(of name: String, _ content: Data) -> Data {
        var bytes = Data()
        // Version 2.0 to read, no flags, stored.
        bytes.append(littleEndian: UInt16(20))
        bytes.append(Data(count: 4))
        // 1980-01-01 00:00, the format's first day: equal content gives equal files.
        bytes.append(littleEndian: UInt16(0))
        bytes.append(littleEndian: UInt16(1 << 5 | 1))
        bytes.append(littleEndian: CyclicRedundancyCheck.crc32(content))
        bytes.append(littleEndian: UInt32(content.count))
        bytes.append(littleEndian: UInt32(content.count))
        bytes.append(littleEndian: UInt16(name.utf8.count))
        bytes.append(Data(count: 2))
        return bytes
    }
}

/// CRC-32 as in ZIP, PNG and Ethernet: reflected polynomial 0xEDB88320, all bits inverted before and after.
enum CyclicRedundancyCheck {
    private static let table = table(of: 0xEDB8_8320)
    private static let castagnoliTable = table(of: 0x82F6_3B78)

    static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 { sum(bytes, table) }

    /// CRC-32C (Castagnoli), as in TFRecord and iSCSI.
    static func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 { sum(bytes, castagnoliTable) }

    private static func table(of polynomial: UInt32) -> [UInt32] {
        (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
        }
    }

    private static func sum(_ bytes: some Sequence<UInt8>, _ table: [UInt32]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }
}
