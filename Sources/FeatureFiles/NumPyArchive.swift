import CZlib
import Foundation
import HDF5

/// A .npz file: a ZIP archive of .npy files, stored or deflated (PKWARE's APPNOTE, sections 4.3.7, 4.3.12, 4.5.3).
struct NumPyArchive: FeatureContent {
    private struct Member {
        let name: String
        let method: UInt16
        let packedSize: Int
        let size: Int
        /// Byte of the local header.
        let offset: Int
    }

    private let path: String
    private let data: Data
    private let members: [Member]

    init(path: String) throws {
        self.path = path
        data = try FileBytes.all(of: path)
        members = try Self.directory(of: data, path)
    }

    func entries() throws -> [FeatureEntry] {
        // Shapes stand at the beginning, so a start of each member is enough.
        try members.map { try NumPyArray(unpack($0, limit: 1 << 16), name: $0.name, file: path).entry }
    }

    func read(_ entry: FeatureEntry) throws -> FeatureArray {
        guard let member = members.first(where: { $0.name == entry.name }) else {
            throw failure(entry.name, "is not in the archive")
        }
        let array = try NumPyArray(unpack(member, limit: member.size), name: entry.name, file: path)
        // Of two members with one name it is the first, whichever of them was listed.
        return FeatureArray(
            name: entry.name, shape: array.entry.shape, type: array.entry.type,
            values: try narrowed(array.values(), file: path, dataset: entry.name))
    }

    private func failure(_ name: String?, _ message: String) -> FeatureFileError {
        FeatureFileError(
            file: path, dataset: name, message: message, remedy: "write it again with numpy.savez or savez_compressed")
    }

    // MARK: Directory

    /// The members that are arrays, from the central directory at the end of the file.
    private static func directory(of data: Data, _ path: String) throws -> [Member] {
        func damaged(_ what: String) -> FeatureFileError {
            FeatureFileError(
                file: path, message: "is a damaged ZIP archive (\(what))",
                remedy: "write it again with numpy.savez or savez_compressed")
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
                data.littleEndian(at: record, as: UInt32.self) == 0x0606_4b50,
                let many = data.littleEndian(at: record + 32, as: UInt64.self).flatMap({ Int(exactly: $0) }),
                let start = data.littleEndian(at: record + 48, as: UInt64.self).flatMap({ Int(exactly: $0) })
            else { throw damaged("no ZIP64 directory") }
            (count, place) = (many, start)
        }
        var members: [Member] = []
        for _ in 0..<count {
            guard data.littleEndian(at: place, as: UInt32.self) == 0x0201_4b50,
                let flags = data.littleEndian(at: place + 8, as: UInt16.self),
                let method = data.littleEndian(at: place + 10, as: UInt16.self),
                let packed = data.littleEndian(at: place + 20, as: UInt32.self),
                let size = data.littleEndian(at: place + 24, as: UInt32.self),
                let nameLength = data.littleEndian(at: place + 28, as: UInt16.self).map(Int.init),
                let extraLength = data.littleEndian(at: place + 30, as: UInt16.self).map(Int.init),
                let commentLength = data.littleEndian(at: place + 32, as: UInt16.self).map(Int.init),
                let offset = data.littleEndian(at: place + 42, as: UInt32.self),
                place + 46 + nameLength + extraLength <= data.count
            else { throw damaged("an entry of its directory is cut off") }
            guard flags & 1 == 0 else { throw damaged("it is encrypted") }
            let nameStart = data.startIndex + place + 46
            let name = String(decoding: data[nameStart..<(nameStart + nameLength)], as: UTF8.self)
            var sizes = [UInt64(size), UInt64(packed), UInt64(offset)]
            try widen(&sizes, data, at: place + 46 + nameLength, count: extraLength) { damaged($0) }
            if name.hasSuffix(".npy") {
                guard let size = Int(exactly: sizes[0]), let packed = Int(exactly: sizes[1]),
                    let offset = Int(exactly: sizes[2])
                else { throw damaged("sizes beyond this machine's") }
                members.append(
                    Member(
                        name: String(name.dropLast(4)), method: method, packedSize: packed, size: size, offset: offset))
            }
            place += 46 + nameLength + extraLength + commentLength
        }
        return members
    }

