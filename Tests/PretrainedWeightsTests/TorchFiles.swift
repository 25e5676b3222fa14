import Foundation
import TestSupport

/// Files of torch.save made by hand, right or wrong.
enum TorchFiles {
    /// A tensor as a pickle describes it.
    struct Tensor {
        var name = "w"
        var storage = "0"
        var count = 6
        var kind = "FloatStorage"
        var offset = 0
        var shape = [2, 3]
        var strides = [3, 1]
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return [0x58] + little(UInt32(bytes.count)) + bytes
    }

    private static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func integer(_ number: Int) -> [UInt8] { [0x8A, 8] + little(Int64(number)) }

    private static func tuple(_ parts: [UInt8]) -> [UInt8] { [0x28] + parts + [0x74] }

    /// The value that stands for a tensor.
    static func value(_ tensor: Tensor) -> [UInt8] {
        let identifier = tuple(
            text("storage") + global("torch", tensor.kind) + text(tensor.storage) + text("cpu") + integer(tensor.count)
                + (tensor.storage.isEmpty ? [0x4E] : []))
        let arguments =
            identifier + [0x51] + integer(tensor.offset) + tuple(tensor.shape.flatMap { integer($0) })
            + tuple(tensor.strides.flatMap { integer($0) }) + [0x89] + global("collections", "OrderedDict") + [
                0x29, 0x52,
            ]
        return global("torch._utils", "_rebuild_tensor_v2") + tuple(arguments) + [0x52]
    }

    /// A dictionary of values by their names.
    static func dictionary(_ entries: [(String, [UInt8])]) -> [UInt8] {
        [0x7D, 0x28] + entries.flatMap { text($0.0) + $0.1 } + [0x75]
    }

    static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [0x2E] }

    static func pickle(_ tensors: [Tensor]) -> [UInt8] { pickle(dictionary(tensors.map { ($0.name, value($0)) })) }

    static func bytes(_ values: [Float], bigEndian: Bool = false) -> [UInt8] {
        values.flatMap { value in
            withUnsafeBytes(of: bigEndian ? value.bitPattern.bigEndian : value.bitPattern.littleEndian) { Array($0) }
        }
    }

    // MARK: Pickles in a row

    static func row(_ object: [UInt8], storages: [(String, Int, [UInt8])], bigEndian: Bool = false) -> [UInt8] {
        let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        var bytes = magic + pickle([0x4D, 0xE9, 0x03])
        bytes += pickle(
            dictionary([("protocol_version", [0x4D, 0xE9, 0x03]), ("little_endian", [bigEndian ? 0x89 : 0x88])]))
        bytes += object + pickle([0x5D, 0x28] + storages.flatMap { text($0.0) } + [0x65])
        for (_, count, content) in storages {
            bytes += little(bigEndian ? Int64(count).byteSwapped : Int64(count)) + content
        }
        return bytes
    }

    // MARK: ZIP

    struct Member {
        var name: String
        var content: [UInt8]
        /// Of the directory; none: the true one.
        var checksum: UInt32?
        var method: UInt16 = 0
        var flags: UInt16 = 0
        /// What the directory says; none: the true one.
        var size: Int?
        var offset: Int?
        /// In the member's own header.
        var localName: String?
    }

    static func members(_ pickle: [UInt8], storages: [(String, [UInt8])]) -> [Member] {
        [Member(name: "a/data.pkl", content: pickle), Member(name: "a/version", content: Array("3\n".utf8))]
            + storages.map { Member(name: "a/data/\($0.0)", content: $0.1) }
    }

    static func zip(_ members: [Member], count: Int? = nil) -> [UInt8] {
        var (bytes, directory): ([UInt8], [UInt8]) = ([], [])
        for member in members {
            let size = UInt32(member.size ?? member.content.count)
            func shared(_ name: String) -> [UInt8] {
                little(UInt16(20)) + little(member.flags) + little(member.method) + little(UInt32(0))
                    + little(member.checksum ?? crc32(member.content)) + little(size) + little(size)
                    + little(UInt16(name.utf8.count)) + little(UInt16(0))
            }
            directory += little(UInt32(0x0201_4b50)) + little(UInt16(20)) + shared(member.name)
            directory += [UInt8](repeating: 0, count: 10) + little(UInt32(member.offset ?? bytes.count))
            directory += Array(member.name.utf8)
            let own = member.localName ?? member.name
            bytes += little(UInt32(0x0403_4b50)) + shared(own) + Array(own.utf8) + member.content
        }
        let place = bytes.count
        bytes += directory + little(UInt32(0x0605_4b50)) + [0, 0, 0, 0]
        bytes += little(UInt16(count ?? members.count)) + little(UInt16(count ?? members.count))
        return bytes + little(UInt32(directory.count)) + little(UInt32(place)) + [0, 0]
    }
}
