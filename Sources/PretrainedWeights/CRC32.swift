/// CRC-32 as in ZIP: reflected polynomial 0xEDB88320, all bits inverted before and after.
///
/// Eight bytes at a time by eight tables ("slicing by 8", Kounavis and Berry 2005), since weights are gigabytes.
struct CRC32 {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            tables[byte] = (0..<8).reduce(UInt32(byte)) { value, _ in
                value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
            }
        }
        for place in 256..<(8 * 256) {
            let before = tables[place - 256]
            tables[place] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    private var state = ~UInt32(0)

    /// The checksum of all bytes so far.
    var value: UInt32 { ~state }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var value = state
        Self.tables.withUnsafeBufferPointer { table in
            var place = 0
            while place + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ value
                let high = UInt32(truncatingIfNeeded: word >> 32)
                value = table[7 * 256 + Int(low & 0xFF)] ^ table[6 * 256 + Int(low >> 8 & 0xFF)]
                value ^= table[5 * 256 + Int(low >> 16 & 0xFF)] ^ table[4 * 256 + Int(low >> 24)]
                value ^= table[3 * 256 + Int(high & 0xFF)] ^ table[2 * 256 + Int(high >> 8 & 0xFF)]
                value ^= table[256 + Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
                place += 8
            }
            while place < bytes.count {
                value = value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ bytes[place])]
                place += 1
            }
        }
        state = value
    }
}
