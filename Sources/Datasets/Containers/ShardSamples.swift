import Foundation

/// The samples of tar shards by WebDataset's rule: members that follow each other and have the same key, which is the path
/// up to the first dot of the file's name. What comes behind that dot, in lower case, is the part of the sample.
package struct ShardSamples: Sendable {
    /// Where the class of a sample is written.
    package enum LabelRule: Hashable, Sendable, Codable {
        /// A member `.cls`, else "label" or "cls" in `.json`, else the folder of the image.
        case automatic
        /// A number in a member `.cls`.
        case cls
        /// A number or a name under this key of `.json`.
        case json(String)
        /// The folder that the image lies in.
        case folder
        /// There are no labels.
        case none
    }

    package let shards: [TarIndex]
    /// Shard of each image.
    package let shardNumbers: [UInt32]
    /// Member of its shard that the image is.
    package let members: [UInt32]
    /// Class of each image; -1 where there is none.
    package let labels: [Int32]
    /// Sorted by bytes; empty where classes are numbers.
    package let classNames: [String]

    package var count: Int { members.count }

    /// Shard and name of image `index`, for messages and predictions.
    package func name(_ index: Int) -> String { shard(index).path + "/" + shard(index).names[Int(members[index])] }

    /// Where the bytes of image `index` are.
    package func place(_ index: Int) -> (path: String, stamp: FileStamp, offset: Int, size: Int) {
        let shard = shard(index)
        let member = Int(members[index])
        return (shard.path, shard.stamp, shard.offsets[member], shard.sizes[member])
    }

    /// The bytes of image `index`.
    ///
    /// - Throws: `DatasetError` for a shard that is missing or has been changed.
    package func bytes(_ index: Int, from files: OpenFiles) throws -> [UInt8] {
        let place = place(index)
        return try files.file(place.path, stamp: place.stamp).read(at: place.offset, count: place.size)
    }

    private func shard(_ index: Int) -> TarIndex { shards[Int(shardNumbers[index])] }

    /// Indexes shards.
    ///
    /// - Parameters:
    ///   - paths: Of the shards, in order.
    ///   - imageExtension: Which part of a sample is the image ("jpg", "seg.png"); nil: the only one that is an image.
    ///   - labels: Where classes are written.
    ///   - cache: Keeps what was read of shards until they change; nil: all heads are read.
    ///   - progress: Told, on any thread, of each shard that is done.
    /// - Throws: `DatasetError` for shards that are broken, samples with two images or with one part twice, and labels
    ///   that are missing or cannot be read.
    package static func read(
        _ paths: [String], imageExtension: String? = nil, labels: LabelRule, remedy: String, cache: ShardCache? = nil,
        progress: @Sendable () -> Void = {}
    ) throws -> ShardSamples {
        let reader = ShardReader(imageExtension: imageExtension?.lowercased(), rule: labels, remedy: remedy)
        let contents = ImageScan.map(0..<paths.count, pieces: 1) { range in
            defer { progress() }
            return Result {
                let path = paths[range.lowerBound]
                if let known = cache?.load(path, reader) { return known }
                let made = try reader.read(PositionalFile(path: path, remedy: remedy))
                cache?.save(made, reader)
                return made
            }
        }
        var builder = ShardSampleBuilder(remedy: remedy)
        for shard in contents { builder.add(try shard.get()) }
        return try builder.finish()
    }

    init(
        shards: [TarIndex], shardNumbers: [UInt32], members: [UInt32], labels: [Int32], classNames: [String]
    ) {
        self.shards = shards
        self.shardNumbers = shardNumbers
        self.members = members
        self.labels = labels
        self.classNames = classNames
    }
}
