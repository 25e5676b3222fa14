import Datasets
import Foundation
import TensorCore
import Testing

private struct Golden: Decodable {
    struct Case: Decodable, CustomTestStringConvertible, Sendable {
        let height, width, top, left, crop_height, crop_width, size: Int
        let float: [Double]
        let byte: [Double]
        var testDescription: String { "\(crop_height)×\(crop_width) of \(height)×\(width) to \(size)×\(size)" }
    }

    let cases: [Case]

    static func load() throws -> [Case] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/resize.json")
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file)).cases
    }
}

@Suite("Resizing and cropping")
struct ResampleTests {
    /// Largest difference; NaN where anything is NaN.
    private func worst(_ actual: [Double], _ expected: [Double]) -> Double {
        guard actual.count == expected.count else { return .nan }
        return zip(actual, expected).reduce(0) { worst, pair in
            let difference = abs(pair.0 - pair.1)
            return difference <= worst ? worst : difference
        }
    }

    @Test("Crops are resized as Pillow does, to rounding")
    func golden() throws {
        let cases = try Golden.load()
        #expect(cases.count == 7)
        for example in cases {
            var pixels: [UInt8] = []
            for i in 0..<example.height {
                for j in 0..<example.width { pixels.append(UInt8((37 * i + 101 * j + 13 * i * j) % 256)) }
            }
            // This normalisation makes the result the pixel value itself.
            let dataset = ImageDataset(
                name: "golden", channels: 1, height: example.height, width: example.width, classCount: 1,
                pixels: pixels, labels: [0], normalization: Normalization(mean: [0], standardDeviation: [1 / 255]))
            let region = CropRegion(
                top: example.top, left: example.left, height: example.crop_height, width: example.crop_width)
            let output = HostBuffer<Float>(count: example.size * example.size)
            var renderer = ImageRenderer(dataset, size: example.size)
            try renderer.render(0, into: output, slot: 0) { _ in region }
            let actual = output.array.map(Double.init)
            #expect(worst(actual, example.float) <= 2e-4, "\(example.testDescription)")
            // Pillow rounds 8-bit images after each of two passes.
            #expect(worst(actual, example.byte) <= 1.01, "\(example.testDescription)")
        }
    }

    @Test("Normalisation is (value / 255 − mean) / std per channel, in the right slot, and touches nothing else")
    func normalization() throws {
        var dataset = makeDataset(count: 2, channels: 3, height: 4, width: 4)
        dataset.normalization = Normalization(mean: [0.1, 0.5, 0.9], standardDeviation: [0.2, 1, 2])
        let output = HostBuffer<Float>(count: 3 * 48)
        var renderer = ImageRenderer(dataset, size: 4)
        try renderer.render(1, into: output, slot: 1)
        let pixels = dataset.pixels
        let expected = (0..<48).map { index in
            let channel = index / 16
            let value = Double(pixels[48 + index]) / 255
            return (value - dataset.normalization.mean[channel]) / dataset.normalization.standardDeviation[channel]
        }
        let zeros = [Double](repeating: 0, count: 48)
        #expect(worst(output.array.map(Double.init), zeros + expected + zeros) <= 1e-5)
    }

    @Test("Normalising a data set by itself gives mean 0 and standard deviation 1")
    func moments() throws {
        let dataset = makeDataset(count: 50, channels: 2, height: 6, width: 6)
        let output = HostBuffer<Float>(count: 50 * 72)
        try dataset.renderViews(0..<50, size: 6, into: output)
        for channel in 0..<2 {
            let values = (0..<50).flatMap { image in
                (0..<36).map { Double(output[image * 72 + channel * 36 + $0]) }
            }
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
            #expect(abs(mean) <= 1e-5 && abs(variance - 1) <= 1e-4)
        }
    }

