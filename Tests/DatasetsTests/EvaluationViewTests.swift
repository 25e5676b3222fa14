import Datasets
import Foundation
import TensorCore
import Testing

private struct Golden: Decodable {
    struct Case: Decodable, CustomTestStringConvertible, Sendable {
        let height, width, short, side: Int
        let method: String
        let float: [Double]
        let byte: [Double]
        let luma: [Double]
        var testDescription: String { "\(side) of \(short) of \(height)×\(width), \(method)" }
    }

    let cases: [Case]

    static let cases: [Case] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/views.json")
        do {
            return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file)).cases
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}

@Suite("Evaluation views")
struct EvaluationViewTests {
    private func dataset(_ example: Golden.Case) -> ImageDataset {
        var pixels: [UInt8] = []
        for c in 0..<3 {
            for i in 0..<example.height {
                for j in 0..<example.width {
                    let value = 37 * i + 101 * j + 13 * i * j + 71 * c + 5 * c * i
                    pixels.append(UInt8(value % 256))
                }
            }
        }
        var dataset = ImageDataset(
            name: "golden", channels: 3, height: example.height, width: example.width, classCount: 1, pixels: pixels,
            labels: nil, normalization: Normalization(mean: [0, 0, 0], standardDeviation: [1 / 255, 1 / 255, 1 / 255]))
        dataset.view = EvaluationView(
            shortSide: example.short, interpolation: example.method == "bicubic" ? .bicubic : .bilinear)
        return dataset
    }

    private func render(_ dataset: ImageDataset, side: Int) throws -> [Double] {
        let output = HostBuffer<Float>(count: dataset.channels * side * side)
        var renderer = ImageRenderer(dataset, size: side)
        try renderer.render(0, into: output, slot: 0)
        return output.array.map(Double.init)
    }

    /// Largest difference; NaN where anything is NaN.
    private func worst(_ actual: [Double], _ expected: [Double]) -> Double {
        guard actual.count == expected.count else { return .nan }
        return zip(actual, expected).reduce(0) { worst, pair in
            let difference = abs(pair.0 - pair.1)
            return difference <= worst ? worst : difference
        }
    }

    @Test("The short side is resized and the centre cut out as Pillow does", arguments: Golden.cases)
    fileprivate func golden(example: Golden.Case) throws {
        let dataset = dataset(example)
        let actual = try render(dataset, side: example.side)
        if example.method == "bilinear" { #expect(worst(actual, example.float) <= 0.006) }
        // Pillow rounds 8-bit images after each of two passes; the cubic's weights carry more of the first.
        #expect(worst(actual, example.byte) <= (example.method == "bilinear" ? 1.01 : 1.3))
        let luma = try render(#require(dataset.shown(inChannels: 1)), side: example.side)
        #expect(worst(luma, example.luma) <= (example.method == "bilinear" ? 1.01 : 1.3))
        #expect(actual.allSatisfy { $0 >= -1e-3 && $0 <= 255.001 })
    }

    @Test("Without a short side the whole image is stretched")
    func whole() throws {
        var dataset = makeDataset(count: 1, height: 12, width: 12)
        let stretched = try render(dataset, side: 12)
        dataset.view = EvaluationView(shortSide: 12)
        #expect(try render(dataset, side: 12) == stretched)
        dataset.view = EvaluationView(shortSide: 16)
        #expect(try render(dataset, side: 12) != stretched)
        // A short side below the square's is the square's.
        dataset.view = EvaluationView(shortSide: 4)
        #expect(try render(dataset, side: 12) == stretched)
    }

    @Test("Pictures for people are the images as they are, or views of one size")
    func pictures() throws {
        var dataset = makeDataset(count: 2, channels: 3, height: 4, width: 6)
        let (size, channels, values) = try dataset.picture(of: 1, side: 8)
        #expect(size == ImageSize(height: 4, width: 6) && channels == 3)
        #expect(values[3 * 7 + 2] == dataset.pixels[72 + 2 * 24 + 7])
        dataset.view = EvaluationView(shortSide: 4)
        let view = try dataset.picture(of: 1, side: 4)
        #expect(view.size == ImageSize(height: 4, width: 4) && view.values[0] == values[3])
        let drawn = DrawnImages.dataset()
        #expect(try [0, 1, 4].map { try drawn.picture(of: $0, side: 8).size.width } == [8, 8, 8])
    }
}
