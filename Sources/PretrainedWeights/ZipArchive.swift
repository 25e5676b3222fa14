import Foundation

/// The members of a ZIP archive as PyTorch writes it: stored, not packed, with ZIP64 sizes where they are large.
///
/// Format: PKWARE's APPNOTE, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3. Both headers of a member must agree, names
/// may neither repeat nor lead out of the archive, and members may not overlap: what one program finds under a name is
/// then what every other finds.
struct ZipArchive {
    struct Member {
        let name: String
        let content: Data
        let checksum: UInt32
    }

    let path: String
    let members: [String: Member]

    /// Whether the bytes begin as a ZIP archive does.
    static func isArchive(_ data: Data) -> Bool { data.starts(with: [0x50, 0x4B, 0x03, 0x04]) }

    /// - Throws: `WeightError` for a damaged archive, and for members that are packed or encrypted.
    init(_ data: Data, path: String) throws {
        self.path = path
        var members: [String: Member] = [:]
        var places: [Range<Int>] = []
        for entry in try Self.directory(of: data, path) {
            let (member, place) = try Self.member(entry, of: data, path)
            guard members.updateValue(member, forKey: member.name) == nil else {
                throw Self.failure(path, member.name, "is there twice in the archive")
            }
            places.append(place)
        }
        places.sort { $0.lowerBound < $1.lowerBound }
        for (first, second) in zip(places, places.dropFirst()) where second.lowerBound < first.upperBound {
            throw Self.failure(path, nil, "has members that overlap")
        }
        self.members = members
    }

    /// The bytes of a member, whose checksum is compared.
    func content(of name: String) throws -> Data? {
        guard let member = members[name] else { return nil }
        var checksum = CRC32()
        member.content.withUnsafeBytes { checksum.append($0) }
        guard checksum.value == member.checksum else {
            throw Self.failure(path, name, "its checksum (CRC-32) is wrong")
        }
        return member.content
    }

    static func failure(_ path: String, _ member: String?, _ message: String) -> WeightError {
        WeightError(file: path, tensor: member, message: message, remedy: WeightError.again)
    }

    // MARK: Directory

    private struct Entry {
        let name: [UInt8]
        let flags, method: UInt16
        let checksum: UInt32
        let size, packedSize, offset: Int
    }

    private static func directory(of data: Data, _ path: String) throws -> [Entry] {
        func damaged(_ what: String) -> WeightError {
            failure(path, nil, "is a ZIP archive that is cut off or damaged (\(what))")
        }
        // A comment of up to 64 KiB may follow the end record.
        var end = data.count - 22
        while end >= 0, end >= data.count - 22 - 65_535, data.littleEndian(at: end, as: UInt32.self) != 0x0605_4b50 {
            end -= 1
        }
        guard end >= 0, data.littleEndian(at: end, as: UInt32.self) == 0x0605_4b50,
            var count = data.littleEndian(at: end + 10, as: UInt16.self).map(Int.init),
            var place = data.littleEndian(at: end + 16, as: UInt32.self).map(Int.init)
        else { throw damaged("no directory") }
        if count == 0xffff || place == 0xffff_ffff {
            // ZIP64: a locator stands before the end record.
            guard data.littleEndian(at: end - 20, as: UInt32.self) == 0x0706_4b50,
                let record = data.littleEndian(at: end - 12, as: UInt64.self).flatMap({ Int(exactly: $0) }),
                data.littleEndian(at: record, as: UInt32.self) == 0x0606_4b50, record <= data.count - 56,
                let many = data.littleEndian(at: record + 32, as: UInt64.self).flatMap({ Int(exactly: $0) }),
                let start = data.littleEndian(at: record + 48, as: UInt64.self).flatMap({ Int(exactly: $0) })
            else { throw damaged("no ZIP64 directory") }
            (count, place) = (many, start)
        }
        // A line of the directory takes 46 bytes, and a header of its own 30.
        guard count >= 0, count <= data.count / 76, place >= 0, place <= data.count else {
            throw damaged("\(count) members are announced")
        }
        var entries: [Entry] = []
        for _ in 0..<count {
            guard data.littleEndian(at: place, as: UInt32.self) == 0x0201_4b50,
                let flags = data.littleEndian(at: place + 8, as: UInt16.self),
                let method = data.littleEndian(at: place + 10, as: UInt16.self),
                let checksum = data.littleEndian(at: place + 16, as: UInt32.self),
                let packed = data.littleEndian(at: place + 20, as: UInt32.self),
                let size = data.littleEndian(at: place + 24, as: UInt32.self),
                let nameLength = data.littleEndian(at: place + 28, as: UInt16.self).map(Int.init),
                let extraLength = data.littleEndian(at: place + 30, as: UInt16.self).map(Int.init),
                let commentLength = data.littleEndian(at: place + 32, as: UInt16.self).map(Int.init),
                let offset = data.littleEndian(at: place + 42, as: UInt32.self),
                let name = data.piece(at: place + 46, count: nameLength),
                let extra = data.piece(at: place + 46 + nameLength, count: extraLength)
            else { throw damaged("an entry of its directory is cut off") }
            var sizes = [UInt64(size), UInt64(packed), UInt64(offset)]
            guard widen(&sizes, extra), let size = Int(exactly: sizes[0]), let packed = Int(exactly: sizes[1]),
                let offset = Int(exactly: sizes[2])
            else { throw damaged("ZIP64 sizes are missing") }
            entries.append(
                Entry(
                    name: Array(name), flags: flags, method: method, checksum: checksum, size: size,
                    packedSize: packed, offset: offset))
            place += 46 + nameLength + extraLength + commentLength
        }
        return entries
    }

