/// How far a file is believed. Whoever wrote it, and whatever damaged it since, memory and time stay bounded by its size.
package enum HDF5Bounds {
    /// Bytes of memory for each byte of the file. Compressors reach more only on numbers that hardly vary.
    static let ratio = 256
    /// Bytes that are allowed whatever the file's size: features that have collapsed compress 10,000 to 1.
    static let always = 256 << 20
    /// Members of one group, attributes of one object, and objects of a file that is listed as a whole.
    package static let members = 65_536
    /// Strings of variable length in one array: as many of the file's size as the ratio allows.
    static let strings = ratio
    /// What the library holds in memory of each chunk that it reads, about.
    static let bytesOfChunk = 1024
    /// Groups within groups.
    package static let depth = 32
    /// Bytes of one number; no type that can be converted is wider.
    static let numberBytes = 32

    /// The same two for the tables of a run, whose columns of numbers are not compressed and whose vectors shrink little.
    private static let tableRatio = 16
    private static let tablesAlways = 16 << 20

    /// Bytes of memory that one value in a file of `byteCount` bytes may take.
    package static func memory(ofFile byteCount: Int) -> Int { bound(byteCount, ratio, always) }

    /// Bytes of memory that all tables of a run file of `byteCount` bytes may take together. Each of their numbers is
    /// compared, printed or drawn, so what they claim costs time as well.
    package static func tables(ofFile byteCount: Int) -> Int { bound(byteCount, tableRatio, tablesAlways) }

    private static func bound(_ byteCount: Int, _ ratio: Int, _ always: Int) -> Int {
        max(always, ratio * min(byteCount, Int.max / ratio))
    }
}

/// Names of objects that have been visited, to tell where hard links go in circles.
package struct HDF5Identity: Hashable, Sendable {
    let first: UInt64
    let second: UInt64
}
