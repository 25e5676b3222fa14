/// Steele's SplitMix64, for tests that draw at random: the same numbers for a seed everywhere.
package struct SeededGenerator: RandomNumberGenerator {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension [UInt8] {
    /// The bytes with one to four changes: values, bits, cut out, doubled, cut off, or replaced by a piece of `other`.
    ///
    /// - Parameter head: Half of the changes meet the first so many bytes, where a format has its sizes and tables.
    package func mutated(
        with other: [UInt8], head: Int = 200, using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let reach = Bool.random(using: &generator) ? Swift.min(bytes.count, head) : bytes.count
            let place = Int.random(in: 0..<reach, using: &generator)
            let length = Swift.min(bytes.count - place, Int.random(in: 1...16, using: &generator))
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes[place] = [0, 0xFF, 0x7F, 0x80][Int.random(in: 0..<4, using: &generator)]
            case 3: bytes.removeSubrange(place..<place + length)
            case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 5: bytes.removeLast(bytes.count - place)
            default:
                guard !other.isEmpty else { continue }
                let from = Int.random(in: 0..<other.count, using: &generator)
                let piece = other[from..<Swift.min(other.count, from + 4 * length)]
                bytes.replaceSubrange(place..<Swift.min(bytes.count, place + piece.count), with: piece)
            }
        }
        return bytes
    }
}

private let crcTable: [UInt32] = (0..<256).map { index in
    var value = UInt32(index)
    for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    return value
}

/// The checksum of PNG's chunks.
package func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes { crc = crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
    return ~crc
}