    /// Takes sizes that are too large for 32 bits from the extra field 1; false where they are missing.
    private static func widen(_ sizes: inout [UInt64], _ extra: Data) -> Bool {
        guard sizes.contains(0xffff_ffff) else { return true }
        var place = 0
        while let kind = extra.littleEndian(at: place, as: UInt16.self),
            let length = extra.littleEndian(at: place + 2, as: UInt16.self).map(Int.init)
        {
            if kind == 1, let field = extra.piece(at: place + 4, count: length) {
                var used = 0
                for index in sizes.indices where sizes[index] == 0xffff_ffff {
                    guard let wide = field.littleEndian(at: used, as: UInt64.self) else { return false }
                    sizes[index] = wide
                    used += 8
                }
                return true
            }
            place += 4 + length
        }
        return false
    }

    // MARK: Members

    private static func member(_ entry: Entry, of data: Data, _ path: String) throws -> (Member, Range<Int>) {
        guard let name = String(validating: entry.name, as: UTF8.self), !name.isEmpty else {
            throw failure(path, nil, "has a member without a readable name")
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.hasPrefix("/"), !parts.contains(".."), !name.contains("\\"), !name.contains("\0") else {
            throw failure(path, name, "a name that leads out of the archive")
        }
        guard entry.flags & 1 == 0 else { throw failure(path, name, "is encrypted") }
        guard entry.method == 0 else {
            throw WeightError(
                file: path, tensor: name, message: "is compressed (method \(entry.method)), as PyTorch never writes it",
                remedy: "load it in PyTorch, and write it with torch.save")
        }
        guard entry.size == entry.packedSize else { throw failure(path, name, "has two sizes") }
        guard data.littleEndian(at: entry.offset, as: UInt32.self) == 0x0403_4b50,
            let nameLength = data.littleEndian(at: entry.offset + 26, as: UInt16.self).map(Int.init),
            let extraLength = data.littleEndian(at: entry.offset + 28, as: UInt16.self).map(Int.init),
            let localName = data.piece(at: entry.offset + 30, count: nameLength)
        else { throw failure(path, name, "has no header where the directory says") }
        guard Array(localName) == entry.name else { throw failure(path, name, "has two names") }
        let start = entry.offset + 30 + nameLength + extraLength
        guard let content = data.piece(at: start, count: entry.size) else { throw failure(path, name, "is cut off") }
        let member = Member(name: name, content: content, checksum: entry.checksum)
        return (member, entry.offset..<(start + entry.size))
    }
}
