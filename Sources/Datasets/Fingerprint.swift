/// FNV-1a over 64-bit words (Fowler, Noll, Vo), bytes packed little-endian; for provenance, not cryptographic.
package struct Fingerprint: Sendable, Hashable, Codable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x0000_0100_0000_01B3
        // Multiplication only carries upwards; without this the high bytes of words hardly reach the low bits.
        state ^= state >> 32
    }

    package mutating func add(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { raw in
            let words = raw.count / 8
            for index in 0..<words {
                add(unsafe UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
            }
            for index in 8 * words..<raw.count { add(UInt64(unsafe raw[index])) }
        }
    }

    /// Text with its length, so that two texts are not one.
    package mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        add(Array(text.utf8))
    }

    /// The value itself.
    var word: UInt64 { state }

    /// 16 hexadecimal digits.
    package var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
