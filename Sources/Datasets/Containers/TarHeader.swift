/// A head of 512 bytes: name, size and kind of a member.
struct TarHeader {
    let name: [UInt8]
    /// Bytes of content that follow; none for folders and links, whatever is written there.
    let size: Int
    /// The type flag.
    let kind: UInt8
    let isRegularFile: Bool

    init(_ head: [UInt8], at offset: Int, _ file: PositionalFile) throws {
        func damaged(_ what: String) -> DatasetError { TarIndex.damaged(file, offset, what) }
        // The checksum is the sum of the head with blanks in its own place; old programs added signed bytes.
        let stored = try Self.number(head[148..<156]) ?? { throw damaged("has a head without a checksum") }()
        var unsigned = 0
        var signed = 0
        for (place, byte) in head.enumerated() {
            let value = (148..<156).contains(place) ? UInt8(ascii: " ") : byte
            unsigned += Int(value)
            signed += Int(Int8(bitPattern: value))
        }
        guard stored == unsigned || stored == signed else { throw damaged("has a head with a wrong checksum") }
        kind = head[156]
        isRegularFile = kind == UInt8(ascii: "0") || kind == 0 || kind == UInt8(ascii: "7")
        let hasContent = !(UInt8(ascii: "1")...UInt8(ascii: "6")).contains(kind)
        guard let announced = Self.number(head[124..<136]) else { throw damaged("has a head without a size") }
        size = hasContent ? announced : 0
        let short = Array(head[0..<100].prefix { $0 != 0 })
        let isPOSIX = Array(head[257..<263]) == Array("ustar".utf8) + [0]
        let prefix = isPOSIX ? Array(head[345..<500].prefix { $0 != 0 }) : []
        name = prefix.isEmpty ? short : prefix + [UInt8(ascii: "/")] + short
    }

    /// An octal number between blanks or zeros, or GNU's binary form; nil for all else and for negative ones.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if field.first == 0x80 {
            var value = 0
            for byte in field.dropFirst() {
                guard value >> 54 == 0 else { return nil }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
        return digits.isEmpty
            ? (field.contains { $0 != 0 && $0 != 0x20 } ? nil : 0)
            : Int(String(decoding: digits, as: UTF8.self), radix: 8).flatMap { $0 >= 0 ? $0 : nil }
    }
}

/// What a file is by its first bytes.
enum TarKind {
    static func refuseCompressed(_ head: [UInt8], _ file: PositionalFile) throws {
        let kinds: [([UInt8], String, String)] = [
            ([0x1F, 0x8B], "gzip", "gzip -d"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "zstd -d"),
            ([0x42, 0x5A, 0x68], "bzip2", "bzip2 -d"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz", "xz -d"),
        ]
        for (magic, name, command) in kinds where head.starts(with: magic) {
            throw DatasetError(
                place: file.path,
                problem: "is compressed with \(name), so that no image in it can be reached by its place",
                remedy:
                    "unpack it once: \(command) \((file.path as String).split(separator: "/").last.map(String.init) ?? "")"
            )
        }
        guard file.size >= 512 else {
            throw DatasetError(
                place: file.path, problem: "has \(file.size) bytes, which is no tar archive",
                remedy: "copy or make the shard again")
        }
    }
}
