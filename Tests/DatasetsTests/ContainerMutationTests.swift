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
        /// Whether what it holds undamaged can be shown.
        var hasPictures = true
        /// Of as many mutations as of the others one is tried, where a file takes longer.
        var every = 1
    }

    private static func fixture(_ name: String) -> [UInt8] {
        let folder = sampleFolder.deletingLastPathComponent()
        return (try? Data(contentsOf: folder.appendingPathComponent(name))).map(Array.init) ?? []
    }

    /// One picture of each form, by its place, and lists of them.
    private static func pictures() -> [String: [UInt8]] {
        let names = [
            "rgb.jpg", "progressive.jpg", "arithmetic-progressive.jpg", "cmyk.jpg", "restart.jpg", "orientation-6.jpg",
            "rgb16-interlaced.png", "rgba8.png", "palette8.png", "lossy.webp", "lossless-alpha.webp",
            "large-progressive.jpg",
        ]
        var files = names.reduce(into: [:]) { $0[$1] = fixture("images/" + $1) }
        for (list, names) in [("train.txt", names.prefix(9)), ("test.txt", names.suffix(3))] {
            files[list] = Array(names.map { "\($0) any\n" }.joined().utf8)
        }
        return files
    }

    private static let picture = (try? PictureTree.picture("rgb8.png")).map(Array.init) ?? []
    private static let grey = (0..<6 * 28).map { UInt8($0) }

    /// Heads of every kind; what the members hold are no pictures.
    private static func heads() -> [String: [UInt8]] {
        ["ustar", "gnu", "pax"].reduce(into: [:]) { $0["train-\($1).tar"] = fixture("containers/\($1).tar") }
    }

    private static func shards() -> [String: [UInt8]] {
        let jpeg = fixture("images/rgb.jpg")
        let members = [
            ("1.png", picture), ("1.cls", Array("1\n".utf8)), ("2.jpg", jpeg), ("2.json", Array(#"{"label": 0}"#.utf8)),
        ]
        let shard = members.flatMap { PictureTree.member($0.0, $0.1) } + [UInt8](repeating: 0, count: 1024)
        return ["train-0.tar": shard, "test-0.tar": shard]
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
        Container(testDescription: "tar", type: ShardedImages.self, channels: 3, files: shards()),
        Container(
            testDescription: "heads of tar", type: ShardedImages.self, channels: 3, files: heads(),
            settings: { $0.with("test_shards", ["train-ustar.tar"]).with("shard_labels", "folder") }, hasPictures: false
        ),
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
                "train.txt": Array("1.png cat\n2.png dog\n3.png cat\n".utf8),
                "test.txt": Array("1.png dog\n2.png cat\n".utf8), "1.png": picture, "2.png": picture,
                "3.png": picture,
            ]),
        Container(
            testDescription: "pictures", type: ListedImages.self, channels: 3, files: pictures(),
            settings: { $0.with("exif_orientation", true).with("decode", "fast") }),
        Container(
            testDescription: "CIFAR-100, binary", type: CIFAR100.self, channels: 3,
            files: SmallCIFAR100.binary(images: 3)),
        Container(
            testDescription: "STL-10", type: STL10.self, channels: 3, files: SmallSTL.files(),
            settings: { $0.with("train_on", "both") }, every: 10),
        Container(
            testDescription: "HDF5 of encoded images", type: HDF5Files.self, channels: 3,
            files: ["encoded.h5": fixture("containers/encoded.h5")],
            settings: {
                $0.with("train_file", "encoded.h5").with("test_file", "encoded.h5")
                    .with("images_path", "train/images").with("test_images_path", String?("test/images"))
                    .with("labels_path", String?("train/labels")).with("test_labels_path", String?("test/labels"))
            }),
        Container(testDescription: "HDF5", type: HDF5Collection.self, channels: 3, files: hdf5(packed: false)),
        Container(testDescription: "HDF5, packed", type: HDF5Collection.self, channels: 3, files: hdf5(packed: true)),
    ]

    /// What evaluations see of all images, then a crop of each as training takes it.
    private func show(_ splits: DatasetSplits, seed: UInt64) throws {
        for images in [splits.train, splits.test] + (splits.probe.map { [$0] } ?? []) { try show(images, seed: seed) }
    }

    private func show(_ images: ImageDataset, seed: UInt64) throws {
        let output = HostBuffer<Float>(count: images.count * images.channels * 64)
        let views: [() throws -> Void] = [
            { try images.renderViews(0..<images.count, size: 8, into: output) },
            {
                let crop = try RandomResizedCrop(scale: [0.1, 1], aspect: [0.5, 2])
                var renderer = ImageRenderer(images, size: 8)
                for image in 0..<images.count {
                    try renderer.render(image, into: output, slot: image) { size in
                        var random = RandomStream(seed: seed, purpose: .crop, sample: image)
                        return crop.region(height: size.height, width: size.width, random: &random)
                    }
                }
            },
        ]
        // The second may meet a file that the first has refused.
        let results = views.map { view in Result { try view() } }
        for result in results { try result.get() }
        let isFinite = output.array.allSatisfy { $0.isFinite }
        #expect(isFinite, "seed \(seed)")
    }

    @Test("A damaged file gives images and crops, or an error with its name", arguments: containers)
    func damaged(_ container: Container) throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in container.files { try folder.write(bytes, name) }
        let names = container.files.keys.sorted()
        try #require(!names.isEmpty && container.files.values.allSatisfy { !$0.isEmpty })
        func open() throws -> DatasetSplits {
            try container.type.init(container.settings(settings(of: container.type, folder: folder.url.path)))
                .open(for: ModelInput(channels: container.channels, imageSize: 8))
        }
        let sound = try open()
        if container.hasPictures { try show(sound, seed: 0) }
        var generator = SeededGenerator(state: Self.seed)
        var (opened, refused) = (0, 0)
        let count = max(1, Self.count / container.every)
        for number in 0..<count {
            let name = names[number % names.count]
            let bytes = try #require(container.files[name])
            let other = try #require(container.files[names[Int.random(in: 0..<names.count, using: &generator)]])
            try folder.write(bytes.mutated(with: other, head: 2_000, using: &generator), name)
            defer { _ = try? folder.write(bytes, name) }
            do {
                try show(open(), seed: UInt64(number))
                opened += 1
            } catch let error as DatasetError {
                refused += 1
                #expect(
                    !error.place.isEmpty && !error.remedy.isEmpty,
                    "mutation \(number) of \(name), seed \(Self.seed): \(error)")
            }
        }
        #expect(opened + refused == count && refused > count / 50)
    }
}
