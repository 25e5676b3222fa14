import Foundation

/// Keeps what was read of tar shards between runs, one file for each: a shard is read again only where its size, time or
/// place on disk has changed.
///
/// Layout, little-endian: the mark, which counts versions; lengths of the description, of the names, and the numbers of
/// members and images (8 bytes each); the description as JSON; the names; the beginning of each and the end of the last
/// (4 bytes each); where the content of each member begins, and its size (8 bytes each); member and class of each image (4
/// bytes each); XXH64 of all that. A file that is damaged, of another version or of another shard is as good as none.
package struct ShardCache: Sendable {
    private static let mark: [UInt8] = Array("CJEPATR1".utf8)

    private struct Description: Codable, Equatable {
        let path: String
        let stamp: FileStamp
        let imageExtension: String?
        let rule: ShardSamples.LabelRule
        let classNames: [String]
        let hasNumbers: Bool
    }

    /// Made when something is kept.
    package let folder: String

    package init(folder: String) { self.folder = folder }

    /// Beside the indices of folders.
    package static var standard: ShardCache { ShardCache(folder: IndexCache.standard().folder) }

    private func file(of path: String, _ reader: ShardReader) -> String {
        let name = "\(reader.rule) \(reader.imageExtension ?? "") \(path)"
        return "\(folder)/shard-\(StoredWords.digits(of: name)).bin"
    }

    /// What is kept of a shard, where it has not changed; nil else.
    func load(_ path: String, _ reader: ShardReader) -> ShardContents? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        // Whatever is wrong with the file: the shard is read again.
        return try? read(PositionalFile(path: file(of: path, reader), remedy: ""), path, FileStamp(status), reader)
    }

    private func read(
        _ file: PositionalFile, _ path: String, _ stamp: FileStamp, _ reader: ShardReader
    ) throws -> ShardContents? {
        guard let body = try StoredWords.body(of: file, mark: Self.mark), body.count >= 32 else { return nil }
        let lengths = StoredWords.words(body.prefix(32), UInt64.self)
        guard lengths.allSatisfy({ $0 <= file.size }) else { return nil }
        let (descriptionLength, nameLength) = (Int(lengths[0]), Int(lengths[1]))
        let (members, images) = (Int(lengths[2]), Int(lengths[3]))
        guard body.count == 32 + descriptionLength + nameLength + 4 * (members + 1) + 16 * members + 8 * images else {
            return nil
        }
        var place = body.startIndex + 32
        func next(_ count: Int) -> ArraySlice<UInt8> {
            defer { place += count }
            return body[place..<place + count]
        }
        let known = try JSONDecoder().decode(Description.self, from: Data(next(descriptionLength)))
        // Devices get other numbers when the system starts.
        guard known.path == path, known.stamp.size == stamp.size, known.stamp.modified == stamp.modified,
            known.stamp.node == stamp.node, known.rule == reader.rule, known.imageExtension == reader.imageExtension,
            let names = PathTable(
                bytes: Array(next(nameLength)), offsets: StoredWords.words(next(4 * (members + 1)), UInt32.self))
        else { return nil }
        let offsets = StoredWords.words(next(8 * members), UInt64.self).map { Int(truncatingIfNeeded: $0) }
        let sizes = StoredWords.words(next(8 * members), UInt64.self).map { Int(truncatingIfNeeded: $0) }
        guard names.count == members,
            zip(offsets, sizes).allSatisfy({ $0 >= 0 && $1 >= 0 && $0 <= stamp.size && $1 <= stamp.size - $0 })
        else { return nil }
        var contents = ShardContents(
            TarIndex(path: path, stamp: stamp, names: names, offsets: offsets, sizes: sizes))
        contents.members = StoredWords.words(next(4 * images), UInt32.self)
        contents.labels = StoredWords.words(next(4 * images), UInt32.self).map { Int32(bitPattern: $0) }
        contents.names = known.classNames
        contents.hasNumbers = known.hasNumbers
        let limit =
            known.hasNumbers || known.classNames.isEmpty
            ? ImageIndex.classNumbers.upperBound : Int32(clamping: known.classNames.count)
        guard contents.members.allSatisfy({ $0 < UInt32(clamping: members) }),
            contents.labels.allSatisfy({ $0 >= -1 && $0 < limit })
        else { return nil }
        return contents
    }

    /// Keeps what was read of a shard. A folder that cannot be written is no fault, and a shard that was written to a moment
    /// ago is not kept: it may change again without its time becoming another.
    func save(_ contents: ShardContents, _ reader: ShardReader) {
        let index = contents.index
        guard index.stamp.modified < Int64((Date().timeIntervalSince1970 - 2) * 1e9),
            let description = try? JSONEncoder().encode(
                Description(
                    path: index.path, stamp: index.stamp, imageExtension: reader.imageExtension, rule: reader.rule,
                    classNames: contents.names, hasNumbers: contents.hasNumbers))
        else { return }
        let lengths = [description.count, index.names.bytes.count, index.count, contents.members.count]
        var bytes = StoredWords.bytes(lengths.map(UInt64.init)) + Array(description) + index.names.bytes
        bytes += StoredWords.bytes(index.names.offsets) + StoredWords.bytes(index.offsets.map(UInt64.init))
        bytes += StoredWords.bytes(index.sizes.map(UInt64.init)) + StoredWords.bytes(contents.members)
        bytes += StoredWords.bytes(contents.labels.map { UInt32(bitPattern: $0) })
        StoredWords.write(bytes, mark: Self.mark, to: file(of: index.path, reader))
    }
}
