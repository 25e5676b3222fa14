import CZlib

/// CRC-32 of bytes, with their number, so that those of two pieces make that of both.
struct Checksum32: Sendable, Hashable {
    private(set) var value: UInt32 = 0
    private(set) var byteCount = 0

    init() {}

    init(_ bytes: [UInt8]) { append(bytes) }

    /// - Parameter value: Of so many bytes.
    init(value: UInt32, byteCount: Int) { (self.value, self.byteCount) = (value, byteCount) }

    mutating func append(_ bytes: [UInt8]) {
        // zlib takes an address of nothing for the wish to begin anew.
        if bytes.isEmpty { return }
        value = bytes.withUnsafeBufferPointer { buffer in
            UInt32(truncatingIfNeeded: crc32_z(uLong(value), buffer.baseAddress, z_size_t(buffer.count)))
        }
        byteCount += bytes.count
    }

    /// The bytes of `next` follow.
    mutating func append(_ next: Checksum32) {
        value = UInt32(
            truncatingIfNeeded: crc32_combine(uLong(value), uLong(next.value), next.byteCount))
        byteCount += next.byteCount
    }
}
