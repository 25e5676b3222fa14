import Foundation

/// How a pack keeps its images.
package enum PackEncoding: String, Sendable, Hashable, CaseIterable, Codable {
    case jpeg
    /// Rows of pixels, [height, width, channels].
    case raw
}

/// The head of a pack, its first 4096 bytes; behind it come the images, and behind these the index.
///
/// All numbers are little-endian and of 8 bytes: the mark, which counts versions; encoding (0 jpeg, 1 raw); channels; the
/// number that all shards of a pack share; number of this shard and of all; images in this shard; beginning of the index;
/// size of the file; bytes of the description and of the names (0: there are none); XXH64 of the index. The last 8 bytes
/// are XXH64 of the others.
///
/// The index is the description as JSON; an entry for each image (`PackEntry`); and, where images have names, the beginning of
/// each name and the end of the last (4 bytes each) and the names.
struct PackHeader: Sendable, Hashable {
    static let size = 4096
    static let mark: [UInt8] = Array("CJEPAPK1".utf8)

    var encoding: PackEncoding
    var channels: Int
    var identity: UInt64
    var shard: Int
    var shardCount: Int
    var count: Int
    var indexStart: Int
    var fileSize: Int
    var descriptionLength: Int
    /// Of the names and their places; 0 where there are none.
    var namesLength: Int
    var indexChecksum: UInt64

    var stored: [UInt8] {
        let numbers = [
            encoding == .raw ? 1 : 0, channels, Int(bitPattern: UInt(identity)), shard, shardCount, count, indexStart,
            fileSize, descriptionLength, namesLength, Int(bitPattern: UInt(indexChecksum)),
        ]
        var bytes = Self.mark + numbers.flatMap { StoredWords.bytes(UInt64(bitPattern: Int64($0))) }
        bytes += [UInt8](repeating: 0, count: Self.size - 8 - bytes.count)
        return bytes + StoredWords.bytes(StoredWords.checksum(bytes))
    }

    /// Checks that the head is whole, and that all it says fits into the file.
    ///
    /// - Throws: `DatasetError` that names the file and the place.
    init(_ file: PositionalFile) throws {
        let bytes = try file.read(at: 0, upTo: Self.size)
        guard bytes.count >= Self.mark.count, bytes.starts(with: Self.mark.dropLast()) else {
            throw file.failure("is no pack: it does not begin with the mark of one")
        }
        guard bytes.count == Self.size else { throw file.failure("is truncated in its head, at byte \(bytes.count)") }
        guard bytes.starts(with: Self.mark) else {
            throw file.failure("is a pack of another version, “\(Character(UnicodeScalar(bytes[7])))”")
        }
        guard StoredWords.word(bytes, at: Self.size - 8) == StoredWords.checksum(bytes.prefix(Self.size - 8)) else {
            throw file.failure("is damaged in its head, bytes 0…\(Self.size - 1)")
        }
        func number(_ field: Int, _ what: String) throws -> Int {
            guard let value = Int(exactly: StoredWords.word(bytes, at: 8 * field)) else {
                throw file.failure("is damaged: its head states an impossible \(what), at byte \(8 * field)")
            }
            return value
        }
        encoding = try number(1, "encoding") == 1 ? .raw : .jpeg
        channels = try number(2, "number of channels")
        identity = StoredWords.word(bytes, at: 24)
        (shard, shardCount) = (try number(4, "shard"), try number(5, "number of shards"))
        (count, indexStart) = (try number(6, "number of images"), try number(7, "place of the index"))
        (fileSize, descriptionLength) = (try number(8, "size"), try number(9, "description"))
        (namesLength, indexChecksum) = (try number(10, "table of names"), StoredWords.word(bytes, at: 88))
        guard StoredWords.word(bytes, at: 8) <= 1, channels == 1 || channels == 3, shardCount <= 1_000_000,
            shard < shardCount
        else { throw file.failure("is damaged: its head states impossible numbers, bytes 8…47") }
        guard fileSize == file.size else {
            throw file.failure(
                fileSize > file.size
                    ? "is truncated at byte \(file.size): its head states \(fileSize) bytes"
                    : "has \(file.size) bytes, more than the \(fileSize) that its head states")
        }
        // Each is at most the size of the file, so that their sum cannot overflow.
        let parts = [descriptionLength, count <= fileSize ? PackEntry.size * count : fileSize, namesLength]
        guard indexStart >= Self.size, parts.allSatisfy({ $0 <= fileSize }), count <= fileSize / PackEntry.size,
            indexStart <= fileSize, parts.reduce(0, +) == fileSize - indexStart
        else {
            throw file.failure("is damaged: the index that its head states does not fit into it, bytes 48…87")
        }
    }

    init(
        encoding: PackEncoding, channels: Int, identity: UInt64, shard: Int, shardCount: Int, count: Int,
        indexStart: Int, fileSize: Int, descriptionLength: Int, namesLength: Int, indexChecksum: UInt64
    ) {
        self.encoding = encoding
        self.channels = channels
        self.identity = identity
        self.shard = shard
        self.shardCount = shardCount
        self.count = count
        self.indexStart = indexStart
        self.fileSize = fileSize
        self.descriptionLength = descriptionLength
        self.namesLength = namesLength
        self.indexChecksum = indexChecksum
    }
}

/// Where an image of a pack is, and what is known of it: 32 bytes, in the order of the properties.
struct PackEntry: Sendable, Hashable {
    static let size = 32

    /// Of its first byte in the file.
    var offset: UInt64
    /// XXH64 of its bytes.
    var checksum: UInt64
    /// Bytes.
    var length: UInt32
    var width: UInt32
    var height: UInt32
    /// Class; −1 for none.
    var label: Int32

    var stored: [UInt8] {
        StoredWords.bytes(offset) + StoredWords.bytes(checksum)
            + StoredWords.bytes(UInt64(length) | UInt64(width) << 32)
            + StoredWords.bytes(UInt64(height) | UInt64(UInt32(bitPattern: label)) << 32)
    }

    /// - Parameter place: Of its first byte; there are 32.
    init(_ bytes: [UInt8], at place: Int) {
        offset = StoredWords.word(bytes, at: place)
        checksum = StoredWords.word(bytes, at: place + 8)
        let (first, second) = (StoredWords.word(bytes, at: place + 16), StoredWords.word(bytes, at: place + 24))
        length = UInt32(truncatingIfNeeded: first)
        width = UInt32(truncatingIfNeeded: first >> 32)
        height = UInt32(truncatingIfNeeded: second)
        label = Int32(truncatingIfNeeded: second >> 32)
    }

    init(offset: UInt64, checksum: UInt64, length: UInt32, width: UInt32, height: UInt32, label: Int32) {
        self.offset = offset
        self.checksum = checksum
        self.length = length
        self.width = width
        self.height = height
        self.label = label
    }
}

/// What a pack says of itself besides numbers.
struct PackDescription: Sendable, Hashable, Codable {
    struct Split: Sendable, Hashable, Codable {
        /// "train", "test" or "probe".
        var name: String
        /// Number of the shard's first image in the split.
        var first: Int
        /// Images of the shard; they lie in the order of the splits.
        var count: Int
        /// Images of the split in all shards.
        var total: Int
    }

    var classNames: [String]?
    var classCount: Int
    var splits: [Split]
    /// How the images were made.
    var settings: PackSettings
}
