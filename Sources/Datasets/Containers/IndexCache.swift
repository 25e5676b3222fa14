import Foundation
import Safetensors

/// Keeps indices of folders between runs, one file each.
///
/// Layout, little-endian: the mark, which counts versions; lengths of the description, of the paths and the number of
/// files (8 bytes each); the description as JSON; the paths; the beginning of each path and the end of the last (4 bytes
/// each); classes (4 bytes each); XXH64 of all that. A file that is damaged, of another version or of another folder is as
/// good as none. Writers replace it as a whole.
package struct IndexCache: Sendable {
    private static let mark: [UInt8] = Array("CJEPAIX1".utf8)

    private struct Description: Codable {
        let root: String
        let layout: FolderIndex.Layout
        let classNames: [String]
        let notes: FolderNotes
        let directories: [FolderIndex.Directory]
    }

    /// Made when something is kept.
    package let folder: String

    package init(folder: String) { self.folder = folder }

    /// `$XDG_CACHE_HOME/cjepa-exp`, else `~/.cache/cjepa-exp`.
    package static func standard(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> IndexCache {
        // The rules of XDG: a path that is not absolute does not count.
        let base = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let home = environment["HOME"] ?? NSHomeDirectory()
        return IndexCache(folder: (base ?? home + "/.cache") + "/cjepa-exp")
    }

    /// Where the index of a folder is kept.
    package func path(of root: String, layout: FolderIndex.Layout) -> String {
        "\(folder)/index-\(StoredWords.digits(of: "\(layout.rawValue):\(root)")).bin"
    }

    /// The index that is kept for a folder; nil where there is none that is whole.
    func load(_ root: String, layout: FolderIndex.Layout) -> FolderIndex? {
        do {
            let file = try PositionalFile(path: path(of: root, layout: layout), remedy: "")
            guard let loaded = try Self.read(file), loaded.index.root == root, loaded.layout == layout else {
                return nil
            }
            return loaded
        } catch {
            // Whatever is wrong with it: it is made again.
            return nil
        }
    }

    private static func read(_ file: PositionalFile) throws -> FolderIndex? {
        var hash = XXH64()
        var offset = 0
        func next(_ count: Int) throws -> [UInt8] {
            let bytes = try file.read(at: offset, count: count)
            offset += count
            unsafe bytes.withUnsafeBytes { unsafe hash.append($0) }
            return bytes
        }
        let head = try next(32)
        guard Array(head.prefix(8)) == mark else { return nil }
        let lengths = StoredWords.words(head[8...], UInt64.self)
        guard lengths.allSatisfy({ $0 <= file.size }) else { return nil }
        let (descriptionLength, pathLength, count) = (Int(lengths[0]), Int(lengths[1]), Int(lengths[2]))
        guard file.size == 32 + descriptionLength + pathLength + 4 * (count + 1) + 4 * count + 8 else { return nil }
        let description = try next(descriptionLength)
        let bytes = try next(pathLength)
        let offsets = try StoredWords.words(next(4 * (count + 1))[...], UInt32.self)
        let labels = try StoredWords.words(next(4 * count)[...], Int32.self)
        let stored = try file.read(at: offset, count: 8)
        guard StoredWords.word(stored, at: 0) == hash.value,
            let paths = PathTable(bytes: bytes, offsets: offsets)
        else { return nil }
        let known = try JSONDecoder().decode(Description.self, from: Data(description))
        guard labels.allSatisfy({ $0 >= -1 && Int($0) < known.classNames.count }) else { return nil }
        return FolderIndex(
            index: ImageIndex(root: known.root, classNames: known.classNames, paths: paths, labels: labels),
            layout: known.layout, notes: known.notes, directories: known.directories)
    }

    /// Keeps an index. A folder that cannot be written is no fault: the next run scans again.
    func save(_ made: FolderIndex) {
        let path = path(of: made.index.root, layout: made.layout)
        // A name of its own, since several programs may keep the same index at the same time.
        let temporary = "\(path).\(UInt64.random(in: 0...UInt64.max))"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try write(made, to: temporary)
            guard unsafe rename(temporary, path) == 0 else {
                throw FileWriteError(path: path, operation: "rename", code: errno)
            }
        } catch {
            unsafe unlink(temporary)
        }
    }

    private func write(_ made: FolderIndex, to path: String) throws {
        let description = try JSONEncoder().encode(
            Description(
                root: made.index.root, layout: made.layout, classNames: made.index.classNames, notes: made.notes,
                directories: made.directories))
        let file = try AtomicFile(replacing: path)
        var hash = XXH64()
        func put(_ bytes: UnsafeRawBufferPointer) throws {
            unsafe hash.append(bytes)
            try unsafe file.write(bytes)
        }
        let lengths = StoredWords.bytes([description.count, made.index.paths.bytes.count, made.index.count])
        try unsafe (Self.mark + lengths).withUnsafeBytes(put)
        try unsafe description.withUnsafeBytes(put)
        try unsafe made.index.paths.bytes.withUnsafeBytes(put)
        try unsafe made.index.paths.offsets.map(\.littleEndian).withUnsafeBytes(put)
        try unsafe made.index.labels.map(\.littleEndian).withUnsafeBytes(put)
        try unsafe StoredWords.bytes(hash.value).withUnsafeBytes { try unsafe file.write($0) }
        try file.commit()
    }
}
