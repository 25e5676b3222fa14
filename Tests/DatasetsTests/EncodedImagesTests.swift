import Datasets
import Declarations
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite("Data sets of encoded images")
struct EncodedImagesTests {
    private func open(
        _ type: any ImageCollection.Type, _ tree: PictureTree, channels: Int = 3, side: Int = 16,
        _ change: (Settings) -> Settings = { $0 }
    ) throws -> DatasetSplits {
        try type.init(change(settings(of: type, folder: tree.path))).open(
            for: ModelInput(channels: channels, imageSize: side))
    }

    private func refusal(
        _ type: any ImageCollection.Type, _ tree: PictureTree, _ change: (Settings) -> Settings = { $0 }
    ) throws -> DatasetError {
        try #require(throws: DatasetError.self) { try open(type, tree, change) }
    }

    private func views(_ images: ImageDataset, side: Int = 16) throws -> [Float] {
        let output = HostBuffer<Float>(count: images.count * images.channels * side * side)
        try images.renderViews(0..<images.count, size: side, into: output)
        return output.array
    }

    /// Pixels of an image as a reader gives them.
    private func pixels(_ images: ImageDataset, _ image: Int) throws -> [UInt8] {
        let reader = images.source.makeReader()
        let size = try reader.open(image)
        var values: [UInt8] = []
        try reader.withPixels(of: CropRegion(of: size), reduction: 1) { pixels, layout in
            for place in 0..<layout.height * layout.width * layout.channels { values.append(pixels[place]) }
        }
        return values
    }

    @Test("Class folders, lists and shards are the same images under the same classes")
    func sources() throws {
        let tree = try PictureTree(copies: 1)
        let folder = try open(ImageFolder.self, tree)
        #expect(folder.train.count == 16 && folder.test.count == 8 && folder.train.classNames == ["cat", "dog"])
        #expect(folder.train.labels == (0..<16).map { $0 < 8 ? 0 : 1 } && folder.train.classCount == 2)
        #expect(folder.train.name(of: 8)?.hasPrefix("dog/100.") == true && !folder.train.source.isInMemory)
        #expect(folder.train.view == EvaluationView(shortSide: 18))
        for type in [ListedImages.self, ShardedImages.self] as [any ImageCollection.Type] {
            let other = try open(type, tree)
            #expect(other.train.labels == folder.train.labels && other.test.labels == folder.test.labels)
            #expect(other.train.classNames == folder.train.classNames)
            #expect(try views(other.train) == views(folder.train) && views(other.test) == views(folder.test))
            #expect(try type.init(settings(of: type, folder: tree.path)).trainingImageCount() == 16)
        }
        let shards = try open(ShardedImages.self, tree)
        #expect(shards.train.name(of: 8)?.hasPrefix("train-1.tar/dog/100.") == true)
    }

    @Test("Pixels are the decoder's: colours in three channels, luma in one, turned where that is asked for")
    func decoding() throws {
        let tree = try PictureTree(copies: 1)
        for path in ["train/cat", "train/dog", "test/cat", "test/dog"] {
            try FileManager.default.removeItem(atPath: tree.file(path))
        }
        try tree.write(PictureTree.picture("orientation-6.jpg"), "train/cat/0.jpg")
        for name in ["0", "1"] { try tree.write(PictureTree.picture("ycc-2x2.jpg"), "test/cat/\(name).jpg") }
        let plain = try open(ImageFolder.self, tree)
        let turned = try open(ImageFolder.self, tree) { $0.with("exif_orientation", true) }
        let size = try plain.train.source.makeReader().open(0)
        let upright = try turned.train.source.makeReader().open(0)
        #expect(size.height == upright.width && size.width == upright.height && size.height != size.width)
        #expect(try pixels(plain.train, 0) != pixels(turned.train, 0))
        let grey = try open(ImageFolder.self, tree, channels: 1)
        let (colours, luma) = (try pixels(plain.test, 0), try pixels(grey.test, 0))
        #expect(colours.count == 3 * luma.count && grey.test.channels == 1)
        for (place, value) in luma.enumerated() {
            let (red, green, blue) = (Int(colours[3 * place]), Int(colours[3 * place + 1]), Int(colours[3 * place + 2]))
            #expect(Int(value) == (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16)
        }
    }

    @Test("Fast decoding gives nearly the same views of large images, and the same of small ones")
    func fast() throws {
        let tree = try PictureTree(copies: 1)
        let exact = try open(ImageFolder.self, tree) { $0.with("normalization", "dataset") }
        let fast = try open(ImageFolder.self, tree) {
            $0.with("normalization", "dataset").with("decode", "fast")
        }
        let differences = zip(try views(exact.train, side: 8), try views(fast.train, side: 8)).map { abs($0 - $1) }
        #expect(differences.contains { $0 > 0 } && differences.allSatisfy { $0 <= 0.5 })
        #expect(try views(exact.train, side: 64) == views(fast.train, side: 64))
    }

