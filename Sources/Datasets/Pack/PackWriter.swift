import Foundation
import Safetensors

/// Writes one file of a pack, so that a process that is killed at any moment can be followed by one that goes on.
///
/// Images go to `<path>.partial`, one behind another, and what the index will say of them to `<path>.progress`: a mark, a
/// number that tells this job from others, XXH64 of both, and for each image its entry and XXH64 of that. An entry is written
/// after its image is safely on disk. Head and index are written at the end, and the file gets its name last.
final class PackWriter {
    private static let mark: [UInt8] = Array("CJEPAPJ1".utf8)
    private static let headSize = 24
    private static let recordSize = PackEntry.size + 8
    /// Bytes of images that may be lost by a crash.
    static let commitBytes = 64 << 20

    let path: String
    private(set) var entries: [PackEntry] = []
    /// Images that an earlier process had written.
    private(set) var resumedCount = 0
    /// An earlier process had written other images, or with other settings.
    private(set) var startedOver = false
    private let data: Int32
    private let journal: Int32
    private var end = PackHeader.size
    /// Entries that are in the journal.
    private var committed = 0
    private var uncommittedBytes = 0

    static func partialPath(_ path: String) -> String { path + ".partial" }
    static func progressPath(_ path: String) -> String { path + ".progress" }

    /// - Parameters:
    ///   - job: Of images and settings; what was written for another one is written anew.
    ///   - count: Images of the whole file.
    /// - Throws: `FileWriteError`; `DatasetError` where another process writes the same file.
    init(path: String, job: UInt64, count: Int) throws {
        self.path = path
        journal = try OwnFile.open(Self.progressPath(path))
        do { data = try OwnFile.open(Self.partialPath(path)) } catch {
            close(journal)
            throw error
        }
        guard flock(journal, LOCK_EX | LOCK_NB) == 0 else {
            throw DatasetError(
                place: path, problem: "is being written by another process",
                remedy: "wait for it, or end it and start again")
        }
        let head = Self.mark + StoredWords.bytes(job)
        let stored = try contents(Self.progressPath(path))
        if stored.count >= Self.headSize, Array(stored.prefix(16)) == head,
            StoredWords.word(stored, at: 16) == StoredWords.checksum(head)
        {
            recover(stored, count: count, size: try size(of: data, Self.partialPath(path)))
        } else {
            startedOver = !stored.isEmpty
            try cut(journal, to: 0, Self.progressPath(path))
            try write(head + StoredWords.bytes(StoredWords.checksum(head)), to: journal, at: 0)
        }
        resumedCount = entries.count
        committed = entries.count
        try cut(journal, to: Self.headSize + Self.recordSize * entries.count, Self.progressPath(path))
        try cut(data, to: end, Self.partialPath(path))
    }

    deinit {
        close(data)
        close(journal)
    }

    /// Whether an earlier process has begun this job, of which nothing else is asked.
    static func hasBegun(_ path: String, job: UInt64) -> Bool {
        guard let file = try? PositionalFile(path: progressPath(path), remedy: ""),
            let head = try? file.read(at: 0, upTo: headSize)
        else { return false }
        return head.prefix(16).elementsEqual(mark + StoredWords.bytes(job))
    }

    /// Takes over what is whole: entries in order, whose images are in the file.
    private func recover(_ stored: [UInt8], count: Int, size: Int) {
        var place = Self.headSize
        while entries.count < count, stored.count - place >= Self.recordSize {
            let bytes = Array(stored[place..<place + PackEntry.size])
            let entry = PackEntry(bytes, at: 0)
            guard StoredWords.word(stored, at: place + PackEntry.size) == StoredWords.checksum(bytes),
                entry.offset == UInt64(end), end + Int(entry.length) <= size
            else { return }
            entries.append(entry)
            end += Int(entry.length)
            place += Self.recordSize
        }
    }

    /// Appends the next image.
    ///
    /// - Throws: `FileWriteError`, as all that follow.
    func append(_ image: PackedImage, label: Int32) throws {
        try write(image.bytes, to: data, at: end)
        entries.append(
            PackEntry(
                offset: UInt64(end), checksum: image.checksum, length: UInt32(image.bytes.count),
                width: UInt32(image.size.width), height: UInt32(image.size.height), label: label))
        end += image.bytes.count
        uncommittedBytes += image.bytes.count
        if uncommittedBytes >= Self.commitBytes { try commit() }
    }

    /// Makes sure that what was appended outlives this process, and the machine's power.
    func commit() throws {
        guard committed < entries.count else { return }
        try flush(data, Self.partialPath(path))
        let records = entries[committed...].flatMap { entry in
            let bytes = entry.stored
            return bytes + StoredWords.bytes(StoredWords.checksum(bytes))
        }
        try write(records, to: journal, at: Self.headSize + Self.recordSize * committed)
        (committed, uncommittedBytes) = (entries.count, 0)
    }

    /// Writes index and head; the file is whole, but does not have its name yet.
    func finish(_ header: PackHeader, description: [UInt8], names: [UInt8]) throws {
        try commit()
        let index = description + entries.flatMap(\.stored) + names
        var header = header
        header.count = entries.count
        header.indexStart = end
        header.fileSize = end + index.count
        header.descriptionLength = description.count
        header.namesLength = names.count
        header.indexChecksum = StoredWords.checksum(index, first: index.count)
        try write(index, to: data, at: end)
        try write(header.stored, to: data, at: 0)
        try cut(data, to: header.fileSize, Self.partialPath(path))
        try flush(data, Self.partialPath(path))
    }

    /// Gives the whole file its name, in place of whatever had it.
    func publish() throws {
        guard unsafe rename(Self.partialPath(path), path) == 0 else {
            throw FileWriteError(path: path, operation: "rename", code: errno)
        }
        // The rename itself lives in the folder; some file systems cannot flush those, and it has happened all the same.
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }

    // MARK: Files

    private func contents(_ path: String) throws -> [UInt8] {
        let file = try PositionalFile(path: path, remedy: "remove it and start again")
        return try file.read(at: 0, count: file.size)
    }

    private func size(of descriptor: Int32, _ path: String) throws -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw FileWriteError(path: path, operation: "read", code: errno)
        }
        return Int(status.st_size)
    }

    private func cut(_ descriptor: Int32, to size: Int, _ path: String) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw FileWriteError(path: path, operation: "write", code: errno)
        }
    }

    private func flush(_ descriptor: Int32, _ path: String) throws {
        guard fdatasync(descriptor) == 0 else {
            throw FileWriteError(path: path, operation: "flush", code: errno)
        }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32, at offset: Int) throws {
        try unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            var done = 0
            while done < bytes.count {
                let count = unsafe pwrite(
                    descriptor, start + done, min(bytes.count - done, 1 << 30), off_t(offset + done))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileWriteError(
                        path: descriptor == data ? Self.partialPath(path) : Self.progressPath(path),
                        operation: "write", code: errno)
                }
                done += count
            }
        }
    }
}
