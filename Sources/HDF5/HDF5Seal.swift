import Foundation
import Safetensors

/// The block that a sealed file begins with. It tells damage before the HDF5 library reads a byte, which damaged files
/// can crash.
///
/// HDF5 leaves the first 512 bytes of a file to its user (H5Pset_userblock); readers skip them. Numbers are
/// little-endian:
///
///     0   16 bytes  89 "cjepa-exp" 0d 0a 1a 0a 00 00
///     16  UInt64    version of this layout, 1
///     24  UInt64    bytes of the whole file
///     32  UInt64    XXH64 of the bytes from 512 on
///     40  UInt64    XXH64 of the 40 bytes before this number
///     48            zeros
enum HDF5Seal {
    static let byteCount = 512
    static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    private static let magic: [UInt8] = [0x89] + "cjepa-exp".utf8 + [0x0d, 0x0a, 0x1a, 0x0a, 0, 0]
    private static let version: UInt64 = 1
    /// Bytes that the block's own checksum covers.
    private static let sealedCount = 40
    /// Bytes that are read at once.
    private static let piece = 1 << 20

    static func isBeginning(_ bytes: [UInt8]) -> Bool {
        bytes.count >= signature.count && [signature[...], magic.prefix(signature.count)].contains(bytes.prefix(8))
    }

    /// The block for a file whose other bytes are `body`.
    static func block(for body: Data) -> Data {
        var checksum = XXH64()
        unsafe body.withUnsafeBytes { unsafe checksum.append($0) }
        var block = magic
        append(version, to: &block)
        append(UInt64(byteCount + body.count), to: &block)
        append(checksum.value, to: &block)
        append(Self.checksum(of: block), to: &block)
        return Data(block + [UInt8](repeating: 0, count: byteCount - block.count))
    }

    /// Compares a file with its seal.
    ///
    /// - Returns: False for an HDF5 file that carries none, as those of other programs and of earlier versions.
    /// - Throws: `HDF5Error` where it is damaged, or no HDF5 file at all.
    static func verify(_ file: ReadableFile) throws -> Bool {
        func failure(_ message: String) -> HDF5Error {
            HDF5Error(operation: "open", file: file.path, object: "/", message: message)
        }
        let block = try file.read(byteCount, at: 0)
        if block.starts(with: signature) { return false }
        guard block.starts(with: magic) else { throw failure("not an HDF5 file, or a damaged one: checksum missing") }
        guard block.count == byteCount, number(in: block, at: sealedCount) == checksum(of: block.prefix(sealedCount)),
            block.dropFirst(sealedCount + 8).allSatisfy({ $0 == 0 })
        else { throw failure("damaged: the checksum of its first \(byteCount) bytes does not match") }
        guard number(in: block, at: 16) == version else {
            throw failure(
                "written by a newer version of cjepa-exp: its seal has the version \(number(in: block, at: 16))")
        }
        guard number(in: block, at: 24) == UInt64(file.byteCount) else {
            throw failure(
                "damaged: it has \(file.byteCount) bytes, but \(number(in: block, at: 24)) were written, so its checksum "
                    + "cannot match")
        }
        var checksum = XXH64()
        var place = byteCount
        while place < file.byteCount {
            let bytes = try file.read(piece, at: place)
            if bytes.isEmpty { break }
            unsafe bytes.withUnsafeBytes { unsafe checksum.append($0) }
            place += bytes.count
        }
        let written = number(in: block, at: 32)
        guard checksum.value == written else {
            throw failure(
                "damaged: its content has the checksum \(checksum.digits), but \(XXH64.digits(written)) was stored")
        }
        return true
    }

    private static func checksum(of bytes: some Sequence<UInt8>) -> UInt64 {
        unsafe Array(bytes).withUnsafeBytes { unsafe XXH64.checksum(of: $0) }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func number(in bytes: [UInt8], at place: Int) -> UInt64 {
        bytes[place..<(place + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
