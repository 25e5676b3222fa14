import Datasets
import Foundation
import TensorCore
import Testing

/// Colour and grey images of different sizes, made where they are asked for, as a source on disk would read them.
struct DrawnImages: ImageSource {
    var count = 40
    let channels = 3
    let uniformSize: ImageSize? = nil
    /// Images that cannot be read.
    var broken: Set<Int> = []
    /// Whether pixels come at half the size where that suffices.
    var isFast = false
    var fingerprint: Fingerprint { Fingerprint() }

    func name(of image: Int) -> String? { "folder/\(image).jpg" }
    func makeReader() -> any ImageReader { Reader(self) }

    static func size(_ image: Int) -> ImageSize { ImageSize(height: 20 + 7 * (image % 5), width: 18 + 5 * (image % 7)) }

    /// Every fifth image is grey.
    static func channels(_ image: Int) -> Int { image % 5 == 4 ? 1 : 3 }

    static func value(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> UInt8 {
        UInt8((31 * image + 3 * row + 2 * column + row * column / 8 + 60 * channel) % 256)
    }

    private final class Reader: ImageReader {
        let source: DrawnImages
        var image = -1
        var buffer: [UInt8] = []

        init(_ source: DrawnImages) { self.source = source }

        func open(_ image: Int) throws -> ImageSize {
            if source.broken.contains(image) {
                throw DatasetError(place: "folder/\(image).jpg", problem: "is truncated", remedy: "copy it again")
            }
            self.image = image
            return DrawnImages.size(image)
        }

        func withPixels(
            of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
        ) throws {
            let channels = DrawnImages.channels(image)
            let fraction = source.isFast && reduction >= 2 ? 2 : 1
            // Whole pixels of the reduced image that hold the region.
            let (top, left) = (region.top / fraction, region.left / fraction)
            let bottom = (region.top + region.height + fraction - 1) / fraction
            let right = (region.left + region.width + fraction - 1) / fraction
            let size = DrawnImages.size(image)
            buffer.removeAll(keepingCapacity: true)
            for row in top..<bottom {
                for column in left..<right {
                    for channel in 0..<channels {
                        var sum = 0
                        for i in 0..<fraction {
                            for j in 0..<fraction {
                                sum += Int(
                                    DrawnImages.value(
                                        image, min(row * fraction + i, size.height - 1),
                                        min(column * fraction + j, size.width - 1), channel))
                            }
                        }
                        buffer.append(UInt8((sum + fraction * fraction / 2) / (fraction * fraction)))
                    }
                }
            }
            let unit = Double(fraction)
            let box = PixelBox(
                top: Double(region.top) / unit - Double(top), left: Double(region.left) / unit - Double(left),
                height: Double(region.height) / unit, width: Double(region.width) / unit)
            let values = buffer
            body(
                values.span,
                .interleaved(height: bottom - top, width: right - left, channels: channels, box: box))
        }
    }

    /// A data set of these images; normalisation leaves values as they are, 0 to 255.
    static func dataset(_ source: DrawnImages = DrawnImages(), labels: Bool = true) -> ImageDataset {
        ImageDataset(
            name: "drawn", source: source, labels: labels ? (0..<source.count).map { Int32($0 % 3) } : nil,
            classCount: 3,
            normalization: Normalization(mean: [0, 0, 0], standardDeviation: [1 / 255, 1 / 255, 1 / 255]))
    }
}

@Suite("Sources of images")
struct ImageSourceTests {
    private let size = 9

    private func settings(threads: Int = 1, crop: Bool = true) throws -> BatchLoaderSettings {
        BatchLoaderSettings(
            batchSize: 8, imageSize: size,
            crop: crop ? try RandomResizedCrop(scale: [0.3, 1], aspect: [0.75, 1.5]) : nil,
            seed: 3, totalSteps: 10, threads: threads)
    }

