import ImageCodecs
import TestSupport
import Testing

@Suite("Encoding")
struct ImageEncoderTests {
    private func decode(_ bytes: [UInt8], _ layout: PixelLayout) throws -> [UInt8] {
        var buffer = PixelBuffer()
        try ImageDecoder().decode(bytes, as: layout, into: &buffer)
        return buffer.pixels
    }

    @Test("Colours, grey values and indices survive PNG")
    func png() throws {
        let values = (0..<3 * 9 * 7).map { UInt8(truncatingIfNeeded: $0 * 41 + 3) }
        #expect(try decode(ImageEncoder.png(values.span, width: 9, height: 7, channels: 3), .rgb) == values)
        #expect(try decode(ImageEncoder.png(values.span, width: 27, height: 7, channels: 1), .grey) == values)
        for colors in [1, 2, 3, 16, 17, 256] {
            let indices = (0..<63).map { UInt8($0 * 5 % colors) }
            let palette = (0..<3 * colors).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }
            let bytes = try ImageEncoder.png(indices: indices.span, width: 9, height: 7, palette: palette)
            #expect(try decode(bytes, .indices) == indices, "\(colors) colours")
            #expect(try decode(bytes, .rgb) == indices.flatMap { palette[3 * Int($0)..<3 * Int($0) + 3] })
            #expect(try ImageHeader(bytes).colorSpace == .palette)
        }
    }

    @Test("Noise, which cannot be packed, survives PNG")
    func noise() throws {
        var generator = SeededGenerator(state: 5)
        let values = (0..<3 * 200 * 300).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(try decode(ImageEncoder.png(values.span, width: 200, height: 300, channels: 3), .rgb) == values)
        #expect(try decode(ImageEncoder.png(values.span, width: 180_000, height: 1, channels: 1), .grey) == values)
        #expect(try decode(ImageEncoder.png(values.span, width: 1, height: 180_000, channels: 1), .grey) == values)
    }

    @Test("A JPEG of high quality is near its picture, and better with full chroma; equal calls give equal bytes")
    func jpeg() throws {
        let picture = try Fixture("lossless.webp").decoded()
        var errors: [ImageEncoder.Chroma: Double] = [:]
        for chroma in ImageEncoder.Chroma.allCases {
            let pack = {
                try ImageEncoder.jpeg(
                    picture.pixels.span, width: picture.width, height: picture.height, channels: 3, quality: 97,
                    chroma: chroma)
            }
            let bytes = try pack()
            #expect(try bytes == pack())
            let difference = try zip(decode(bytes, .rgb), picture.pixels).map { abs(Double($0) - Double($1)) }
            errors[chroma] = difference.reduce(0, +) / Double(difference.count)
        }
        let (full, half) = (try #require(errors[.full]), try #require(errors[.half]))
        #expect(full < 2 && full < half && half < 25, "\(errors)")

        let grey = luma(picture.pixels)
        let bytes = try ImageEncoder.jpeg(
            grey.span, width: picture.width, height: picture.height, channels: 1, quality: 95)
        #expect(try ImageHeader(bytes).colorSpace == .grey)
        #expect(largestDifference(try decode(bytes, .grey), grey) <= 16)
        let small = try ImageEncoder.jpeg(
            grey.span, width: picture.width, height: picture.height, channels: 1, quality: 20)
        #expect(small.count < bytes.count)
    }

    @Test("A side that no JPEG holds is refused")
    func tooWide() throws {
        let values = [UInt8](repeating: 7, count: 70_000)
        let error = try #require(throws: ImageError.self) {
            try ImageEncoder.jpeg(values.span, width: 70_000, height: 1, channels: 1)
        }
        #expect(error.problem.contains("65500"))
    }
}
