import ImageCodecs
import TestSupport
import Testing

@Suite("Damaged files and limits")
struct DamageTests {
    private func error(_ bytes: [UInt8], limits: ImageLimits = ImageLimits()) throws -> ImageError {
        var buffer = PixelBuffer()
        return try #require(throws: ImageError.self) {
            try ImageDecoder(limits: limits).decode(bytes, as: .rgb, into: &buffer)
        }
    }

    @Test("A file that was cut off anywhere is an error, and called truncated", arguments: Fixture.names)
    func truncated(_ name: String) throws {
        let bytes = try Fixture(name).bytes
        for missing in [1, 2, 3, bytes.count / 14, bytes.count / 2, bytes.count - 40] where missing > 0 {
            // What pads a chunk of WebP belongs to no picture.
            if name.hasSuffix(".webp"), missing < 4 { continue }
            // The end marker of a JPEG is two bytes, and a scan may end in bits that are padding.
            let error = try error(Array(bytes.dropLast(missing)))
            #expect([.truncated, .damaged].contains(error.kind), "\(missing) bytes: \(error)")
            if name.hasSuffix(".png") { #expect(error.kind == .truncated, "\(missing) bytes: \(error)") }
        }
    }

    @Test("A JPEG that becomes grey below a place is refused, in libjpeg's words")
    func corruptData() throws {
        var bytes = try Fixture("large-1x1.jpg").bytes
        let middle = bytes.count / 2
        bytes.replaceSubrange(middle..<middle + 2, with: [0xFF, 0xD9])
        let error = try error(bytes)
        #expect(error.kind == .damaged && error.problem.contains("premature end of data segment"), "\(error)")
    }

    @Test("A wrong byte of a PNG is noticed by its checksum, wherever it is")
    func wrongByte() throws {
        for name in ["rgb8.png", "rgb8-interlaced.png", "palette4.png"] {
            let bytes = try Fixture(name).bytes
            for place in stride(from: 8, to: bytes.count - 12, by: 7) {
                var wrong = bytes
                wrong[place] ^= 0x10
                var buffer = PixelBuffer()
                // What is wrong in an ancillary chunk has no pixels.
                if (try? ImageDecoder().decode(wrong, as: .rgb, into: &buffer)) != nil {
                    #expect(try buffer.pixels == Fixture(name).decoded().pixels, "\(name), byte \(place)")
                }
            }
        }
    }

    @Test("Bytes before a marker touch no pixel: they are a remark")
    func extraneous() throws {
        let bytes = try Fixture("grey.jpg").bytes
        let decoder = ImageDecoder()
        var buffer = PixelBuffer()
        try decoder.decode(bytes, as: .rgb, into: &buffer)
        #expect(decoder.remarks.isEmpty)
        let expected = buffer.pixels
        try decoder.decode(bytes.dropLast(2) + [1, 2, 3, 0xFF, 0xD9], as: .rgb, into: &buffer)
        #expect(buffer.pixels == expected && decoder.remarks == [.extraneousBytes])
        try decoder.decode(bytes, as: .rgb, into: &buffer)
        #expect(decoder.remarks.isEmpty)
        try decoder.decode(Fixture("progressive.jpg").bytes, as: .rgb, into: &buffer)
        #expect(decoder.remarks.isEmpty)
        try decoder.decode(Fixture("incomplete-progressive.jpg").bytes, as: .rgb, into: &buffer)
        #expect(decoder.remarks == [.incomplete])
    }

    @Test("Limits on pixels and bytes hold before memory is taken, and name both numbers")
    func limits() throws {
        for name in ["grey.jpg", "grey8.png", "lossy.webp", "progressive.jpg", "rgb8-interlaced.png"] {
            let fixture = try Fixture(name)
            let header = try ImageHeader(fixture.bytes)
            let pixels = header.width * header.height
            var buffer = PixelBuffer()
            try ImageDecoder(limits: ImageLimits(pixels: pixels)).decode(fixture.bytes, as: .rgb, into: &buffer)
            let tooMany = try error(fixture.bytes, limits: ImageLimits(pixels: pixels - 1))
            #expect(tooMany.kind == .tooLarge && tooMany.problem.contains("\(header.width)×\(header.height)"))
            let tooLong = try error(fixture.bytes, limits: ImageLimits(bytes: fixture.bytes.count - 1))
            #expect(tooLong.kind == .tooLarge && tooLong.problem.contains("\(fixture.bytes.count) bytes"))
        }
    }

    @Test("A header that states a huge picture costs nothing")
    func hugeHeaders() throws {
        var png = try Fixture("grey8.png").bytes
        png.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
        #expect(try error(png).kind == .tooLarge)
        png.replaceSubrange(16..<24, with: [0, 0, 0, 0, 0, 0, 0, 5])
        #expect(try error(png).kind == .damaged)
        var jpeg = try Fixture("grey.jpg").bytes
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
        #expect(try error(jpeg).kind == .tooLarge)
    }

    @Test("A PNG with more packed data than its picture needs is not unpacked to its end")
    func packedData() throws {
        for name in ["rgb8.png", "rgb8-interlaced.png"] {
            let bytes = try Fixture(name).bytes
            // Before the last chunk, which is IEND.
            let extra = { (count: Int) -> [UInt8] in
                let data = Array("IDAT".utf8) + [UInt8](repeating: 0, count: count)
                let numbers = [UInt32(count), crc32(data)].map { value in
                    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
                }
                return Array(bytes.dropLast(12)) + numbers[0] + data + numbers[1] + Array(bytes.suffix(12))
            }
            #expect(try error(extra(100_000)).problem.contains("more data"))
            // A little is passed over.
            var buffer = PixelBuffer()
            try ImageDecoder().decode(extra(10), as: .rgb, into: &buffer)
            #expect(try buffer.pixels == Fixture(name).decoded().pixels)
        }
    }

    @Test("A JPEG of thousands of scans is refused")
    func scans() throws {
        let bytes = try Fixture("progressive-grey.jpg").bytes
        // The first scan again and again.
        let starts = bytes.indices.filter { $0 + 1 < bytes.count && bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }
        let next = try #require(
            bytes.indices.first { $0 > starts[0] && bytes[$0] == 0xFF && ![0, 0xFF].contains(bytes[$0 + 1]) })
        let scan = bytes[starts[0]..<next]
        let bomb = bytes[..<next] + (0..<5000).flatMap { _ in scan } + bytes[next...]
        let error = try error(Array(bomb))
        #expect(error.kind == .unsupported && error.problem.contains("passes"), "\(error)")
    }

    @Test("An animation is refused by name")
    func animation() throws {
        let error = try error(Fixture.read("animation.webp"))
        #expect(error.kind == .unsupported && error.problem.contains("animation"), "\(error)")
        #expect(throws: error) { try ImageHeader(Fixture.read("animation.webp")) }
    }

    @Test("What libjpeg cannot read is called so")
    func unsupported() throws {
        var bytes = try Fixture("grey.jpg").bytes
        let frame = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        bytes[frame + 4] = 12
        #expect(try error(bytes).kind == .unsupported)
        bytes[frame + 4] = 8
        // Lossless JPEG.
        bytes[frame + 1] = 0xC3
        #expect(try error(bytes).kind == .unsupported)
    }
}
