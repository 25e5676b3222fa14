import Foundation

/// Bytes and times of the files of an index, by which a file that is changed or replaced is noticed.
struct FileStates: Equatable {
    /// Bytes of each file; −1 for what is no file.
    let sizes: [Int64]
    /// When each was last written to, nanoseconds since 1970; 0 for what is no file.
    let times: [Int64]

    init(sizes: [Int64], times: [Int64]) {
        self.sizes = sizes
        self.times = times
    }

    /// Looks at every file without opening it.
    init(of index: ImageIndex) {
        let stamps = ImageScan.map(0..<index.count, pieces: 4096) { range in
            range.map { Self.stamp(index.path($0)) }
        }
        sizes = stamps.flatMap { $0.map(\.size) }
        times = stamps.flatMap { $0.map(\.time) }
    }

    private static func stamp(_ path: String) -> (size: Int64, time: Int64) {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return (-1, 0) }
        let stamp = FileStamp(status)
        return (Int64(stamp.size), stamp.modified)
    }
}

/// Keeps the states of the files of large data sets between runs, since looking at each of two million takes half a minute.
///
/// A file that is overwritten in place is then noticed when it is read, not when the data set is opened, and what was kept
/// is forgotten. Layout after the mark: the key and the number of files, their sizes, their times (8 bytes each).
struct FileStateCache {
    private static let mark: [UInt8] = Array("CJEPAFS1".utf8)

    let folder: String
    /// Files of smaller sets are looked at each time: that takes a second or two.
    var smallest = 100_000

    static var standard: FileStateCache { FileStateCache(folder: IndexCache.standard().folder) }

    /// Of one set of files: other files in the same place have another key, and the same file in the cache.
    struct Key: Equatable {
        fileprivate let place: Fingerprint
        fileprivate let files: UInt64

        /// - Parameters:
        ///   - place: What names the files: a folder, or a list.
        ///   - directories: Folders whose times tell that files came, went or were renamed.
        init(_ index: ImageIndex, place: String, directories: [FolderIndex.Directory]) {
            var name = Fingerprint()
            name.add(index.root)
            name.add(place)
            self.place = name
            name.add(index.paths.bytes)
            for directory in directories {
                name.add(UInt64(bitPattern: directory.stamp.modified))
                name.add(directory.stamp.node)
            }
            files = name.word
        }
    }

    func path(of key: Key) -> String { "\(folder)/states-\(key.place.text).bin" }

    /// The states of all files, as they were found now or earlier.
    func states(of index: ImageIndex, _ key: Key) -> FileStates {
        guard index.count >= smallest else { return FileStates(of: index) }
        // Whatever is wrong with what is kept: the files are looked at again.
        if let known = try? load(key), known.sizes.count == index.count { return known }
        // A file that was written to a moment ago may change again without its time becoming another.
        let settled = Int64((Date().timeIntervalSince1970 - 2) * 1e9)
        let found = FileStates(of: index)
        if found.times.allSatisfy({ $0 < settled }), !found.sizes.contains(-1) { save(found, key) }
        return found
    }

    /// Forgets what is kept, after a file turned out to be another.
    func discard(_ key: Key) { unsafe unlink(path(of: key)) }

    private func load(_ key: Key) throws -> FileStates? {
        let file = try PositionalFile(path: path(of: key), remedy: "")
        guard let body = try StoredWords.body(of: file, mark: Self.mark), body.count >= 16, body.count % 16 == 0 else {
            return nil
        }
        let count = (body.count - 16) / 16
        let (head, values) = (body.prefix(16), body.dropFirst(16))
        guard StoredWords.words(head, UInt64.self) == [key.files, UInt64(count)] else { return nil }
        return FileStates(
            sizes: StoredWords.words(values.prefix(8 * count), Int64.self),
            times: StoredWords.words(values.dropFirst(8 * count), Int64.self))
    }

    private func save(_ states: FileStates, _ key: Key) {
        let head = StoredWords.bytes([key.files, UInt64(states.sizes.count)])
        StoredWords.write(
            head + StoredWords.bytes(states.sizes) + StoredWords.bytes(states.times), mark: Self.mark,
            to: path(of: key))
    }
}