    private func render(_ dataset: ImageDataset, _ image: Int, region: CropRegion? = nil) throws -> [Float] {
        let output = HostBuffer<Float>(count: dataset.channels * size * size)
        var renderer = ImageRenderer(dataset, size: size)
        if let region {
            try renderer.render(image, into: output, slot: 0) { _ in region }
        } else {
            try renderer.render(image, into: output, slot: 0)
        }
        return output.array
    }

    /// The same pixels in memory, planar.
    private func inMemory(_ image: Int, channels: Int) -> ImageDataset {
        let size = DrawnImages.size(image)
        let pixels = (0..<channels).flatMap { channel in
            (0..<size.height).flatMap { row in
                (0..<size.width).map { DrawnImages.value(image, row, $0, channel) }
            }
        }
        return ImageDataset(
            name: "copy", channels: channels, height: size.height, width: size.width, classCount: 1, pixels: pixels,
            labels: [0],
            normalization: Normalization(
                mean: Array(repeating: 0, count: channels),
                standardDeviation: Array(repeating: 1 / 255, count: channels)))
    }

    @Test("An image of any size looks as the same pixels in memory do, whole and in part, bit for bit")
    func sizes() throws {
        let dataset = DrawnImages.dataset()
        for image in [0, 1, 2, 3, 5, 13] {
            let copy = inMemory(image, channels: 3)
            #expect(try render(dataset, image) == render(copy, 0), "image \(image)")
            let region = CropRegion(top: 3, left: 2, height: 11, width: 15)
            #expect(try render(dataset, image, region: region) == render(copy, 0, region: region), "image \(image)")
        }
    }

    @Test("A grey image among colour images is three times the same, and one channel of a colour image is its luma")
    func channels() throws {
        let dataset = DrawnImages.dataset()
        let plane = size * size
        let grey = try render(dataset, 4)
        let alone = try render(inMemory(4, channels: 1), 0)
        for channel in 0..<3 { #expect(Array(grey[channel * plane..<(channel + 1) * plane]) == alone) }

        let luma = try #require(dataset.shown(inChannels: 1))
        #expect(luma.channels == 1 && luma.normalization.mean.count == 1)
        #expect(try render(luma, 4) == alone)
        let colours = try render(dataset, 0)
        for (place, value) in try render(luma, 0).enumerated() {
            let expected = zip([0.299, 0.587, 0.114], 0..<3).reduce(0.0) {
                $0 + $1.0 * Double(colours[$1.1 * plane + place])
            }
            // Rounded to whole levels before it is resized.
            #expect(abs(Double(value) - expected) <= 0.51)
        }
        #expect(dataset.shown(inChannels: 3)?.channels == 3 && dataset.shown(inChannels: 2) == nil)
        // There and back, a normalisation stays.
        let once = try #require(inMemory(4, channels: 1).shown(inChannels: 3))
        #expect(try render(once, 0) == grey)
    }

    @Test("Batches of images of different sizes do not depend on the number of threads", arguments: [2, 5])
    func threads(threads: Int) throws {
        func all(_ threads: Int) throws -> [[Float]] {
            let loader = try BatchLoader(dataset: DrawnImages.dataset(), settings: settings(threads: threads))
            return try (0..<10).map { _ in
                let batch = try loader.next()
                defer { loader.recycle(batch) }
                return batch.images.array
            }
        }
        let reference = try all(1)
        #expect(try all(threads) == reference)
        #expect(Set(reference).count == 10)
    }

    @Test("A crop is of the image's own size, the same in the loader and asked for by step")
    func crops() throws {
        let dataset = DrawnImages.dataset()
        var renderer = try BatchRenderer(dataset: dataset, settings: settings())
        let loader = try BatchLoader(dataset: dataset, settings: settings())
        let crop = try #require(settings().crop)
        for step in 0..<10 {
            let batch = try loader.next()
            defer { loader.recycle(batch) }
            for (slot, choice) in try renderer.choices(step: step).enumerated() {
                let own = DrawnImages.size(choice.image)
                var random = RandomStream(seed: 3, purpose: .crop, epoch: batch.epoch, sample: choice.image)
                #expect(choice.region == crop.region(height: own.height, width: own.width, random: &random))
                let elements = 3 * size * size
                #expect(
                    try render(dataset, choice.image, region: choice.region)
                        == Array(batch.images.array[slot * elements..<(slot + 1) * elements]))
            }
        }
    }

