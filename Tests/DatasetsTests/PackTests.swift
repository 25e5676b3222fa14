import Declarations
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Datasets

/// A small data set of photographs, packed.
struct PackedTree {
    let tree: PictureTree
    let folder: DatasetSplits

    init(copies: Int = 1) throws {
        tree = try PictureTree(copies: copies)
        folder = try ImageFolder(settings(of: ImageFolder.self, folder: tree.path))
            .open(for: ModelInput(channels: 3, imageSize: 16))
    }

    func splits(train: ImageDataset? = nil) -> [PackJob.Split] {
        [("train", train ?? folder.train), ("test", folder.test)].map { name, images in
            PackJob.Split(name: name, images: images) { images.name(of: $0) ?? "" }
        }
    }

    func job(_ settings: PackSettings, _ names: [String], train: ImageDataset? = nil) throws -> PackJob {
        try PackJob(
            splits(train: train), classNames: folder.train.classNames, settings: settings,
            paths: names.map(tree.file))
    }

    @discardableResult
    func pack(_ settings: PackSettings, _ names: String..., threads: Int = 2) throws -> Pack {
        _ = try job(settings, names).run(threads: threads, replaces: true) { _ in }
        return try Pack(names.map(tree.file))
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: tree.file(name))))
    }
}

/// Pixels of a region as a reader gives them, [height, width, channels]; none: of the whole image.
func packedPixels(_ source: any ImageSource, _ image: Int, _ region: CropRegion? = nil) throws -> [UInt8] {
    let reader = source.makeReader()
    let size = try reader.open(image)
    let region = region ?? CropRegion(of: size)
    var values: [UInt8] = []
    try reader.withPixels(of: region, reduction: 1) { pixels, layout in
        for row in 0..<region.height {
            for column in 0..<region.width {
                for channel in 0..<layout.channels {
                    values.append(
                        pixels[
                            layout.start + row * layout.rowStride + column * layout.columnStride
                                + channel * layout.channelStride])
                }
            }
        }
    }
    return values
}

@Suite("Packs")
struct PackTests {
    private static let plain = PackSettings(encoding: .raw, shortSide: nil)

    @Test("A pack of pixels at their size holds what the files hold, under the same names and classes")
    func raw() throws {
        let made = try PackedTree()
        let pack = try made.pack(Self.plain, "a.pack")
        #expect(pack.classNames == ["cat", "dog"] && pack.splitNames == ["train", "test"])
        for (name, images) in [("train", made.folder.train), ("test", made.folder.test)] {
            let split = try #require(pack.split(name))
            let source = PackedImages(split)
            #expect(split.count == images.count && split.labels == images.labels)
            for image in 0..<images.count {
                #expect(source.name(of: image) == images.name(of: image))
                #expect(try packedPixels(source, image) == packedPixels(images.source, image), "\(name) \(image)")
            }
            let size = try #require(source.size(of: 0))
            let region = CropRegion(top: size.height / 3, left: 2, height: size.height / 2, width: size.width - 3)
            #expect(try packedPixels(source, 0, region) == packedPixels(images.source, 0, region))
        }
    }

