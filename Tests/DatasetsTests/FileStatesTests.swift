import Foundation
import Testing

@testable import Datasets

@Suite("States of the files of large data sets")
struct FileStatesTests {
    private let folder: TemporaryFolder
    private let cache: FileStateCache

    init() throws {
        folder = try TemporaryFolder()
        cache = FileStateCache(folder: folder.path("cache"), smallest: 3)
        for name in ["a/1.jpg", "a/2.jpg", "b/1.jpg"] { try write([1], name, secondsAgo: 100) }
    }

    private func write(_ bytes: [UInt8], _ name: String, secondsAgo: Double) throws {
        let url = URL(fileURLWithPath: folder.path("data/" + name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        // In place, so that the folder keeps its time.
        let isThere = FileManager.default.fileExists(atPath: url.path)
        try Data(bytes).write(to: url)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -secondsAgo)], ofItemAtPath: url.path)
        #expect(isThere == (secondsAgo < 100))
    }

    private func open(_ cache: FileStateCache? = nil) throws -> IndexedFiles {
        let found = try FolderIndex.scan(folder.path("data"), layout: .classes, remedy: "mend it")
        return IndexedFiles(
            found.index, place: folder.path("data"), directories: found.directories, cache: cache ?? self.cache,
            remedy: "put it back")
    }

    private func fingerprint(_ files: IndexedFiles) -> Fingerprint {
        var hash = Fingerprint()
        files.add(to: &hash)
        files.addState(to: &hash)
        return hash
    }

    private var kept: [String] {
        get throws {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path("cache"))) ?? []
            return names.map { folder.path("cache/" + $0) }
        }
    }

    @Test("They are kept, and the same as those of files that are looked at")
    func same() throws {
        let first = try open()
        #expect(try kept.count == 1)
        let fresh = try open(FileStateCache(folder: folder.path("none"), smallest: 4))
        #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
        #expect(try fingerprint(first) == fingerprint(fresh) && fingerprint(open()) == fingerprint(fresh))
        #expect(fresh.state(of: 2)?.size == 1)
    }

    @Test("A file that is overwritten in place is named when it is read, and seen by the next who opens the set")
    func overwritten() throws {
        let first = try open()
        try write([1, 2, 3], "a/2.jpg", secondsAgo: 50)
        let stale = try open()
        #expect(fingerprint(stale) == fingerprint(first))
        var bytes: [UInt8] = []
        let error = try #require(throws: DatasetError.self) { try stale.read(1, limit: 10, into: &bytes) }
        #expect(error.place == folder.path("data/a/2.jpg"))
        #expect(error.problem.contains("it had 1 bytes and has 3") && error.remedy.contains("start anew"))
        #expect(try kept.isEmpty)
        let fresh = try open()
        #expect(try fresh.read(1, limit: 10, into: &bytes) == 3)
        #expect(fingerprint(fresh) != fingerprint(first))
    }

    @Test("Files that came, went or were replaced by others of their name are looked at")
    func renamed() throws {
        let first = try open()
        // A replacement by renaming changes the folder and no path.
        try Data([7, 7]).write(to: URL(fileURLWithPath: folder.path("new")))
        #expect(unsafe rename(folder.path("new"), folder.path("data/a/1.jpg")) == 0)
        let second = try open()
        #expect(second.state(of: 0)?.size == 2)
        #expect(fingerprint(second) != fingerprint(first))
    }

    @Test("Files that were written to a moment ago, or are missing, are not kept")
    func unsettled() throws {
        try write([1, 2], "a/1.jpg", secondsAgo: 0)
        _ = try open()
        #expect(try kept.isEmpty)
    }

    @Test("What is damaged, cut off or of another set is as good as none", arguments: [0, 8, 16, 40, -1])
    func damaged(place: Int) throws {
        let first = try open()
        let path = try #require(try kept.first)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        if place < 0 { bytes.removeLast(8) } else { bytes[place] ^= 1 }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(try fingerprint(open()) == fingerprint(first))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) != Data(bytes), "it was written again")
    }
}
