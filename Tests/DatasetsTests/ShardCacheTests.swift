import Datasets
import Foundation
import TestSupport
import Testing

@Suite("Indices of shards are kept between runs")
struct ShardCacheTests {
    private let tree: PictureTree
    private let cache: ShardCache

    init() throws {
        tree = try PictureTree(copies: 1)
        cache = ShardCache(folder: tree.file("cache"))
        // A shard that was written a moment ago is not kept.
        for name in ["train-0.tar", "train-1.tar"] { try age(name, seconds: 100) }
    }

    private func age(_ name: String, seconds: Double) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: tree.file(name))
    }

    private func read(
        _ labels: ShardSamples.LabelRule = .automatic, cache: ShardCache?
    ) throws -> ShardSamples {
        try ShardSamples.read(
            ["train-0.tar", "train-1.tar"].map(tree.file), labels: labels, remedy: "mend it", cache: cache)
    }

    private var kept: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: cache.folder)) ?? []).sorted()
    }

    private func describe(_ samples: ShardSamples) -> [String] {
        (0..<samples.count).map { image in
            let place = samples.place(image)
            return "\(samples.name(image)) \(place.offset) \(place.size) \(samples.labels[image])"
        } + samples.classNames
    }

    @Test("What is kept is what was read, and nothing is read again")
    func sameSamples() throws {
        let plain = try read(cache: nil)
        #expect(kept.isEmpty)
        #expect(try describe(read(cache: cache)) == describe(plain))
        #expect(kept.count == 2)
        // The bytes are others, but size and time are not: only what is kept can know the members.
        for name in ["train-0.tar", "train-1.tar"] {
            let size = try Data(contentsOf: URL(fileURLWithPath: tree.file(name))).count
            let date = try FileManager.default.attributesOfItem(atPath: tree.file(name))[.modificationDate]
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: tree.file(name)))
            try handle.write(contentsOf: Data(repeating: 7, count: size))
            try handle.close()
            try FileManager.default.setAttributes([.modificationDate: date as Any], ofItemAtPath: tree.file(name))
        }
        #expect(try describe(read(cache: cache)) == describe(plain))
        #expect(throws: (any Error).self) { try read(cache: nil) }
    }

    @Test("A shard that has changed is read again, and so are others' rules of labels")
    func changes() throws {
        _ = try read(cache: cache)
        #expect(try read(.none, cache: cache).labels.allSatisfy { $0 == -1 })
        #expect(kept.count == 4)
        #expect(try read(cache: cache).labels.contains(1))
        // The same size at another time.
        let whole = try Data(contentsOf: URL(fileURLWithPath: tree.file("train-0.tar")))
        var changed = whole
        changed.replaceSubrange(0..<7, with: Data("cat/999".utf8))
        try changed.write(to: URL(fileURLWithPath: tree.file("train-0.tar")))
        // The head no longer has its sum.
        #expect(throws: DatasetError.self) { try read(cache: cache) }
    }

    @Test("A shard that was written to a moment ago is not kept")
    func settling() throws {
        try age("train-1.tar", seconds: 0)
        _ = try read(cache: cache)
        #expect(kept.count == 1)
    }

    @Test("What is damaged or another's is as good as none", arguments: [0, 9, 45, 200, -1, -9])
    func damage(_ place: Int) throws {
        let plain = try describe(read(cache: cache))
        for name in kept {
            let url = URL(fileURLWithPath: cache.folder + "/" + name)
            var bytes = try Data(contentsOf: url)
            bytes[place < 0 ? bytes.count + place : place] ^= 0x41
            try bytes.write(to: url)
        }
        #expect(try describe(read(cache: cache)) == plain)
        for name in kept {
            let url = URL(fileURLWithPath: cache.folder + "/" + name)
            try Data(contentsOf: url).prefix(abs(place)).write(to: url)
        }
        #expect(try describe(read(cache: cache)) == plain)
    }
}
