/// Many paths in one block of bytes: some ten bytes less for each than their text, and no object.
package struct PathTable: Hashable, Sendable {
    /// All paths, one behind another, in UTF-8.
    private(set) var bytes: [UInt8] = []
    /// Beginning of each path, and the end of the last.
    private(set) var offsets: [UInt32] = [0]

    package init() {}

    /// - Returns: Nil for offsets that do not divide the bytes.
    init?(bytes: [UInt8], offsets: [UInt32]) {
        guard offsets.first == 0, offsets.last.map({ Int($0) }) == bytes.count else { return nil }
        var last: UInt32 = 0
        for offset in offsets {
            guard offset >= last else { return nil }
            last = offset
        }
        self.bytes = bytes
        self.offsets = offsets
    }

    package var count: Int { offsets.count - 1 }

    /// Bytes that the table takes.
    package var memory: Int { bytes.count + 4 * offsets.count }

    package subscript(index: Int) -> String {
        String(decoding: bytes(index), as: UTF8.self)
    }

    func bytes(_ index: Int) -> ArraySlice<UInt8> { bytes[Int(offsets[index])..<Int(offsets[index + 1])] }

    /// Adds a path that is given in two pieces.
    ///
    /// - Throws: `DatasetError` beyond 4 GiB of paths.
    mutating func append(
        _ head: some Collection<UInt8>, _ tail: some Collection<UInt8> = EmptyCollection(), of place: String
    )
        throws
    {
        guard let end = UInt32(exactly: bytes.count + head.count + tail.count) else {
            throw DatasetError(
                place: place, problem: "has more than 4 GiB of paths", remedy: "use shards, or a list of fewer files")
        }
        bytes.append(contentsOf: head)
        bytes.append(contentsOf: tail)
        offsets.append(end)
    }

    /// Whether the paths are in the order of their bytes.
    var isSorted: Bool {
        (0..<max(0, count - 1)).allSatisfy { !bytes($0 + 1).lexicographicallyPrecedes(bytes($0)) }
    }

    /// The place of a path in a table that is sorted by bytes.
    func sortedIndex(of path: some Collection<UInt8>) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if bytes(middle).lexicographicallyPrecedes(path) { low = middle + 1 } else { high = middle }
        }
        return low < count && bytes(low).elementsEqual(path) ? low : nil
    }
}
