import Datasets
import Declarations
import Foundation
import HDF5
import TensorCore
import TestSupport
import Testing

/// Files of every container with bytes changed, cut out, put in and taken from each other: opened and read to the end, each
/// gives images or an error that names what is wrong.
@Suite("Mutated containers")
struct ContainerMutationTests {
    /// More by an environment variable; `make fuzz-images` asks for 10⁵.
    private static let count = ProcessInfo.processInfo.environment["CONTAINER_MUTATIONS"].flatMap { Int($0) } ?? 1_000
    private static let seed = ProcessInfo.processInfo.environment["IMAGE_MUTATION_SEED"].flatMap { UInt64($0) } ?? 1

    /// A data set of which one file at a time is damaged.
    struct Container: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let type: any ImageCollection.Type
        let channels: Int
        /// Contents by name.
        let files: [String: [UInt8]]
        var settings: @Sendable (Settings) -> Settings = { $0 }
    }

    private static let picture = (try? PictureTree.picture("rgb8.png")).map(Array.init) ?? []
    private static let grey = (0..<6 * 28).map { UInt8($0) }

    private static func tar() -> [String: [UInt8]] {
        let folder = sampleFolder.deletingLastPathComponent().appendingPathComponent("containers")
        return ["ustar", "gnu", "pax"].reduce(into: [:]) { files, name in
            files["train-\(name).tar"] = (try? Data(contentsOf: folder.appendingPathComponent(name + ".tar"))).map(
                Array.init)
        }
    }

    private static func hdf5(packed: Bool) -> [String: [UInt8]] {
        let images = (0..<24 * 6 * 5 * 3).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let storage = packed ? HDF5Storage(chunk: [4, 6, 5, 3], zstdLevel: 3) : .contiguous
        guard let file = try? HDF5File(buildingInMemory: "images"),
            (try? file.root.create("images", images, shape: [24, 6, 5, 3], storage: storage)) != nil,
            (try? file.root.create("labels", (0..<24).map { Int64($0 % 4) }, shape: [24])) != nil,
            let bytes = try? Array(file.image())
        else { return [:] }
        return ["train.h5": bytes, "test.h5": bytes]
    }

    static let containers = [
        Container(
            testDescription: "tar", type: ShardedImages.self, channels: 3, files: tar(),
            settings: { $0.with("test_shards", ["train-ustar.tar"]) }),
        Container(
            testDescription: "CIFAR, binary", type: CIFAR10.self, channels: 3, files: SmallCIFAR.binary(images: 2)),
        Container(
            testDescription: "CIFAR, pickled", type: CIFAR10.self, channels: 3, files: SmallCIFAR.pickled(images: 2)),
        Container(
            testDescription: "IDX", type: IDXCollection.self, channels: 1,
            files: [
                "train-images-idx3-ubyte.gz": idx([6, 4, 7], grey),
                "train-labels-idx1-ubyte.gz": idx([6], [0, 1, 2, 0, 1, 2]),
                "t10k-images-idx3-ubyte.gz": idx([6, 4, 7], grey),
                "t10k-labels-idx1-ubyte.gz": idx([6], [0, 1, 2, 0, 1, 2]),
            ]),
        Container(
            testDescription: "lists", type: ListedImages.self, channels: 3,
            files: [
                "train.txt": Array("1.png cat\n2.png dog\n\"3 3.png\" cat\n".utf8),
                "test.txt": Array("1.png dog\n2.png cat\n".utf8), "1.png": picture, "2.png": picture,
                "3 3.png": picture,
            ]),
        Container(testDescription: "HDF5", type: HDF5Collection.self, channels: 3, files: hdf5(packed: false)),
        Container(testDescription: "HDF5, packed", type: HDF5Collection.self, channels: 3, files: hdf5(packed: true)),
    ]

    @Test("A damaged file gives images or an error with its name", arguments: containers)
    func damaged(_ container: Container) throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in container.files { try folder.write(bytes, name) }
        let names = container.files.keys.sorted()
        try #require(!names.isEmpty)
        var generator = SeededGenerator(state: Self.seed)
        var (opened, refused) = (0, 0)
        for number in 0..<Self.count {
            let name = names[number % names.count]
            let bytes = try #require(container.files[name])
            let other = try #require(container.files[names[Int.random(in: 0..<names.count, using: &generator)]])
            try folder.write(bytes.mutated(with: other, head: 2_000, using: &generator), name)
            defer { _ = try? folder.write(bytes, name) }
            do {
                let settings = container.settings(settings(of: container.type, folder: folder.url.path))
                let splits = try container.type.init(settings).open(
                    for: ModelInput(channels: container.channels, imageSize: 8))
                for images in [splits.train, splits.test] {
                    let output = HostBuffer<Float>(count: images.count * images.channels * 64)
                    try images.renderViews(0..<images.count, size: 8, into: output)
                    let isFinite = output.array.allSatisfy { $0.isFinite }
                    #expect(isFinite, "mutation \(number) of \(name), seed \(Self.seed)")
                }
                opened += 1
            } catch let error as DatasetError {
                refused += 1
                #expect(!error.place.isEmpty && !error.remedy.isEmpty, "mutation \(number): \(error)")
            }
        }
        #expect(opened + refused == Self.count && refused > Self.count / 50)
    }
}
