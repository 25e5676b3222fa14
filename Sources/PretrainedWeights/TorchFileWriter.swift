import Foundation
import Safetensors

/// Writes the ZIP archive of torch.save: stored members, each with its data at a multiple of 64 bytes, ZIP64 where offsets
/// need it.
///
/// Layout: caffe2/serialize/inline_container.cc of PyTorch; ZIP: PKWARE's APPNOTE, sections 4.3 and 4.5.3. Equal content
/// gives equal bytes.
struct TorchFileWriter {
    private static let alignment = 64
    /// The largest number that plain ZIP has for a size or an offset; smaller in tests.
    private let limit: Int
    private let file: AtomicFile
    private let path: String
    private let folder: String
    private var offset = 0
    private var directory = Data()
    private var count = 0

    /// - Parameters:
    ///   - folder: Name of the one folder at the top.
    ///   - limit: From which offset on ZIP64 is used.
    init(path: String, folder: String, limit: Int = Int(UInt32.max) - 1) throws {
        self.path = path
        self.folder = folder
        self.limit = limit
        file = try AtomicFile(replacing: path)
    }

    /// A file of torch.save.
    ///
    /// - Parameters:
    ///   - pickle: The object, whose tensors refer to storages by their number.
    ///   - storages: The numbers of each storage, made when their turn comes.
    /// - Throws: `FileWriteError`, and what a storage throws; what was there before is untouched then.
    static func write(
        pickle: Data, storages: [() throws -> [Float]], to path: String, limit: Int = Int(UInt32.max) - 1
    ) throws {
        var writer = try TorchFileWriter(path: path, folder: "archive", limit: limit)
        try writer.append("data.pkl", pickle)
        try writer.append(".format_version", Data("1".utf8))
        try writer.append(".storage_alignment", Data("\(alignment)".utf8))
        try writer.append("byteorder", Data("little".utf8))
        for (number, storage) in storages.enumerated() {
            // As of all processors that this program is built for.
            let bytes = try storage().withUnsafeBytes { Data($0) }
            try writer.append("data/\(number)", bytes)
        }
        try writer.append("version", Data("3\n".utf8))
        try writer.commit()
    }

    private mutating func append(_ name: String, _ content: Data) throws {
        guard content.count < Int(UInt32.max) else {
            throw WeightError(
                file: path, tensor: name,
                message: "takes \(content.count) bytes, more than a member of the archive may",
                remedy: "write safetensors instead")
        }
        let name = Data("\(folder)/\(name)".utf8)
        var checksum = CRC32()
        content.withUnsafeBytes { checksum.append($0) }
        let shared = Self.description(checksum.value, content.count, name.count)
        // An extra field "FB" fills up to the alignment, as PyTorch does it.
        let unpadded = offset + 30 + name.count + 4
        let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
        var header = Data()
        header.append(littleEndian: UInt32(0x0403_4b50))
        header.append(shared)
        header.append(littleEndian: UInt16(padding + 4))
        header.append(name)
        header.append(contentsOf: "FB".utf8)
        header.append(littleEndian: UInt16(padding))
        header.append(Data(repeating: UInt8(ascii: "Z"), count: padding))
        addToDirectory(name, shared)
        try file.write(header)
        try file.write(content)
        offset += header.count + content.count
        count += 1
    }

    private mutating func addToDirectory(_ name: Data, _ shared: Data) {
        var extra = Data()
        if offset > limit {
            extra.append(littleEndian: UInt16(1))
            extra.append(littleEndian: UInt16(8))
            extra.append(littleEndian: UInt64(offset))
        }
        directory.append(littleEndian: UInt32(0x0201_4b50))
        // Made by version 4.5 on a system without file attributes.
        directory.append(littleEndian: UInt16(45))
        directory.append(shared)
        directory.append(littleEndian: UInt16(extra.count))
        // No comment, first disk, no internal or external attributes: 2 + 2 + 2 + 4 bytes.
        directory.append(Data(count: 10))
        directory.append(littleEndian: offset > limit ? UInt32.max : UInt32(offset))
        directory.append(name)
        directory.append(extra)
    }

    /// The 24 bytes that a member's header shares with its line of the directory.
    private static func description(_ checksum: UInt32, _ size: Int, _ nameLength: Int) -> Data {
        var bytes = Data()
        // Version 4.5 to read, no flags, stored.
        bytes.append(littleEndian: UInt16(45))
        bytes.append(Data(count: 4))
        // 1980-01-01 00:00, the format's first day.
        bytes.append(littleEndian: UInt16(0))
        bytes.append(littleEndian: UInt16(1 << 5 | 1))
        bytes.append(littleEndian: checksum)
        bytes.append(littleEndian: UInt32(size))
        bytes.append(littleEndian: UInt32(size))
        bytes.append(littleEndian: UInt16(nameLength))
        return bytes
    }

    /// Writes the directory and puts the archive in its place.
    private func commit() throws {
        var end = Data()
        let isWide = offset > limit || count >= 0xFFFF
        if isWide {
            end.append(littleEndian: UInt32(0x0606_4b50))
            end.append(littleEndian: UInt64(44))
            end.append(littleEndian: UInt16(45))
            end.append(littleEndian: UInt16(45))
            end.append(Data(count: 8))
            end.append(littleEndian: UInt64(count))
            end.append(littleEndian: UInt64(count))
            end.append(littleEndian: UInt64(directory.count))
            end.append(littleEndian: UInt64(offset))
            end.append(littleEndian: UInt32(0x0706_4b50))
            end.append(Data(count: 4))
            end.append(littleEndian: UInt64(offset + directory.count))
            end.append(littleEndian: UInt32(1))
        }
        end.append(littleEndian: UInt32(0x0605_4b50))
        end.append(Data(count: 4))
        end.append(littleEndian: isWide ? UInt16.max : UInt16(count))
        end.append(littleEndian: isWide ? UInt16.max : UInt16(count))
        end.append(littleEndian: UInt32(directory.count))
        end.append(littleEndian: isWide ? UInt32.max : UInt32(offset))
        end.append(littleEndian: UInt16(0))
        try file.write(directory)
        try file.write(end)
        try file.commit()
    }
}
