import ImageCodecs
import TestSupport
import Testing

@Suite("Pixels as Pillow's")
struct PillowTests {
    @Test("Lossless files give exactly Pillow's pixels, lossy ones differ by one level at most")
    func everyFile() throws {
        let pillow = try PillowResults()
        #expect(pillow.files.count > 70 && Fixture.names.count > pillow.files.count)
        var largest = 0
        for (name, entry) in pillow.files.sorted(by: { $0.key < $1.key }) {
            let isUpright = name.hasPrefix("orientation-") && name.hasSuffix(".jpg")
            let buffer = try Fixture(name).decoded(upright: isUpright)
            #expect(buffer.width == entry.width && buffer.height == entry.height && buffer.channels == 3, "\(name)")
            guard buffer.count == 3 * entry.width * entry.height else { continue }
            if let crc = entry.crc { #expect(crc32(buffer.pixels) == crc, "\(name)") }
            if let pixels = pillow.pixels(entry) {
                let difference = largestDifference(buffer.pixels, pixels)
                #expect(difference <= 1, "\(name)")
                largest = max(largest, difference)
            }
        }
        // In fact none differs, between libjpeg-turbo 2.1.5 here and 3.2.0 in Pillow, libwebp 1.2.4 and 1.6.0.
        #expect(largest <= 1)
    }

    @Test("Grey is the luma of the colours", arguments: Fixture.names)
    func grey(_ name: String) throws {
        let fixture = try Fixture(name)
        let rgb = try fixture.decoded()
        let grey = try fixture.decoded(as: .grey)
        #expect(grey.channels == 1 && grey.width == rgb.width && grey.height == rgb.height)
        #expect(grey.pixels == luma(rgb.pixels))
    }

    @Test("A decoder that has read every other file reads each as a new one does")
    func usedDecoder() throws {
        let decoder = ImageDecoder()
        var buffer = PixelBuffer()
        for _ in 0..<2 {
            for name in Fixture.names {
                let fixture = try Fixture(name)
                try decoder.decode(fixture.bytes, as: .rgb, into: &buffer)
                #expect(try buffer.pixels == fixture.decoded().pixels, "\(name)")
                // A failure in between leaves nothing behind.
                #expect(throws: ImageError.self) {
                    try decoder.decode(Array(fixture.bytes.prefix(fixture.bytes.count / 2)), as: .rgb, into: &buffer)
                }
            }
        }
    }

    @Test("Indices are what is stored, palettes and small grey values alike")
    func indices() throws {
        for depth in [1, 2, 4, 8] {
            for mark in ["", "-interlaced"] {
                let grey = try Fixture("grey\(depth)\(mark).png")
                let scale = 255 / ((1 << depth) - 1)
                let values = try grey.decoded(as: .indices).pixels
                #expect(try values.map { UInt8(Int($0) * scale) } == grey.decoded(as: .grey).pixels)
                let palette = try Fixture("palette\(depth)\(mark).png")
                let indices = try palette.decoded(as: .indices).pixels
                let rgb = try palette.decoded().pixels
                // Equal indices have equal colours.
                var colors: [UInt8: [UInt8]] = [:]
                for (place, index) in indices.enumerated() {
                    let color = Array(rgb[3 * place..<3 * place + 3])
                    #expect(colors[index, default: color] == color)
                    colors[index] = color
                }
                #expect(indices.allSatisfy { Int($0) < 1 << depth } && Set(indices).count > 1)
            }
        }
        for name in ["rgb8.png", "grey16.png", "grey.jpg", "lossy.webp"] {
            let error = try #require(throws: ImageError.self) { try Fixture(name).decoded(as: .indices) }
            #expect(error.kind == .unsupported, "\(error)")
        }
    }
}
