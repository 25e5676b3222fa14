/// All shards of a pack.
package final class Pack: Sendable {
    /// In the order of their numbers.
    let shards: [PackShard]
    /// Files that are kept open, as many as may be.
    private let files: OpenFiles

    package static let remedy = "copy the pack again, or make it again with `cjepa-exp data pack`"

    /// Whether a file begins as packs do.
    package static func isPack(_ path: String) -> Bool {
        guard let file = try? PositionalFile(path: path, remedy: ""), let head = try? file.read(at: 0, upTo: 8) else {
            return false
        }
        return head.starts(with: PackHeader.mark.dropLast())
    }

    /// - Parameters:
    ///   - paths: Of all shards, in any order.
    ///   - choice: What says which files are meant, for messages: "data.files".
    /// - Throws: `DatasetError` for a file that is damaged, and where shards are missing or belong to different packs.
    package init(_ paths: [String], choice: String = "data.files") throws {
        let found = try paths.map { try PackShard(path: $0, remedy: Self.remedy) }
            .sorted { $0.header.shard < $1.header.shard }
        guard let first = found.first else {
            throw DatasetError(place: choice, problem: "no pack is named", remedy: "name the files of a pack")
        }
        for shard in found where shard.header.identity != first.header.identity {
            throw DatasetError(
                place: shard.path, problem: "is not of the same pack as \(first.path)",
                remedy: "set \(choice) to the files of one pack")
        }
        let numbers = found.map(\.header.shard)
        guard numbers == Array(0..<first.header.shardCount) else {
            let missing = (0..<first.header.shardCount).filter { !numbers.contains($0) }
            throw DatasetError(
                place: first.path,
                problem: missing.isEmpty
                    ? "is given twice"
                    : "has \(first.header.shardCount) shards, of which number "
                        + missing.prefix(5).map(String.init).joined(separator: ", ")
                        + (missing.count > 5 ? ", …" : "") + " (from 0 on) is not among the files",
                remedy: "set \(choice) to all files of the pack")
        }
        for (place, split) in first.description.splits.enumerated() {
            var next = 0
            for shard in found {
                guard shard.header.encoding == first.header.encoding, shard.header.channels == first.header.channels,
                    shard.description.classNames == first.description.classNames,
                    shard.description.classCount == first.description.classCount,
                    shard.description.splits.count == first.description.splits.count,
                    shard.description.splits[place].name == split.name,
                    shard.description.splits[place].total == split.total,
                    shard.description.splits[place].first == next
                else {
                    throw DatasetError(
                        place: shard.path, problem: "does not go with \(first.path), though both name the same pack",
                        remedy: Self.remedy)
                }
                next += shard.description.splits[place].count
            }
            guard next == split.total else {
                throw DatasetError(
                    place: first.path, problem: "has \(next) of \(split.total) images of \(split.name)",
                    remedy: Self.remedy)
            }
        }
        shards = found
        files = OpenFiles(remedy: Self.remedy)
    }

    package var encoding: PackEncoding { shards[0].header.encoding }
    package var channels: Int { shards[0].header.channels }
    package var classNames: [String]? { shards[0].description.classNames }
    package var classCount: Int { shards[0].description.classCount }
    package var settings: PackSettings { shards[0].description.settings }
    package var splitNames: [String] { shards[0].description.splits.map(\.name) }
    package var paths: [String] { shards.map(\.path) }
    /// Of all files.
    package var bytes: Int { shards.reduce(0) { $0 + $1.header.fileSize } }

    /// Over the contents of all images of all splits, with their classes; however many shards there are.
    package var fingerprint: Fingerprint {
        var hash = Fingerprint()
        for name in splitNames {
            hash.add(name)
            guard let split = split(name) else { continue }
            split.addContents(to: &hash)
            for label in split.labels { hash.add(UInt64(UInt32(bitPattern: label))) }
        }
        for name in classNames ?? [] { hash.add(name) }
        return hash
    }

    package func split(_ name: String) -> PackSplit? {
        splitNames.firstIndex(of: name).map { PackSplit(self, number: $0) }
    }

    /// A shard that has not been written to since it was opened.
    ///
    /// - Throws: `DatasetError` for a file that is gone, cut off or changed.
    func file(_ shard: PackShard) throws -> PositionalFile { try files.file(shard.path, stamp: shard.stamp) }
}

/// The images of one split, over all shards.
package struct PackSplit: Sendable {
    private struct Piece: Sendable {
        let shard: PackShard
        /// Its first entry of the split.
        let entry: Int
        /// Number of that image in the split.
        let first: Int
        let count: Int
    }

    let pack: Pack
    package let name: String
    package let count: Int
    /// Class of each image; −1 for none.
    package let labels: [Int32]
    private let pieces: [Piece]

    init(_ pack: Pack, number: Int) {
        self.pack = pack
        name = pack.splitNames[number]
        let pieces = pack.shards.map { shard in
            let split = shard.description.splits[number]
            return Piece(shard: shard, entry: shard.starts[number], first: split.first, count: split.count)
        }
        self.pieces = pieces
        count = pieces.reduce(0) { $0 + $1.count }
        labels = pieces.flatMap { piece in piece.shard.entries[piece.entry..<piece.entry + piece.count].map(\.label) }
    }

    /// Where an image is: its shard and its entry there.
    func place(of image: Int) -> (shard: PackShard, entry: Int) {
        precondition(image >= 0 && image < count, "image \(image) of \(count)")
        // The last piece that begins at or before it; empty ones come before the one that holds it.
        var (low, high) = (0, pieces.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if pieces[middle].first <= image { low = middle } else { high = middle - 1 }
        }
        return (pieces[low].shard, pieces[low].entry + image - pieces[low].first)
    }

    func entry(of image: Int) -> PackEntry {
        let (shard, entry) = place(of: image)
        return shard.entries[entry]
    }

    package func size(of image: Int) -> ImageSize {
        let entry = entry(of: image)
        return ImageSize(height: Int(entry.height), width: Int(entry.width))
    }

    /// Of the file that an image was made of; none where it had none.
    package func fileName(of image: Int) -> String? {
        let (shard, entry) = place(of: image)
        return shard.names.map { $0[entry] }
    }

    /// The size of all images; none where they differ.
    var uniformSize: ImageSize? {
        guard count > 0 else { return nil }
        let first = entry(of: 0)
        let isUniform = pieces.allSatisfy { piece in
            piece.shard.entries[piece.entry..<piece.entry + piece.count]
                .allSatisfy { $0.width == first.width && $0.height == first.height }
        }
        return isUniform ? ImageSize(height: Int(first.height), width: Int(first.width)) : nil
    }

    func addContents(to hash: inout Fingerprint) {
        hash.add(UInt64(count))
        hash.add(UInt64(pack.channels))
        for piece in pieces {
            for entry in piece.shard.entries[piece.entry..<piece.entry + piece.count] {
                hash.add(entry.checksum)
                hash.add(UInt64(entry.width) | UInt64(entry.height) << 32)
            }
        }
    }
}
