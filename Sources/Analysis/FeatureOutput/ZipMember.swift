/// An uncompressed member of a ZIP archive whose size is known (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.5.3).
struct ZipMember {
    let name: String
    let byteCount: Int
    /// Byte of its local header.
    let offset: Int
    /// Sizes and places from here on are 64-bit numbers.
    let limit: Int

    /// The largest 32-bit number says that the 64-bit one is to be looked at.
    static let usualLimit = Int(UInt32.max)

    private var isLarge: Bool { byteCount >= limit }
    /// Byte of its content.
    var contentOffset: Int { offset + 30 + name.utf8.count + (isLarge ? 20 : 0) }
    var end: Int { contentOffset + byteCount }

    /// - Parameter checksum: CRC-32 of the content.
    func localHeader(checksum: UInt32) -> [UInt8] {
        var bytes = ZipBytes()
        bytes.add(UInt32(0x0403_4b50))
        describe(isLarge, checksum, &bytes)
        bytes.add(UInt16(isLarge ? 20 : 0))
        bytes.values += Array(name.utf8)
        if isLarge { bytes.addWide([byteCount, byteCount]) }
        return bytes.values
    }

    /// Its line of the directory.
    func directoryEntry(checksum: UInt32) -> [UInt8] {
        let isFar = offset >= limit
        let wide = (isLarge ? [byteCount, byteCount] : []) + (isFar ? [offset] : [])
        var bytes = ZipBytes()
        bytes.add(UInt32(0x0201_4b50))
        // Made by a system without file attributes.
        bytes.add(UInt16(isLarge || isFar ? 45 : 20))
        describe(isLarge || isFar, checksum, &bytes)
        bytes.add(UInt16(wide.isEmpty ? 0 : 4 + 8 * wide.count))
        // No comment, first disk, no internal or external attributes: 2 + 2 + 2 + 4 bytes.
        bytes.values += Array(repeating: 0, count: 10)
        bytes.add(isFar ? UInt32.max : UInt32(offset))
        bytes.values += Array(name.utf8)
        if !wide.isEmpty { bytes.addWide(wide) }
        return bytes.values
    }

    /// What header and line share, up to the length of the name.
    private func describe(_ isWide: Bool, _ checksum: UInt32, _ bytes: inout ZipBytes) {
        // Version to read it, no flags, stored.
        bytes.add(UInt16(isWide ? 45 : 20))
        bytes.values += [0, 0, 0, 0]
        // 1980-01-01 00:00, the format's first day: equal content gives equal files.
        bytes.add(UInt16(0))
        bytes.add(UInt16(1 << 5 | 1))
        bytes.add(checksum)
        for _ in 0..<2 { bytes.add(isLarge ? UInt32.max : UInt32(byteCount)) }
        bytes.add(UInt16(name.utf8.count))
    }

    /// What stands behind the directory.
    static func ending(members: Int, directory: Range<Int>, limit: Int = usualLimit) -> [UInt8] {
        let isWide = directory.lowerBound >= limit || directory.count >= limit
        var bytes = ZipBytes()
        if isWide {
            bytes.add(UInt32(0x0606_4b50))
            bytes.add(UInt64(44))
            bytes.add(UInt16(45))
            bytes.add(UInt16(45))
            bytes.add(UInt64(0))
            for number in [members, members, directory.count, directory.lowerBound] { bytes.add(UInt64(number)) }
            // Where that record begins.
            bytes.add(UInt32(0x0706_4b50))
            bytes.add(UInt32(0))
            bytes.add(UInt64(directory.upperBound))
            bytes.add(UInt32(1))
        }
        bytes.add(UInt32(0x0605_4b50))
        bytes.add(UInt32(0))
        for _ in 0..<2 { bytes.add(UInt16(members)) }
        bytes.add(isWide ? UInt32.max : UInt32(directory.count))
        bytes.add(isWide ? UInt32.max : UInt32(directory.lowerBound))
        bytes.add(UInt16(0))
        return bytes.values
    }
}

/// Little-endian numbers one behind the other.
private struct ZipBytes {
    var values: [UInt8] = []

    mutating func add<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { values.append(contentsOf: $0) }
    }

    /// The field for what does not fit 32 bits.
    mutating func addWide(_ numbers: [Int]) {
        add(UInt16(1))
        add(UInt16(8 * numbers.count))
        for number in numbers { add(UInt64(number)) }
    }
}