    @Test("Images are resized to the short side as Pillow does, and never enlarged")
    func sizes() throws {
        let made = try PackedTree()
        let small = PackSettings(encoding: .raw, shortSide: 20)
        let source = PackedImages(try #require(made.pack(small, "a.pack").split("train")))
        var resized = 0
        for image in 0..<source.count {
            let reader = made.folder.train.source.makeReader()
            let (original, size) = (try reader.open(image), try #require(source.size(of: image)))
            if min(original.height, original.width) <= 20 {
                #expect(size == original)
            } else {
                resized += 1
                #expect(min(size.height, size.width) == 20)
                let (long, short) = (max(original.height, original.width), min(original.height, original.width))
                #expect(max(size.height, size.width) == long * 20 / short)
            }
        }
        #expect(resized > 4)
        #expect(small.size(of: ImageSize(height: 400, width: 501)) == ImageSize(height: 20, width: 25))
        #expect(PackSettings().size(of: ImageSize(height: 256, width: 900)) == ImageSize(height: 256, width: 900))
    }

    @Test("A pack of JPEGs has the same sizes, about the same pixels, and takes less space")
    func jpeg() throws {
        let made = try PackedTree()
        let raw = try made.pack(PackSettings(encoding: .raw, shortSide: 48), "a.pack")
        let jpeg = try made.pack(PackSettings(encoding: .jpeg, quality: 95, chroma: .full, shortSide: 48), "b.pack")
        #expect(jpeg.bytes < raw.bytes * 3 / 4)
        let (first, second) = (try #require(raw.split("train")), try #require(jpeg.split("train")))
        for image in 0..<first.count {
            #expect(first.size(of: image) == second.size(of: image))
            let (a, b) = (try packedPixels(PackedImages(first), image), try packedPixels(PackedImages(second), image))
            let difference = zip(a, b).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(Double(difference) / Double(a.count) < 6, "image \(image)")
        }
        // In one channel they are the luma that the decoder gives.
        let size = first.size(of: 0)
        #expect(try packedPixels(PackedImages(second, channels: 1), 0).count == size.height * size.width)
    }

    @Test("The bytes do not depend on threads", arguments: PackEncoding.allCases)
    func threads(encoding: PackEncoding) throws {
        let made = try PackedTree()
        let settings = PackSettings(encoding: encoding, shortSide: 24)
        for (threads, name) in [(1, "a.pack"), (2, "b.pack"), (4, "c.pack")] {
            try made.pack(settings, name, threads: threads)
        }
        let one = try made.bytes("a.pack")
        #expect(try made.bytes("b.pack") == one && made.bytes("c.pack") == one)
        #expect(!FileManager.default.fileExists(atPath: made.tree.file("a.pack.partial")))
        #expect(!FileManager.default.fileExists(atPath: made.tree.file("a.pack.progress")))
    }

    @Test("Work that was interrupted anywhere goes on, and ends in the same bytes")
    func resumes() throws {
        let made = try PackedTree()
        let settings = PackSettings(encoding: .jpeg, shortSide: 24)
        try made.pack(settings, "whole.pack")
        let whole = try made.bytes("whole.pack")
        for (number, stop) in stride(from: 0, to: made.folder.train.count, by: 3).enumerated() {
            let name = "p\(stop).pack"
            // Of the same kind both times: a job tells the files that it was begun with from others.
            func images(failingAt place: Int) -> ImageDataset {
                ImageDataset(
                    name: made.folder.train.name, source: FailingImages(base: made.folder.train.source, at: place),
                    labels: made.folder.train.labels, classCount: 2, classNames: made.folder.train.classNames,
                    normalization: made.folder.train.normalization)
            }
            #expect(throws: DatasetError.self) {
                try made.job(settings, [name], train: images(failingAt: stop)).run(
                    threads: 1 + number % 3, replaces: false
                ) { _ in }
            }
            #expect(!FileManager.default.fileExists(atPath: made.tree.file(name)))
            let progress = try made.bytes(name + ".progress")
            #expect(progress.count == 24 + 40 * stop)
            // What a crash leaves: a record that is not whole, images whose record is missing, or images that are missing.
            if number % 3 == 1 { try made.tree.write(Data(progress.dropLast(17)), name + ".progress") }
            if number % 3 == 2 {
                try made.tree.write(Data(try made.bytes(name + ".partial").dropLast(9)), name + ".partial")
            }
            let job = try made.job(settings, [name], train: images(failingAt: -1))
            let outcome = try job.run(threads: 2, replaces: false) { _ in }
            #expect(outcome.resumed == max(0, stop - (number % 3 == 0 ? 0 : 1)), "\(stop)")
            #expect(try made.bytes(name) == whole, "stopped at \(stop)")
        }
    }

    @Test("What other images or settings have left is not gone on with")
    func startsOver() throws {
        let made = try PackedTree()
        let failing = ImageDataset(
            name: made.folder.train.name, source: FailingImages(base: made.folder.train.source, at: 7),
            labels: made.folder.train.labels, classCount: 2, classNames: made.folder.train.classNames,
            normalization: made.folder.train.normalization)
        #expect(throws: DatasetError.self) {
            try made.job(PackSettings(encoding: .raw, shortSide: 24), ["a.pack"], train: failing)
                .run(threads: 1, replaces: false) { _ in }
        }
        let outcome = try made.job(PackSettings(encoding: .raw, shortSide: 23), ["a.pack"])
            .run(threads: 1, replaces: false) { _ in }
        #expect(outcome.resumed == 0 && outcome.startedOver == [made.tree.file("a.pack")])
        try made.pack(PackSettings(encoding: .raw, shortSide: 23), "b.pack")
        #expect(try made.bytes("a.pack") == made.bytes("b.pack"))
    }

    @Test("Shards are the same images in the same order, however they are named, and none may be missing")
    func shards() throws {
        let made = try PackedTree()
        let settings = PackSettings(encoding: .raw, shortSide: 16)
        let one = try made.pack(settings, "one.pack")
        let three = try made.pack(settings, "z.pack", "m.pack", "a.pack")
        #expect(three.fingerprint == one.fingerprint)
        let (a, b) = (try #require(one.split("train")), try #require(three.split("train")))
        #expect(a.labels == b.labels && (0..<a.count).allSatisfy { a.fileName(of: $0) == b.fileName(of: $0) })
        for image in 0..<a.count {
            #expect(try packedPixels(PackedImages(a), image) == packedPixels(PackedImages(b), image))
        }
        let turned = try Pack(["a.pack", "z.pack", "m.pack"].map(made.tree.file))
        #expect(turned.fingerprint == one.fingerprint && PackedImages(b).fingerprint == PackedImages(a).fingerprint)
        func problem(_ names: String...) -> String {
            (#expect(throws: DatasetError.self) { try Pack(names.map(made.tree.file)) })?.problem ?? ""
        }
        #expect(problem("z.pack", "a.pack").contains("3 shards, of which number 1"))
        #expect(problem("z.pack", "m.pack", "a.pack", "one.pack").contains("not of the same pack"))
        #expect(problem("z.pack", "z.pack", "m.pack", "a.pack").contains("twice"))
        #expect(problem().contains("no pack"))
    }

    @Test("A data set of a pack shows images as the folder does")
    func collection() throws {
        let made = try PackedTree()
        try made.pack(Self.plain, "photos-0.pack", "photos-1.pack")
        let chosen = settings(of: PackedCollection.self, folder: made.tree.path).with("files", ["photos-{0..1}.pack"])
        for channels in [3, 1] {
            let packed = try PackedCollection(chosen).open(for: ModelInput(channels: channels, imageSize: 16))
            #expect(packed.train.view == made.folder.train.view && packed.train.channels == channels)
            #expect(packed.train.names == made.folder.train.names && packed.train.classNames == ["cat", "dog"])
            guard channels == 3 else { continue }
            for (a, b) in [(packed.train, made.folder.train), (packed.test, made.folder.test)] {
                let (first, second) = (HostBuffer<Float>(count: a.count * 768), HostBuffer<Float>(count: a.count * 768))
                try ImageRenderers(a, size: 16).renderViews(0..<a.count, into: first)
                try ImageRenderers(b, size: 16).renderViews(0..<a.count, into: second)
                #expect(first.array == second.array)
            }
        }
        #expect(try PackedCollection(chosen).trainingImageCount() == made.folder.train.count)
    }
}

/// Images of another source, one of which cannot be read.
struct FailingImages: ImageSource {
    let base: any ImageSource
    let at: Int

    var count: Int { base.count }
    var channels: Int { base.channels }
    var uniformSize: ImageSize? { base.uniformSize }
    var fingerprint: Fingerprint { base.fingerprint }
    func name(of image: Int) -> String? { base.name(of: image) }
    func makeReader() -> any ImageReader { Reader(base.makeReader(), at) }

    private final class Reader: ImageReader {
        private let base: any ImageReader
        private let at: Int

        init(_ base: any ImageReader, _ at: Int) {
            self.base = base
            self.at = at
        }

        func open(_ image: Int) throws -> ImageSize {
            if image == at { throw DatasetError(place: "image \(at)", problem: "is missing", remedy: "put it back") }
            return try base.open(image)
        }

        func withPixels(
            of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
        ) throws { try base.withPixels(of: region, reduction: reduction, body) }
    }
}
