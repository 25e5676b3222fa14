import Foundation
import ImageCodecs
import Testing

/// The pictures in Tests/Fixtures/images and what Pillow makes of them; make_images.py says how they were made.
struct Fixture: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]

    var testDescription: String { name }

    init(_ name: String) throws {
        self.name = name
        bytes = try Self.read(name)
    }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/images").path

    static func read(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
    }

    /// Every picture that can be read, by name.
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { file in
            [".jpg", ".png", ".webp"].contains { file.hasSuffix($0) } && file != "animation.webp"
        }.sorted()
    }()

    /// Decodes it with a decoder of its own.
    func decoded(
        as layout: PixelLayout = .rgb, region: PixelRegion? = nil, detail: DecodeDetail = .exact, upright: Bool = false
    ) throws -> PixelBuffer {
        var buffer = PixelBuffer()
        try ImageDecoder(appliesOrientation: upright)
            .decode(bytes, as: layout, region: region, detail: detail, into: &buffer)
        return buffer
    }
}

/// What expected.json and expected.bin hold of Pillow's results.
struct PillowResults {
    struct Entry: Decodable {
        let width: Int
        let height: Int
        /// CRC-32 of the pixels [height, width, 3], or their place in expected.bin.
        let crc: UInt32?
        let offset: Int?
    }
    private struct Content: Decodable {
        let files: [String: Entry]
    }
    let files: [String: Entry]
    private let pixels: [UInt8]

    init() throws {
        files = try JSONDecoder().decode(Content.self, from: Data(try Fixture.read("expected.json"))).files
        pixels = try Fixture.read("expected.bin")
    }

    func pixels(_ entry: Entry) -> ArraySlice<UInt8>? {
        entry.offset.map { pixels[$0..<$0 + 3 * entry.width * entry.height] }
    }
}

/// Pillow's convert("L").
func luma(_ rgb: [UInt8]) -> [UInt8] {
    (0..<rgb.count / 3).map { pixel in
        let (red, green, blue) = (Int(rgb[3 * pixel]), Int(rgb[3 * pixel + 1]), Int(rgb[3 * pixel + 2]))
        return UInt8((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16)
    }
}

func largestDifference(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Int {
    zip(a, b).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
}

extension PixelBuffer {
    /// The pixels of a region, cut out by hand.
    func cut(_ region: PixelRegion) -> [UInt8] {
        var pixels: [UInt8] = []
        for row in region.top..<region.top + region.height {
            let start = (row * width + region.left) * channels
            pixels += storage[start..<start + region.width * channels]
        }
        return pixels
    }
}
