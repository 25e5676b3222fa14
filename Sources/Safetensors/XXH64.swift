/// The checksum XXH64 with seed 0, of bytes that come in pieces: https://github.com/Cyan4973/xxHash, "doc".
///
/// It finds damage, not malice. Four independent lanes of 64-bit multiplications keep up with memory on any processor,
/// without special instructions; `xxhash` in Python and the tool `xxhsum` compute the same.
package struct XXH64: Sendable {
    private static let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5
    )
    /// Bytes that the lanes take at once.
    private static let stripe = 32

    private var lanes: (UInt64, UInt64, UInt64, UInt64)
    private var byteCount: UInt64 = 0
    /// Bytes that do not fill a stripe yet.
    private var pending: [UInt8] = []

    package init() {
        let primes = Self.primes
        lanes = (primes.0 &+ primes.1, primes.1, 0, 0 &- primes.0)
        pending.reserveCapacity(Self.stripe)
    }

    /// The checksum of `bytes` alone.
    package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = XXH64()
        state.append(bytes)
        return state.value
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var rest = bytes[...]
        if !pending.isEmpty {
            let missing = min(Self.stripe - pending.count, rest.count)
            pending.append(contentsOf: rest.prefix(missing))
            rest = rest.dropFirst(missing)
            guard pending.count == Self.stripe else { return }
            pending.withUnsafeBytes { lanes = Self.consume($0, lanes) }
            pending.removeAll(keepingCapacity: true)
        }
        let whole = rest.count / Self.stripe * Self.stripe
        lanes = Self.consume(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), lanes)
        pending.append(contentsOf: rest.dropFirst(whole))
    }

    /// Of everything appended so far.
    package var value: UInt64 {
        let primes = Self.primes
        var hash: UInt64
        if byteCount >= UInt64(Self.stripe) {
            hash =
                Self.rotate(lanes.0, 1) &+ Self.rotate(lanes.1, 7) &+ Self.rotate(lanes.2, 12)
                &+ Self.rotate(lanes.3, 18)
            for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
                hash = (hash ^ Self.round(0, lane)) &* primes.0 &+ primes.3
            }
        } else {
            hash = primes.4
        }
        hash &+= byteCount
        pending.withUnsafeBytes { bytes in
            var place = 0
            while place + 8 <= bytes.count {
                hash ^= Self.round(0, Self.word(bytes, place))
                hash = Self.rotate(hash, 27) &* primes.0 &+ primes.3
                place += 8
            }
            if place + 4 <= bytes.count {
                let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
                hash ^= UInt64(half) &* primes.0
                hash = Self.rotate(hash, 23) &* primes.1 &+ primes.2
                place += 4
            }
            while place < bytes.count {
                hash ^= UInt64(bytes[place]) &* primes.4
                hash = Self.rotate(hash, 11) &* primes.0
                place += 1
            }
        }
        hash = (hash ^ (hash >> 33)) &* primes.1
        hash = (hash ^ (hash >> 29)) &* primes.2
        return hash ^ (hash >> 32)
    }

    /// The value as sixteen hexadecimal digits.
    package var digits: String { Self.digits(value) }

    package static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// - Precondition: Whole stripes.
    private static func consume(
        _ bytes: UnsafeRawBufferPointer, _ lanes: (UInt64, UInt64, UInt64, UInt64)
    ) -> (UInt64, UInt64, UInt64, UInt64) {
        var (a, b, c, d) = lanes
        var place = 0
        while place < bytes.count {
            a = round(a, word(bytes, place))
            b = round(b, word(bytes, place + 8))
            c = round(c, word(bytes, place + 16))
            d = round(d, word(bytes, place + 24))
            place += stripe
        }
        return (a, b, c, d)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    }

    @inline(__always)
    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotate(lane &+ input &* primes.1, 31) &* primes.0
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        value << count | value >> (64 - count)
    }
}