    @Test("A renderer gives the same whatever it rendered before")
    func reuse() throws {
        let dataset = makeDataset(count: 3, height: 20, width: 13)
        let regions = [
            CropRegion(top: 2, left: 3, height: 9, width: 4), CropRegion(top: 0, left: 0, height: 20, width: 13),
            CropRegion(top: 19, left: 12, height: 1, width: 1), CropRegion(top: 5, left: 1, height: 9, width: 11),
        ]
        var used = ImageRenderer(dataset, size: 7)
        for region in regions + regions.reversed() {
            let (a, b) = (HostBuffer<Float>(count: 49), HostBuffer<Float>(count: 49))
            try used.render(1, into: a, slot: 0) { _ in region }
            var fresh = ImageRenderer(dataset, size: 7)
            try fresh.render(1, into: b, slot: 0) { _ in region }
            #expect(a.array == b.array, "\(region)")
        }
    }

    @Test("Crops lie inside, have the asked area and aspect ratio, and reach every corner")
    func crops() throws {
        let crop = try RandomResizedCrop(scale: [0.3, 1], aspect: [0.75, 4.0 / 3])
        var shares: [Double] = []
        var logAspects: [Double] = []
        var touched = Set<String>()
        for sample in 0..<20_000 {
            var random = RandomStream(seed: 1, purpose: .crop, sample: sample)
            let region = crop.region(height: 64, width: 64, random: &random)
            #expect(region.top >= 0 && region.left >= 0 && region.height > 0 && region.width > 0)
            #expect(region.top + region.height <= 64 && region.left + region.width <= 64)
            shares.append(Double(region.height * region.width) / 4096)
            logAspects.append(log(Double(region.width) / Double(region.height)))
            if region.top == 0 { touched.insert("top") }
            if region.left == 0 { touched.insert("left") }
            if region.top + region.height == 64 { touched.insert("bottom") }
            if region.left + region.width == 64 { touched.insert("right") }
        }
        #expect(touched.count == 4)
        // Rounding to whole pixels moves an area by up to one row and column.
        #expect(shares.allSatisfy { $0 > 0.28 && $0 <= 1 })
        #expect(logAspects.allSatisfy { abs($0) < log(4.0 / 3) + 0.03 })
        // Crops that do not fit are drawn again, so only small ones keep both distributions as they were drawn.
        let small = zip(shares, logAspects).filter { $0.0 < 0.7 }
        let lower = Double(small.count { $0.0 < 0.5 }) / Double(small.count)
        #expect(abs(lower - 0.5) < 0.03)
        let wide = Double(small.count { $0.1 > 0 }) / Double(small.count)
        #expect(abs(wide - 0.5) < 0.03)
        let extreme = Double(small.count { abs($0.1) > log(4.0 / 3) / 2 }) / Double(small.count)
        #expect(abs(extreme - 0.5) < 0.04)
    }

    @Test("Where no draw fits, the largest central part with an allowed aspect ratio is taken")
    func fallback() throws {
        let crop = try RandomResizedCrop(scale: [1, 1], aspect: [0.5, 2])
        var random = RandomStream(seed: 1, purpose: .crop)
        #expect(
            crop.region(height: 10, width: 100, random: &random)
                == CropRegion(top: 0, left: 40, height: 10, width: 20))
        #expect(
            crop.region(height: 100, width: 10, random: &random)
                == CropRegion(top: 40, left: 0, height: 20, width: 10))
        let square = try RandomResizedCrop(scale: [1, 1], aspect: [1.5, 1.5])
        #expect(
            square.region(height: 9, width: 9, random: &random) == CropRegion(top: 1, left: 0, height: 6, width: 9))
    }

    @Test("Ranges that are none are refused, naming the key")
    func ranges() throws {
        for (scale, aspect, key) in [
            ([0.5, 0.3], [1.0, 1.0], "data.crop_scale"), ([0, 1], [1, 1], "data.crop_scale"),
            ([0.5, 1.2], [1, 1], "data.crop_scale"), ([1], [1, 1], "data.crop_scale"),
            ([0.5, 1], [2, 1], "data.crop_aspect"), ([0.5, 1], [1, .infinity], "data.crop_aspect"),
            ([0.5, 1], [.nan, 1], "data.crop_aspect"),
        ] {
            let error = try #require(throws: DatasetError.self) { try RandomResizedCrop(scale: scale, aspect: aspect) }
            #expect(error.place == key)
        }
    }
}