    @Test("Normalisation: of ImageNet, of numbers, or of the training images' pixels")
    func normalization() throws {
        let tree = try PictureTree(copies: 1)
        #expect(try open(ImageFolder.self, tree).train.normalization.mean == [0.485, 0.456, 0.406])
        let given = try open(ImageFolder.self, tree) {
            $0.with("normalization", "numbers").with("mean", [0.25]).with("std", [0.5])
        }
        #expect(
            given.test.normalization == Normalization(mean: [0.25, 0.25, 0.25], standardDeviation: [0.5, 0.5, 0.5]))
        #expect(
            try refusal(ImageFolder.self, tree) {
                $0.with("normalization", "numbers").with("mean", [0.1, 0.2, 0.3, 0.4])
            }
            .place == "data.mean, data.std")
        let measured = try open(ImageFolder.self, tree) { $0.with("normalization", "dataset") }
        var sums = [Double](repeating: 0, count: 3)
        var count = 0
        for image in 0..<16 {
            let values = try pixels(measured.train, image)
            for (place, value) in values.enumerated() { sums[place % 3] += Double(value) / 255 }
            count += values.count / 3
        }
        for (mean, sum) in zip(measured.train.normalization.mean, sums) {
            #expect(abs(mean - sum / Double(count)) <= 1e-12)
        }
        #expect(measured.test.normalization == measured.train.normalization)
    }

    @Test("Files that cannot be read are errors that name them, or left out of every split and listed")
    func unreadable() throws {
        let tree = try PictureTree(copies: 1)
        let whole = try open(ImageFolder.self, tree)
        try tree.write(Data(PictureTree.picture("large-1x1.jpg").prefix(900)), "train/cat/101.jpg")
        try tree.write(Data("<!DOCTYPE html><html>".utf8), "test/dog/101.png")
        let broken = try open(ImageFolder.self, tree)
        #expect(broken.train.fingerprint != whole.train.fingerprint)
        let error = try #require(throws: DatasetError.self) { try views(broken.train) }
        #expect(error.place == tree.file("train/cat/101.jpg"))
        #expect(error.remedy == "copy or download it again, or remove it, or set data.on_unreadable: skip")
        let rest = try open(ImageFolder.self, tree) { $0.with("on_unreadable", "skip") }
        #expect(rest.train.count == 15 && rest.test.count == 7 && rest.skipped.count == 2)
        #expect(rest.skipped[0].name == "cat/101.jpg" && rest.skipped[1].problem.contains("HTML"))
        #expect(try rest.fingerprints["dataset_skipped_images"]?.hasPrefix("2: cat/101.jpg (") == true)
        #expect(try views(rest.train).count == 15 * 3 * 256)
        let counted = settings(of: ImageFolder.self, folder: tree.path).with("on_unreadable", "skip")
        #expect(try ImageFolder(counted).trainingImageCount() == 15)
        let small = try #require(throws: DatasetError.self) {
            try views(open(ImageFolder.self, tree) { $0.with("max_pixels", 1000) }.train)
        }
        #expect(small.problem.contains("more than the limit of 1000") && small.remedy.contains("data.max_pixels"))
        let short = try #require(throws: DatasetError.self) {
            try views(open(ShardedImages.self, tree) { $0.with("max_bytes", 100) }.train)
        }
        #expect(short.place.contains("train-0.tar/cat/100.jpg (at byte 512") && short.remedy.contains("data.max_bytes"))
    }

    @Test("What is missing is not taken for damaged: it may be back tomorrow")
    func missing() throws {
        let tree = try PictureTree(copies: 1)
        let file = URL(fileURLWithPath: tree.file("train/cat/100.jpg"))
        let content = try Data(contentsOf: file)
        try FileManager.default.removeItem(at: file)
        let error = try refusal(ListedImages.self, tree) { $0.with("on_unreadable", "skip") }
        #expect(error.place == file.path && !error.isAboutBytes)
        try content.write(to: file)
        #expect(try open(ListedImages.self, tree) { $0.with("on_unreadable", "skip") }.skipped.isEmpty)
    }

    @Test("Where probes have images of their own, all splits are numbered by the probes' classes, then the others")
    func probeClasses() throws {
        let tree = try PictureTree(copies: 1)
        func list(_ name: String, _ split: String, _ classes: [String]) throws {
            let lines = classes.enumerated().map {
                "\(split)/\(["cat/100.jpg", "cat/101.jpg", "dog/102.png"][$0]) \($1)\n"
            }
            try tree.write(Data(lines.joined().utf8), name)
        }
        try list("train.txt", "train", ["ant", "cow", "dog"])
        try list("probe.txt", "train", ["dog", "cow"])
        try list("test.txt", "test", ["cow", "dog"])
        let splits = try ListedImages(
            settings(of: ListedImages.self, folder: tree.path).with("probe_list", String?("probe.txt"))
        ).open(for: ModelInput(channels: 3, imageSize: 16))
        let names = try #require(splits.train.classNames)
        #expect(names == ["cow", "dog", "ant"] && splits.train.classCount == 3)
        #expect(splits.test.classNames == names && splits.probe?.classNames == names)
        #expect(try #require(splits.train.labels).map { names[Int($0)] } == ["ant", "cow", "dog"])
        #expect(try #require(splits.probe?.labels).map { names[Int($0)] } == ["dog", "cow"])
        #expect(try #require(splits.test.labels).map { names[Int($0)] } == ["cow", "dog"])
    }

    @Test("A single test image is refused: nothing can be measured on it")
    func singleTestImage() throws {
        let tree = try PictureTree(copies: 1)
        try tree.write(Data("test/cat/100.jpg cat\n".utf8), "test.txt")
        #expect(try refusal(ListedImages.self, tree).problem == "the test split is a single image")
        var input = ModelInput(channels: 3, imageSize: 16)
        input.toleratesMismatch = true
        #expect(try ListedImages(settings(of: ListedImages.self, folder: tree.path)).open(for: input).test.count == 1)
    }

    @Test("Patterns of shards are those of names alone, whatever the folder is called")
    func globs() throws {
        let tree = try PictureTree(copies: 1)
        let folder = try TemporaryFolder()
        let odd = folder.path("a[1]*\\b")
        try FileManager.default.moveItem(atPath: tree.path, toPath: odd)
        defer { try? FileManager.default.moveItem(atPath: odd, toPath: tree.path) }
        let shards = settings(of: ShardedImages.self, folder: odd).with("train_shards", ["train-?.tar"])
        #expect(try ShardedImages(shards).trainingImageCount() == 16)
    }

    @Test("A file that is replaced while the data set is open, and a shard that is cut off, are named")
    func replaced() throws {
        let tree = try PictureTree(copies: 1)
        let folder = try open(ImageFolder.self, tree)
        try tree.write(PictureTree.picture("rgb.jpg"), "train/cat/100.jpg")
        let error = try #require(throws: DatasetError.self) { try views(folder.train) }
        #expect(error.place == tree.file("train/cat/100.jpg") && error.problem.contains("changed or replaced"))
        let shards = try open(ShardedImages.self, tree)
        try Data(contentsOf: URL(fileURLWithPath: tree.file("train-1.tar"))).prefix(3000)
            .write(to: URL(fileURLWithPath: tree.file("train-1.tar")))
        let cut = try #require(throws: DatasetError.self) { try views(shards.train) }
        #expect(cut.place.hasPrefix(tree.file("train-1.tar")))
        #expect(try refusal(ShardedImages.self, tree).problem.contains("is truncated"))
    }

    @Test("Classes are matched by name; val stands in for test, with class folders or with a list of labels")
    func splits() throws {
        let tree = try PictureTree(copies: 1)
        try FileManager.default.removeItem(atPath: tree.file("test/cat"))
        #expect(try open(ImageFolder.self, tree).test.labels == [1, 1, 1, 1])
        try FileManager.default.moveItem(atPath: tree.file("test"), toPath: tree.file("val"))
        #expect(try open(ImageFolder.self, tree).test.labels == [1, 1, 1, 1])
        try FileManager.default.moveItem(atPath: tree.file("val/dog"), toPath: tree.file("val/bird"))
        #expect(try refusal(ImageFolder.self, tree).problem.contains("1 classes that the training images do not have"))

        try tree.write(PictureTree.picture("rgb.jpg"), "flat/v1.jpg")
        try tree.write(PictureTree.picture("grey.jpg"), "flat/v2.jpg")
        try tree.write(Data("1\n2\n".utf8), "truth.txt")
        try tree.write(Data("dog\ncat\n".utf8), "numbers.txt")
        #expect(try refusal(ImageFolder.self, tree) { $0.with("test", "flat") }.remedy.contains("data.test_label_list"))
        let flat = try open(ImageFolder.self, tree) {
            $0.with("test", "flat").with("test_label_list", "truth.txt").with("class_numbers", "numbers.txt")
        }
        #expect(flat.test.labels == [1, 0] && flat.test.classNames == ["cat", "dog"])
        let numbers = try refusal(ImageFolder.self, tree) {
            $0.with("test", "flat").with("test_label_list", "truth.txt")
        }
        #expect(numbers.place == tree.file("truth.txt") && numbers.remedy.contains("data.class_numbers"))
        let missing = try refusal(ImageFolder.self, tree) { $0.with("train", "nothing") }
        #expect(missing.place == tree.file("nothing") && missing.remedy.contains("data.train"))
    }
}
