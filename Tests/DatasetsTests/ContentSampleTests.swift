import Declarations
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Files that were replaced by others of the same names and sizes.
@Suite("Samples of contents")
struct ContentSampleTests {
    private static let sets: [any ImageCollection.Type] = [ImageFolder.self, ListedImages.self, ShardedImages.self]
    private static let fingerprintNames = ["dataset_train_fingerprint", "dataset_test_fingerprint"]

    private func prints(_ type: any ImageCollection.Type, _ folder: String) throws -> [String: String] {
        try type.init(settings(of: type, folder: folder)).open(for: ModelInput(channels: 3, imageSize: 16))
            .fingerprints
    }

    /// Another value of a byte of a file; its time is put back.
    private func change(_ path: String, byte: Int) throws {
        let manager = FileManager.default
        let time = try manager.attributesOfItem(atPath: path)[.modificationDate]
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[byte] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        if let time { try manager.setAttributes([.modificationDate: time], ofItemAtPath: path) }
    }

    @Test("Contents that changed at the same size are seen in the sample, and nowhere else")
    func changed() throws {
        for type in Self.sets {
            let tree = try PictureTree(copies: 1)
            let before = try prints(type, tree.path)
            for name in Self.fingerprintNames { #expect(before[name] != nil) }
            // The first picture of a shard begins behind its head of 512 bytes.
            let isShard = type == ShardedImages.self
            try change(tree.file(isShard ? "train-1.tar" : "train/dog/103.png"), byte: isShard ? 600 : 40)
            let after = try prints(type, tree.path)
            #expect(
                after.filter { before[$0.key] != $0.value }.map(\.key) == ["dataset_train_sample"], "\(type.name)")
        }
    }

    @Test("Copies elsewhere with other times, in folders, lists or shards, have the same sample")
    func copies() throws {
        let (tree, other) = (try PictureTree(copies: 1), try TemporaryFolder())
        let expected = try prints(ImageFolder.self, tree.path)
        #expect(expected["dataset_train_sample"] != expected["dataset_test_sample"])
        for name in try FileManager.default.contentsOfDirectory(atPath: tree.path) {
            try FileManager.default.copyItem(atPath: tree.file(name), toPath: other.path(name))
        }
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: other.path("train/cat/100.jpg"))
        #expect(try prints(ImageFolder.self, other.url.path) == expected)
        for type in Self.sets {
            let found = try prints(type, tree.path)
            for name in ["dataset_train_sample", "dataset_test_sample"] {
                #expect(found[name] == expected[name], "\(type.name)")
            }
        }
    }

    @Test("Data sets whose fingerprint is over their pixels need no sample")
    func pixels() throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in SmallCIFAR.binary(images: 2) { try folder.write(bytes, name) }
        #expect(try prints(CIFAR10.self, folder.url.path).keys.sorted() == Self.fingerprintNames.sorted())
    }

    @Test("All files of a small set are read, of a large one the same few")
    func choice() {
        #expect(ContentSample.choice(of: 256) == Array(0..<256))
        for count in [257, 1_281_167] {
            let chosen = ContentSample.choice(of: count)
            #expect(chosen.count == 256 && Set(chosen).count == 256 && chosen == chosen.sorted())
            #expect(chosen.allSatisfy { (0..<count).contains($0) } && chosen == ContentSample.choice(of: count))
        }
        #expect(ContentSample.choice(of: 1_281_167).contains { $0 > 1_000_000 })
    }

    @Test("Files that are larger than the sample may be, or are missing, are not read; one that cannot be is named")
    func bounds() throws {
        let folder = try TemporaryFolder()
        let lines = ["huge", "small", "gone"].map { "\($0).jpg x\n" }.joined()
        try folder.write(Array(lines.utf8), "list.txt")
        try folder.write([1, 2, 3], "small.jpg")
        let huge = try folder.write([1], "huge.jpg")
        // A hole: no space is taken.
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: huge))
        try handle.truncate(atOffset: UInt64(ContentSample.bytes) - 2)
        try handle.close()
        func sample() throws -> Fingerprint? {
            let index = try ImageList.read(folder.path("list.txt"), root: folder.url.path, isLabeled: true, remedy: "")
            return try ContentSample.checksum(of: IndexedFiles(index, remedy: "mend it"))
        }
        // The first file takes all but two of the bytes.
        let first = try sample()
        try folder.write([1, 2, 4], "small.jpg")
        #expect(try sample() == first)
        try folder.write([2], "huge.jpg")
        let second = try sample()
        #expect(second != first)
        try folder.write([1, 2, 3], "small.jpg")
        #expect(try sample() != second)
        let files = IndexedFiles(
            try ImageList.read(folder.path("list.txt"), root: folder.url.path, isLabeled: true, remedy: ""),
            remedy: "mend it")
        try FileManager.default.removeItem(atPath: folder.path("small.jpg"))
        let error = try #require(throws: DatasetError.self) { try ContentSample.checksum(of: files) }
        #expect(error.place == folder.path("small.jpg") && error.remedy == "mend it")
    }
}
