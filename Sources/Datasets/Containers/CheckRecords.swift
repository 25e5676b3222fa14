import Foundation
import Synchronization

/// Which images were opened and decoded without an error, kept between calls: what makes a check go on where it was
/// stopped.
///
/// A mark of 8 bytes that counts versions, then records of 48 bytes that are only ever appended: key (8 bytes), facts (32),
/// XXH64 of both (8). A record that is cut off or damaged is as good as none. Files that cannot be read are not recorded:
/// they are few, and may have been mended.
package final class CheckRecords: Sendable {
    private static let mark: [UInt8] = Array("CJEPACK1".utf8)
    private static let recordCount = 16 + ImageFacts.storedCount

    package let path: String
    private let known: [UInt64: ImageFacts]
    /// Nil where nothing can be kept: another check of the same images is at work, or the folder cannot be written.
    private let file: Mutex<FileHandle?>

    /// - Parameters:
    ///   - name: What the images are called; other images have other records.
    ///   - isFresh: Whether to forget what is known.
    package init(of name: String, in cache: IndexCache, isFresh: Bool = false) {
        path = "\(cache.folder)/check-\(StoredWords.digits(of: name)).bin"
        try? FileManager.default.createDirectory(atPath: cache.folder, withIntermediateDirectories: true)
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else {
            known = [:]
            file = Mutex(nil)
            return
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let isAlone = flock(descriptor, LOCK_EX | LOCK_NB) == 0
        let stored =
            isFresh ? [] : (try? PositionalFile(path: path, remedy: "")).flatMap { try? $0.read(at: 0, count: $0.size) }
        let content = stored ?? []
        let isOurs = content.starts(with: Self.mark)
        known = isOurs ? Self.records(in: content) : [:]
        guard isAlone else {
            file = Mutex(nil)
            return
        }
        // Whole records only, so that new ones stand where they are looked for.
        let kept = isOurs ? content.count - (content.count - Self.mark.count) % Self.recordCount : 0
        do {
            try handle.truncate(atOffset: UInt64(kept))
            if kept == 0 { try handle.write(contentsOf: Self.mark) }
            file = Mutex(handle)
        } catch {
            file = Mutex(nil)
        }
    }

    /// Number of files that are known.
    package var count: Int { known.count }

    /// What is known of a file; none where it has changed, was not opened yet, or other limits held.
    package func facts(_ key: UInt64) -> ImageFacts? { known[key] }

    /// - Parameter state: As `ImageSource` has it.
    package static func key(of state: String) -> UInt64 { StoredWords.checksum(state.utf8) }

    /// Keeps what was found; a disk that is full is no fault, the files are then opened again.
    package func add(_ found: [(key: UInt64, facts: ImageFacts)]) {
        guard !found.isEmpty else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(found.count * Self.recordCount)
        for (key, facts) in found {
            let content = StoredWords.bytes(key) + facts.stored
            bytes += content + StoredWords.bytes(StoredWords.checksum(content))
        }
        file.withLock { file in
            guard let handle = file else { return }
            do { try handle.write(contentsOf: bytes) } catch { file = nil }
        }
    }

    private static func records(in content: [UInt8]) -> [UInt64: ImageFacts] {
        var records: [UInt64: ImageFacts] = [:]
        var start = mark.count
        while content.count - start >= recordCount {
            let record = Array(content[start..<start + recordCount])
            start += recordCount
            let body = Array(record.dropLast(8))
            guard StoredWords.word(record, at: recordCount - 8) == StoredWords.checksum(body),
                let facts = ImageFacts(stored: body.dropFirst(8))
            else { continue }
            records[StoredWords.word(record, at: 0)] = facts
        }
        return records
    }
}
