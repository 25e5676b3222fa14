import Foundation

/// Encoded images that are files of an index.
struct IndexedFiles: EncodedFiles {
    let index: ImageIndex
    let remedy: String
    let notes: FolderNotes?
    private let states: FileStates
    /// What to forget when a file turns out to be another.
    private let forget: @Sendable () -> Void

    /// Looks at every file without opening it.
    ///
    /// - Parameters:
    ///   - notes: What the scan of a folder left out.
    ///   - remedy: What to do about a file that is missing.
    init(_ index: ImageIndex, notes: FolderNotes? = nil, remedy: String) {
        self.init(index, states: FileStates(of: index), notes: notes, remedy: remedy) {}
    }

    /// The same, but the files of a large set are looked at once, and again when one turns out to be another.
    ///
    /// - Parameters:
    ///   - place: What names the files: a folder, or a list.
    ///   - directories: Folders whose times tell that files came, went or were renamed.
    ///   - notes: What the scan of a folder left out.
    init(
        _ index: ImageIndex, place: String, directories: [FolderIndex.Directory], notes: FolderNotes? = nil,
        cache: FileStateCache = .standard, remedy: String
    ) {
        let key = FileStateCache.Key(index, place: place, directories: directories)
        self.init(index, states: cache.states(of: index, key), notes: notes, remedy: remedy) { cache.discard(key) }
    }

    private init(
        _ index: ImageIndex, states: FileStates, notes: FolderNotes?, remedy: String,
        forget: @escaping @Sendable () -> Void
    ) {
        self.index = index
        self.states = states
        self.notes = notes
        self.remedy = remedy
        self.forget = forget
    }

    var count: Int { index.count }
    func name(of image: Int) -> String { index.paths[image] }
    func place(of image: Int) -> String { index.path(image) }

    func add(to fingerprint: inout Fingerprint) {
        fingerprint.add(UInt64(count))
        fingerprint.add(index.paths.bytes)
        for size in states.sizes { fingerprint.add(UInt64(bitPattern: size)) }
    }

    func addState(to fingerprint: inout Fingerprint) {
        fingerprint.add(index.root)
        for time in states.times { fingerprint.add(UInt64(bitPattern: time)) }
    }

    func state(of image: Int) -> (size: Int, modified: Int64)? {
        (Int(states.sizes[image]), states.times[image])
    }

    func read(_ image: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int {
        let file = try PositionalFile(path: index.path(image), remedy: remedy)
        let (size, time) = (Int(states.sizes[image]), states.times[image])
        // What was no file when the data set was opened may be one by now, but was not in the fingerprint.
        guard file.size == size, file.stamp.modified == time else {
            forget()
            throw DatasetError(
                place: file.path,
                problem: "was changed or replaced since the data set was opened: it had \(max(0, size)) bytes and has "
                    + "\(file.size)" + (file.size == size ? ", written later" : ""),
                remedy: "put the earlier file back, or start anew with the files as they are")
        }
        guard file.size <= limit else { throw tooLarge(image, file.size, limit: limit) }
        try file.read(at: 0, count: file.size, toFrontOf: &bytes)
        return file.size
    }
}

/// Encoded images that are members of tar shards.
struct ShardFiles: EncodedFiles {
    let samples: ShardSamples
    /// What names of shards are relative to.
    let folder: String
    private let open: OpenFiles

    init(_ samples: ShardSamples, folder: String, remedy: String) {
        self.samples = samples
        self.folder = folder
        open = OpenFiles(remedy: remedy)
    }

    var count: Int { samples.count }

    func name(of image: Int) -> String {
        let name = samples.name(image)
        let head = folder.hasSuffix("/") ? folder : folder + "/"
        return name.hasPrefix(head) ? String(name.dropFirst(head.count)) : name
    }

    func place(of image: Int) -> String {
        "\(samples.name(image)) (at byte \(samples.place(image).offset) of the shard)"
    }

    func add(to fingerprint: inout Fingerprint) {
        fingerprint.add(UInt64(count))
        for image in 0..<count {
            let (shard, member) = (samples.shards[Int(samples.shardNumbers[image])], Int(samples.members[image]))
            fingerprint.add(Array(shard.names.bytes(member)))
            fingerprint.add(UInt64(shard.sizes[member]))
        }
    }

    func addState(to fingerprint: inout Fingerprint) {
        for shard in samples.shards {
            fingerprint.add(shard.path)
            fingerprint.add(UInt64(bitPattern: shard.stamp.modified))
            fingerprint.add(UInt64(shard.stamp.size))
        }
    }

    func state(of image: Int) -> (size: Int, modified: Int64)? {
        let place = samples.place(image)
        return (place.size, place.stamp.modified)
    }

    func read(_ image: Int, limit: Int, into bytes: inout [UInt8]) throws -> Int {
        let place = samples.place(image)
        guard place.size <= limit else { throw tooLarge(image, place.size, limit: limit) }
        try open.file(place.path, stamp: place.stamp).read(at: place.offset, count: place.size, toFrontOf: &bytes)
        return place.size
    }
}
