import Foundation

/// The members of a tar archive: names, places and sizes, from the heads alone.
///
/// Formats: POSIX ustar with pax headers, and GNU's long names. Content is skipped, so a shard of gigabytes takes as many
/// small reads as it has members.
package struct TarIndex: Sendable {
    package let path: String
    package let stamp: FileStamp
    /// Regular files only, in the order of the archive; a leading "./" is left out.
    package let names: PathTable
    /// Where the content of each begins.
    package private(set) var offsets: [Int] = []
    /// Bytes of each.
    package private(set) var sizes: [Int] = []

    package var count: Int { offsets.count }

    private static let block = 512
    /// A name or a pax header that is longer is no name.
    private static let longestHeader = 1 << 20

    /// What was read before.
    init(path: String, stamp: FileStamp, names: PathTable, offsets: [Int], sizes: [Int]) {
        self.path = path
        self.stamp = stamp
        self.names = names
        self.offsets = offsets
        self.sizes = sizes
    }

    /// Reads all heads.
    ///
    /// - Throws: `DatasetError` for archives that are compressed, cut off, damaged or sparse, with the place.
    package init(_ file: PositionalFile) throws {
        path = file.path
        stamp = file.stamp
        var names = PathTable()
        var window = TarWindow(file: file)
        try TarKind.refuseCompressed(window.read(at: 0, upTo: 6), file)
        var offset = 0
        var longName: [UInt8]?
        var pax: [String: [UInt8]] = [:]
        var global: [String: [UInt8]] = [:]
        var hasEnd = false
        while offset < file.size {
            let head = try window.read(at: offset, upTo: Self.block)
            guard head.count == Self.block else { throw Self.truncated(file, offset, "a head of 512 bytes") }
            // Two blocks of zeros end an archive; one does too, for all programs that read them.
            if head.allSatisfy({ $0 == 0 }) {
                hasEnd = true
                break
            }
            let header = try TarHeader(head, at: offset, file)
            let content = offset + Self.block
            let size = try pax["size"].map { try Self.decimal($0, at: offset, file) } ?? header.size
            guard size <= file.size - content else {
                throw Self.truncated(
                    file, offset, "\(size) bytes of \"\(String(decoding: header.name, as: UTF8.self))\"")
            }
            switch header.kind {
            case UInt8(ascii: "L"):
                longName = Array(try Self.special(size, content, &window, file).prefix { $0 != 0 })
            case UInt8(ascii: "x"), UInt8(ascii: "g"):
                let records = try Self.records(Self.special(size, content, &window, file), at: offset, file)
                if header.kind == UInt8(ascii: "x") { pax = records } else { global.merge(records) { $1 } }
            case UInt8(ascii: "K"): break
            default:
                let sparse = pax.keys.contains { $0.hasPrefix("GNU.sparse") } || header.kind == UInt8(ascii: "S")
                let name = pax["path"] ?? longName ?? global["path"] ?? header.name
                if sparse {
                    throw DatasetError(
                        place: path,
                        problem: "member \"\(String(decoding: name, as: UTF8.self))\" at byte \(offset) is stored as a "
                            + "sparse file", remedy: "pack it again without the option --sparse")
                }
                if header.isRegularFile {
                    try names.append(Self.withoutDot(name), of: path)
                    offsets.append(content)
                    sizes.append(size)
                }
                longName = nil
                pax = [:]
            }
            // Both are at most the file's size; the last member may lack its padding.
            offset = content + (size + Self.block - 1) / Self.block * Self.block
        }
        // Cut off between two members, a shard would look like a smaller one.
        guard hasEnd else {
            throw DatasetError(
                place: path,
                problem: "ends without the mark of an archive's end (\(Self.block) bytes of zeros): it may be cut off",
                remedy: "copy or make the shard again; if it is whole, add the mark: head -c 1024 /dev/zero >> \(path)")
        }
        self.names = names
    }

    private static func withoutDot(_ name: [UInt8]) -> ArraySlice<UInt8> {
        var name = name[...]
        while name.starts(with: Array("./".utf8)) { name = name.dropFirst(2).drop { $0 == UInt8(ascii: "/") } }
        return name
    }

    private static func truncated(_ file: PositionalFile, _ offset: Int, _ what: String) -> DatasetError {
        DatasetError(
            place: file.path,
            problem: "is truncated: \(what) should follow byte \(offset), but the file ends at byte \(file.size)",
            remedy: "copy or make the shard again")
    }

    private static func special(
        _ size: Int, _ offset: Int, _ window: inout TarWindow, _ file: PositionalFile
    ) throws -> [UInt8] {
        guard size <= longestHeader else { throw damaged(file, offset, "has a header of \(size) bytes") }
        return try window.read(at: offset, upTo: size)
    }

    static func damaged(_ file: PositionalFile, _ offset: Int, _ what: String) -> DatasetError {
        DatasetError(
            place: file.path, problem: "\(what) at byte \(offset): it is damaged, or no tar archive",
            remedy: "copy or make the shard again")
    }

    private static func decimal(_ bytes: [UInt8], at offset: Int, _ file: PositionalFile) throws -> Int {
        guard let value = Int(String(decoding: bytes, as: UTF8.self)), value >= 0 else {
            throw damaged(file, offset, "has a pax header with a size that is no number")
        }
        return value
    }

    /// Records of a pax header: "length key=value\n".
    private static func records(_ bytes: [UInt8], at offset: Int, _ file: PositionalFile) throws -> [String: [UInt8]] {
        var rest = bytes[...]
        var records: [String: [UInt8]] = [:]
        while let first = rest.first, first != 0 {
            guard let space = rest.prefix(20).firstIndex(of: UInt8(ascii: " ")),
                let length = Int(String(decoding: rest[rest.startIndex..<space], as: UTF8.self)),
                length > space - rest.startIndex + 1, length <= rest.count
            else { throw damaged(file, offset, "has a pax header with a record of no length") }
            let record = rest[(space + 1)..<(rest.startIndex + length)]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")), record.last == UInt8(ascii: "\n") else {
                throw damaged(file, offset, "has a pax header with a record of no value")
            }
            let key = String(decoding: record[record.startIndex..<equals], as: UTF8.self)
            records[key] = Array(record[(equals + 1)...].dropLast())
            rest = rest[(rest.startIndex + length)...]
        }
        return records
    }
}

/// Reads heads through a small window: the next head often lies beside a small member.
struct TarWindow {
    private static let size = 4096

    let file: PositionalFile
    private var start = 0
    private var bytes: [UInt8] = []

    init(file: PositionalFile) { self.file = file }

    /// Up to `count` bytes, fewer at the end of the file.
    mutating func read(at offset: Int, upTo count: Int) throws -> [UInt8] {
        let place = offset - start
        if place >= 0, place <= bytes.count, count <= bytes.count - place { return Array(bytes[place..<place + count]) }
        guard count <= Self.size else { return try file.read(at: offset, upTo: count) }
        bytes = try file.read(at: offset, upTo: Self.size)
        start = offset
        return Array(bytes.prefix(count))
    }
}
