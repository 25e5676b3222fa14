import Foundation
import Safetensors
import Synchronization

/// Packs a data set into one file, or into several.
///
/// What is written depends on images and settings alone: not on the number of threads, nor on how often the work was
/// interrupted.
package struct PackJob: Sendable {
    package struct Split: Sendable {
        /// "train", "test" or "probe".
        package let name: String
        package let images: ImageDataset
        /// What the source calls an image, for a reader of the pack; none where images have no names.
        package let label: (@Sendable (Int) -> String)?

        package init(name: String, images: ImageDataset, label: (@Sendable (Int) -> String)?) {
            self.name = name
            self.images = images
            self.label = label
        }
    }

    package struct Outcome: Sendable {
        /// Images that an earlier process had packed.
        package var resumed = 0
        /// Files that an earlier process had begun for other images or with other settings.
        package var startedOver: [String] = []
    }

    package let splits: [Split]
    package let settings: PackSettings
    /// Of the files to write, one for each shard.
    package let paths: [String]
    private let channels: Int
    private let classNames: [String]?
    private let classCount: Int
    /// The same for all shards.
    private let identity: UInt64
    /// Tells the state of the source from others, so that no file is made of two.
    private let job: UInt64

    /// - Parameters:
    ///   - splits: Of the same channels and classes.
    /// - Throws: `DatasetError` for splits that have different channels.
    package init(
        _ splits: [Split], classNames: [String]?, settings: PackSettings, paths: [String]
    ) throws {
        self.splits = splits
        self.settings = settings
        self.paths = paths
        self.classNames = classNames
        let channels = splits.first?.images.source.channels ?? 3
        self.channels = channels
        let largest = splits.flatMap { $0.images.labels ?? [] }.max() ?? -1
        classCount = classNames?.count ?? Int(largest) + 1
        guard splits.allSatisfy({ $0.images.source.channels == channels }), channels == 1 || channels == 3 else {
            throw DatasetError(
                place: splits.first?.images.name ?? "images", problem: "the splits have different numbers of channels",
                remedy: "pack images that all have 1 or 3 channels")
        }
        guard Int(largest) < classCount else {
            throw DatasetError(
                place: splits[0].images.name,
                problem: "has the class \(largest), but only \(classCount) names of classes",
                remedy: "give every class a name")
        }
        var hash = XXH64()
        func add(_ text: String) {
            let bytes = Array("\(text.utf8.count) \(text)\n".utf8)
            unsafe bytes.withUnsafeBytes { unsafe hash.append($0) }
        }
        add("\(settings.encoding.rawValue) \(settings.quality ?? 0) \(settings.fullChroma ?? false)")
        add("\(settings.shortSide ?? 0) \(settings.interpolation) \(channels) \(paths.count)")
        for name in classNames ?? [] { add(name) }
        for split in splits {
            add("\(split.name) \(split.images.count)")
            for image in 0..<split.images.count {
                if let label = split.label { add(label(image)) }
                add("\(split.images.labels?[image] ?? -1)")
            }
        }
        identity = hash.value
        for split in splits { add(split.images.state) }
        job = hash.value
    }

    package var count: Int { splits.reduce(0) { $0 + $1.images.count } }

    /// Files in the way: those that exist already, unless they are what an interrupted process of the same job has left.
    package var existing: [String] {
        let there = paths.filter { FileManager.default.fileExists(atPath: $0) }
        return there.isEmpty || isUnfinished ? there.filter { !isDone($0) } : there
    }

    private var isUnfinished: Bool { paths.contains { PackWriter.hasBegun($0, job: job) } }

    /// Whether a file is a whole shard of this pack.
    private func isDone(_ path: String) -> Bool {
        (try? PackHeader(PositionalFile(path: path, remedy: ""))).map { $0.identity == identity } ?? false
    }

    /// Bytes that the whole pack will take, from a few of its images.
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package func predictedBytes(sample wanted: Int = 48) throws -> Int {
        var bytes = 0.0
        for split in splits where split.images.count > 0 {
            let sampled = min(split.images.count, max(4, wanted * split.images.count / max(1, count)))
            let maker = PackImageMaker(split.images, settings)
            var sum = 0
            for number in 0..<sampled { sum += try maker.make(number * split.images.count / sampled).bytes.count }
            bytes += Double(sum) / Double(sampled) * Double(split.images.count)
            let names = split.label.map { label in label(0).utf8.count + 4 } ?? 0
            bytes += Double((PackEntry.size + names) * split.images.count)
        }
        return Int(bytes) + paths.count * PackHeader.size
    }

    /// Bytes that an interrupted process has left of it.
    package var bytesWritten: Int {
        paths.reduce(0) { sum, path in
            var status = stat()
            for name in [PackWriter.partialPath(path), path] {
                if unsafe stat(name, &status) == 0 { return sum + Int(status.st_size) }
            }
            return sum
        }
    }

    /// Writes all files, going on where an earlier process was interrupted.
    ///
    /// - Parameters:
    ///   - replaces: Whether files of these names are made anew.
    ///   - progress: Told how many images more are done, on any thread.
    /// - Throws: `DatasetError` for an image that cannot be read; `FileWriteError`. What is done is kept.
    package func run(
        threads: Int, replaces: Bool, progress: @escaping @Sendable (Int) -> Void
    ) throws -> Outcome {
        var outcome = Outcome()
        let goesOn = isUnfinished && !replaces
        let ranges = paths.indices.map { shard in
            splits.map { Self.part(shard, of: paths.count, $0.images.count) }
        }
        // All are begun first, so that whoever goes on can tell what this process has finished from what was there before.
        var writers: [(shard: Int, writer: PackWriter)] = []
        for (shard, path) in paths.enumerated() {
            let count = ranges[shard].reduce(0) { $0 + $1.count }
            if goesOn, isDone(path), !FileManager.default.fileExists(atPath: PackWriter.partialPath(path)) {
                outcome.resumed += count
                progress(count)
                continue
            }
            let writer = try PackWriter(path: path, job: job, count: count)
            outcome.resumed += writer.resumedCount
            if writer.startedOver { outcome.startedOver.append(path) }
            progress(writer.resumedCount)
            writers.append((shard, writer))
        }
        for (shard, writer) in writers {
            try write(ranges[shard], with: writer, threads: threads, progress: progress)
            try finish(writer, shard: shard, ranges[shard])
        }
        for (_, writer) in writers { try writer.publish() }
        for path in paths { unsafe unlink(PackWriter.progressPath(path)) }
        return outcome
    }

    private static func part(_ shard: Int, of shards: Int, _ count: Int) -> Range<Int> {
        count * shard / shards..<count * (shard + 1) / shards
    }

    private func write(
        _ ranges: [Range<Int>], with writer: PackWriter, threads: Int,
        progress: @escaping @Sendable (Int) -> Void
    ) throws {
        var before = 0
        for (split, range) in zip(splits, ranges) {
            let done = min(range.count, max(0, writer.entries.count - before))
            before += range.count
            let rest = range.dropFirst(done)
            guard !rest.isEmpty else { continue }
            let queue = PackQueue(rest) { image, packed in
                try writer.append(packed, label: split.images.labels?[image] ?? -1)
                progress(1)
            }
            queue.run(threads: threads) { PackImageMaker(split.images, settings) }
            if let failure = queue.failure {
                try writer.commit()
                throw failure
            }
        }
        try writer.commit()
    }

    private func finish(_ writer: PackWriter, shard: Int, _ ranges: [Range<Int>]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let description = PackDescription(
            classNames: classNames, classCount: classCount,
            splits: zip(splits, ranges).map { split, range in
                PackDescription.Split(
                    name: split.name, first: range.lowerBound, count: range.count, total: split.images.count)
            }, settings: settings)
        var names: [UInt8] = []
        // All images have names, or none.
        if splits.allSatisfy({ $0.label != nil }) {
            var table = PathTable()
            for (split, range) in zip(splits, ranges) {
                for image in range { try table.append(Array((split.label?(image) ?? "").utf8), of: writer.path) }
            }
            names = table.offsets.flatMap { StoredWords.bytes(UInt64($0)).prefix(4) } + table.bytes
        }
        try writer.finish(
            PackHeader(
                encoding: settings.encoding, channels: channels, identity: identity, shard: shard,
                shardCount: paths.count, count: 0, indexStart: 0, fileSize: 0, descriptionLength: 0, namesLength: 0,
                indexChecksum: 0), description: Array(try encoder.encode(description)), names: names)
    }
}