    /// Takes sizes that are too large for 32 bits from the extra field 1.
    private static func widen(
        _ sizes: inout [UInt64], _ data: Data, at start: Int, count: Int,
        _ damaged: (String) -> FeatureFileError
    ) throws {
        guard sizes.contains(0xffff_ffff) else { return }
        var place = start
        while place + 4 <= start + count {
            guard let kind = data.littleEndian(at: place, as: UInt16.self),
                let length = data.littleEndian(at: place + 2, as: UInt16.self).map(Int.init)
            else { break }
            if kind == 1 {
                var field = place + 4
                for index in sizes.indices where sizes[index] == 0xffff_ffff {
                    guard field + 8 <= place + 4 + length, let wide = data.littleEndian(at: field, as: UInt64.self)
                    else {
                        throw damaged("ZIP64 sizes are missing")
                    }
                    sizes[index] = wide
                    field += 8
                }
                return
            }
            place += 4 + length
        }
    }

    // MARK: Content

    /// The member's bytes, at most `limit` of them.
    private func unpack(_ member: Member, limit: Int) throws -> Data {
        guard data.littleEndian(at: member.offset, as: UInt32.self) == 0x0403_4b50,
            let nameLength = data.littleEndian(at: member.offset + 26, as: UInt16.self),
            let extraLength = data.littleEndian(at: member.offset + 28, as: UInt16.self)
        else { throw failure(member.name, "has no local header") }
        let start = member.offset + 30 + Int(nameLength) + Int(extraLength)
        guard start <= data.count, member.packedSize <= data.count - start else {
            throw failure(member.name, "is cut off")
        }
        let packed = data[(data.startIndex + start)..<(data.startIndex + start + member.packedSize)]
        switch member.method {
        case 0: return packed.prefix(limit)
        case 8:
            // Deflate makes at most 1032 bytes of one, so nothing has to be reserved for a size beyond that.
            guard member.size / 1032 <= packed.count else { throw failure(member.name, "is damaged (its size)") }
            guard member.size <= HDF5Bounds.memory(ofFile: data.count) else {
                throw failure(
                    member.name, "claims \(member.size) bytes, too many for an archive of \(data.count) bytes")
            }
            return try inflate(packed, count: min(member.size, limit), member.name)
        default:
            throw failure(
                member.name, "is packed with method \(member.method); only stored and deflated members can be read")
        }
    }

    /// Raw deflate data unpacked, the first `count` bytes.
    private func inflate(_ packed: Data, count: Int, _ name: String) throws -> Data {
        var stream = unsafe z_stream()
        // Negative: raw data without zlib's header.
        guard unsafe inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw failure(name, "cannot be unpacked (zlib does not start)")
        }
        defer { unsafe inflateEnd(&stream) }
        var result = Data(count: count)
        var code = Z_OK
        unsafe packed.withUnsafeBytes { source in
            unsafe result.withUnsafeMutableBytes { target in
                var (read, written) = (0, 0)
                // zlib counts in 32 bits.
                let piece = 1 << 30
                while code == Z_OK, written < target.count {
                    let (available, room) = (min(piece, source.count - read), min(piece, target.count - written))
                    unsafe stream.next_in = unsafe UnsafeMutablePointer(
                        mutating: source.baseAddress?.advanced(by: read).assumingMemoryBound(to: Bytef.self))
                    unsafe stream.avail_in = uInt(available)
                    unsafe stream.next_out = unsafe target.baseAddress?.advanced(by: written).assumingMemoryBound(
                        to: Bytef.self)
                    unsafe stream.avail_out = uInt(room)
                    code = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                    let (taken, made) = unsafe (available - Int(stream.avail_in), room - Int(stream.avail_out))
                    read += taken
                    written += made
                    if taken == 0 && made == 0 { break }
                }
                if written < target.count, code == Z_OK || code == Z_STREAM_END { code = Z_DATA_ERROR }
            }
        }
        guard code == Z_OK || code == Z_STREAM_END else {
            throw failure(name, "cannot be unpacked (its deflated data is damaged)")
        }
        return result
    }
}
