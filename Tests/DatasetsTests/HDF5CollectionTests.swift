import Datasets
import Declarations
import Foundation
import HDF5
import TensorCore
import Testing

@Suite("Arrays in HDF5 files")
struct HDF5CollectionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func pixel(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> UInt8 {
        UInt8((41 * image + 5 * row + 3 * column + 70 * channel) % 256)
    }

    /// A file with `count` images of 6×5 in one of three layouts, and their classes.
    private func write(
        _ name: String, count: Int, layout: String, labels: [Int64]? = nil, storage: HDF5Storage? = nil
    ) throws {
        let file = try HDF5File(buildingInMemory: name)
        var (pixels, shape) = ([UInt8](), [count, 6, 5])
        for image in 0..<count {
            switch layout {
            case "interleaved":
                shape = [count, 6, 5, 3]
                for place in 0..<30 { for c in 0..<3 { pixels.append(pixel(image, place / 5, place % 5, c)) } }
            case "planar":
                shape = [count, 3, 6, 5]
                for c in 0..<3 { for place in 0..<30 { pixels.append(pixel(image, place / 5, place % 5, c)) } }
            default: for place in 0..<30 { pixels.append(pixel(image, place / 5, place % 5, 0)) }
            }
        }
        try file.root.create("data/images", pixels, shape: shape, storage: storage)
        try file.root.create("labels", labels ?? (0..<count).map { Int64($0 % 4) }, shape: [count])
        try file.image().write(to: URL(fileURLWithPath: folder.path(name)))
    }

    private func collection(_ change: (Settings) -> Settings = { $0 }) -> HDF5Collection {
        HDF5Collection(
            change(settings(of: HDF5Collection.self, folder: folder.url.path).with("images_path", "data/images")))
    }

    private func refusal(_ change: (Settings) -> Settings = { $0 }) throws -> String {
        try #require(throws: DatasetError.self) { try collection(change).open() }.description
    }

    @Test(
        "Grey and colour images are read in every layout, packed or not", arguments: ["grey", "interleaved", "planar"])
    func layouts(layout: String) throws {
        try write("train.h5", count: 20, layout: layout, storage: .contiguous)
        try write(
            "test.h5", count: 9, layout: layout,
            storage: HDF5Storage(
                chunk: layout == "planar" ? [2, 3, 6, 5] : nil, zstdLevel: layout == "planar" ? 3 : nil))
        let splits = try collection().open()
        #expect(splits.train.count == 20 && splits.test.count == 9)
        #expect(try collection().trainingImageCount() == 20)
        #expect(splits.train.channels == (layout == "grey" ? 1 : 3) && splits.train.classCount == 4)
        #expect(splits.test.labels == (0..<9).map { Int32($0 % 4) })
        for dataset in [splits.train, splits.test] {
            for image in [0, 7, 8] {
                let picture = try dataset.picture(of: image, side: 5)
                #expect(picture.size == ImageSize(height: 6, width: 5))
                let expected = (0..<30).flatMap { place in
                    (0..<dataset.channels).map { pixel(image, place / 5, place % 5, $0) }
                }
                #expect(picture.values == expected)
            }
        }
        // A part of an image is the same as of images in memory.
        let (images, region) = (splits.train, CropRegion(top: 1, left: 2, height: 4, width: 3))
        let memory = ImageDataset(
            name: "memory", channels: images.channels, height: 6, width: 5, classCount: 4,
            pixels: (0..<20).flatMap { image in
                (0..<images.channels).flatMap { c in (0..<30).map { pixel(image, $0 / 5, $0 % 5, c) } }
            }, labels: images.labels)
        #expect(memory.normalization == images.normalization)
        var values: [[Float]] = []
        for dataset in [images, memory] {
            let output = HostBuffer<Float>(count: images.channels * 64)
            var renderer = ImageRenderer(dataset, size: 8)
            try renderer.render(13, into: output, slot: 0) { _ in region }
            values.append((0..<output.count).map { output[$0] })
        }
        #expect(values[0] == values[1])
    }

    @Test("Both splits may be in one file, and images may have no classes")
    func paths() throws {
        try write("all.h5", count: 12, layout: "interleaved")
        let splits = try collection {
            $0.with("train_file", "all.h5").with("test_file", folder.path("all.h5")).with("labels_path", String?.none)
        }.open()
        #expect(splits.train.labels == nil && splits.train.fingerprint == splits.test.fingerprint)
        #expect(throws: DatasetError.self) { try splits.checkLabels(place: "set") }
        let named = try collection {
            $0.with("train_file", "all.h5").with("test_file", "all.h5").with("test_images_path", String?("data/images"))
        }.open()
        #expect(named.test.count == 12 && named.test.labels?.count == 12)
    }

    @Test("Files and arrays that are missing, damaged or no images are named with what is wrong")
    func refusals() throws {
        #expect(try refusal().contains("train.h5: cannot be opened"))
        try folder.write(Array("no HDF5 file".utf8), "train.h5")
        #expect(try refusal().contains("not an HDF5 file"))
        try write("train.h5", count: 6, layout: "grey")
        try write("test.h5", count: 4, layout: "planar")
        #expect(try refusal().contains("has test images of 6×5×3, but the training images are 6×5×1"))
        #expect(try refusal { $0.with("images_path", "labels") }.contains("other numbers than unsigned bytes"))
        #expect(try refusal { $0.with("images_path", "nothing") }.contains("nothing"))
        #expect(
            try refusal { $0.with("labels_path", String?("data/images")) }.contains("instead of one number for each"))
        try write("test.h5", count: 4, layout: "grey", labels: [0, 1, 4, 0])
        #expect(try refusal().contains("has the class 4 for image 2, outside 0…3"))
        try write("train.h5", count: 6, layout: "grey", labels: [0, 1, 2, 3, -1, 0])
        #expect(try refusal().contains("has the class -1 for image 4"))
        try write("train.h5", count: 6, layout: "grey", labels: [0, 1, 2, .max, 0, 0])
        #expect(try refusal().contains("outside 0…65535"))
        try write("train.h5", count: 6, layout: "grey")
        try write("test.h5", count: 1, layout: "grey")
        #expect(try refusal().contains("a single image"))
    }

    @Test("A file does not get memory for images that it only claims")
    func claims() throws {
        let file = try HDF5File(buildingInMemory: "train.h5")
        _ = try file.root.create(
            "data/images", .uint8, shape: [1 << 30, 1, 1],
            storage: HDF5Storage(chunk: [1 << 20, 1, 1], zstdLevel: 3))
        try file.image().write(to: URL(fileURLWithPath: folder.path("train.h5")))
        #expect(try refusal().contains("claims 1073741824 images"))
    }

    @Test("A file that is cut off gives an error")
    func cutOff() throws {
        try write("train.h5", count: 400, layout: "interleaved", storage: .contiguous)
        try write("test.h5", count: 4, layout: "interleaved")
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.path("train.h5")))
        for count in stride(from: 0, to: whole.count, by: 997) {
            try whole.prefix(count).write(to: URL(fileURLWithPath: folder.path("train.h5")))
            #expect(try refusal().contains("train.h5"))
        }
    }
}
