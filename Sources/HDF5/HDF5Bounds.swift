/// How far a file is believed. Whoever wrote it, and whatever damaged it since, memory and time stay bounded by its size.
package enum HDF5Bounds {
    /// Bytes of memory for each byte of the file. Compressors reach more only on numbers that hardly vary.
    static let ratio = 256
    /// Bytes that are allowed whatever the file's size: features that have collapsed compress 10,000 to 1.
    static let always = 256 << 20
    /// Members of one group.
    static let members = 65_536
    /// Strings of variable length in one array: as many of the file's size as the ratio allows.
    static let strings = ratio
    /// Groups within groups.
    package static let depth = 32
    /// Bytes of one number; no type that can be converted is wider.
    static let numberBytes = 32

    /// Bytes of memory that one value in a file of `byteCount` bytes may take, and all tables of a run together.
    package static func memory(ofFile byteCount: Int) -> Int {
        max(always, ratio * min(byteCount, Int.max / ratio))
    }
}

/// Names of objects that have been visited, to tell where hard links go in circles.
package struct HDF5Identity: Hashable, Sendable {
    let first: UInt64
    let second: UInt64
}