/// Makes images on several threads, and hands them over in their order, holding no more than some bytes of them.
private final class PackQueue: @unchecked Sendable {
    private static let limit = 256 << 20

    private let images: [Int]
    private let take: (Int, PackedImage) throws -> Void
    /// Guards everything below, and calls of `take`.
    private let condition = NSCondition()
    private var nextToMake = 0
    private var nextToTake = 0
    private var made: [Int: PackedImage] = [:]
    private var heldBytes = 0
    /// The first that went wrong, in the order of images.
    private var failures: [Int: any Error] = [:]

    init(_ images: some Sequence<Int>, take: @escaping (Int, PackedImage) throws -> Void) {
        self.images = Array(images)
        self.take = take
    }

    var failure: (any Error)? { failures.min { $0.key < $1.key }?.value }

    func run(threads: Int, _ makeMaker: @Sendable () -> PackImageMaker) {
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, images.count))) { _ in
            let maker = makeMaker()
            while let place = claim() {
                do {
                    let image = try maker.make(images[place])
                    try add(image, at: place)
                } catch {
                    condition.withLock {
                        failures[place] = error
                        condition.broadcast()
                    }
                }
            }
        }
    }

    /// The next image to make. Those before one that failed are still made, so that the same is left at any number of
    /// threads.
    private func claim() -> Int? {
        condition.withLock {
            guard failures.isEmpty, nextToMake < images.count else { return nil }
            nextToMake += 1
            return nextToMake - 1
        }
    }

    private func add(_ image: PackedImage, at place: Int) throws {
        condition.lock()
        defer { condition.unlock() }
        // Who has the next one never waits, so there is always somebody who goes on.
        while place != nextToTake, heldBytes > Self.limit, failures.isEmpty { condition.wait() }
        made[place] = image
        heldBytes += image.bytes.count
        while let next = made.removeValue(forKey: nextToTake) {
            heldBytes -= next.bytes.count
            try take(images[nextToTake], next)
            nextToTake += 1
        }
        condition.broadcast()
    }
}