    @Test(
        "An image that cannot be read is an error of its batch that names it, and no batch before is lost",
        arguments: [1, 4])
    func unreadable(threads: Int) throws {
        var order = try BatchOrder(count: 40, batchSize: 8, seed: 3)
        let indices = HostBuffer<Int32>(count: 8)
        order.fill(step: 3, into: indices)
        let broken = Int(indices[5])
        let loader = try BatchLoader(
            dataset: DrawnImages.dataset(DrawnImages(broken: [broken])), settings: settings(threads: threads))
        for _ in 0..<3 { loader.recycle(try loader.next()) }
        for _ in 0..<2 {
            let error = try #require(throws: DatasetError.self) { try loader.next() }
            #expect(error.place == "folder/\(broken).jpg" && error.remedy == "copy it again")
        }
        loader.stop()
        var renderer = try BatchRenderer(
            dataset: DrawnImages.dataset(DrawnImages(broken: [broken])), settings: settings())
        #expect(throws: DatasetError.self) { try renderer.choices(step: 3) }
        #expect(try renderer.choices(step: 2).count == 8)
    }

    @Test("Without the images that cannot be read the others are as they were, under another fingerprint")
    func excluding() throws {
        let whole = DrawnImages.dataset(DrawnImages(broken: [2, 7]))
        let rest = whole.excluding([2, 7])
        #expect(rest.count == 38 && rest.labels?.count == 38 && rest.fingerprint != whole.fingerprint)
        #expect(rest.sourceIndices.contains(3) && !rest.sourceIndices.contains(7))
        #expect(rest.name(of: 2) == "folder/3.jpg" && rest.labels?[2] == 0)
        #expect(try render(rest, 2) == render(whole, 3))
        #expect(whole.excluding([]).fingerprint == whole.fingerprint)
    }

    @Test("Images without classes are loaded; what needs classes says so")
    func unlabelled() throws {
        let dataset = DrawnImages.dataset(labels: false)
        let loader = try BatchLoader(dataset: dataset, settings: settings())
        #expect(try loader.next().images.count > 0)
        let error = try #require(throws: DatasetError.self) { try dataset.labels(for: "the probes") }
        #expect(error.place == "drawn" && error.problem.contains("which the probes need"))
        let labelled = DrawnImages.dataset()
        #expect(throws: DatasetError.self) {
            try DatasetSplits(train: dataset, test: labelled).checkLabels(place: "set")
        }
        try DatasetSplits(train: dataset, test: labelled, probe: labelled).checkLabels(place: "set")
        #expect(dataset.fingerprint != labelled.fingerprint)
    }

    @Test("Pixels at a fraction of the size look nearly as all of them do")
    func fast() throws {
        let (exact, fast) = (DrawnImages.dataset(), DrawnImages.dataset(DrawnImages(isFast: true)))
        var (differences, worst) = (0, Float(0))
        for image in 0..<8 {
            let size = DrawnImages.size(image)
            let region = CropRegion(top: 1, left: 0, height: size.height - 1, width: size.width)
            for (a, b) in zip(try render(exact, image, region: region), try render(fast, image, region: region)) {
                if a != b { differences += 1 }
                worst = abs(a - b) <= worst ? worst : abs(a - b)
            }
        }
        // Values jump from 255 to 0 in places.
        #expect(differences > 100 && worst <= 40)
    }
}
