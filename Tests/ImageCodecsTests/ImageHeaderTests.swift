import Foundation
import ImageCodecs
import Testing

@Suite("Headers")
struct ImageHeaderTests {
    @Test("Every file says its format and the size that its pixels have", arguments: Fixture.names)
    func sizes(_ name: String) throws {
        let fixture = try Fixture(name)
        let header = try ImageHeader(fixture.bytes)
        let buffer = try fixture.decoded()
        #expect(header.width == buffer.width && header.height == buffer.height)
        let format: ImageFormat = name.hasSuffix(".png") ? .png : name.hasSuffix(".webp") ? .webp : .jpeg
        #expect(header.format == format)
        #expect(try ImageFormat.of(fixture.bytes) == format)
        #expect(header.isProgressive == (name.contains("progressive") || name.contains("interlaced")))
    }

    @Test("Colour spaces are those that the decoder goes by")
    func colorSpaces() throws {
        let spaces: [(String, ImageHeader.ColorSpace, Int)] = [
            ("grey.jpg", .grey, 1), ("ycc-2x2.jpg", .yCbCr, 3), ("rgb.jpg", .rgb, 3), ("cmyk.jpg", .cmyk, 4),
            ("cmyk-unmarked.jpg", .cmyk, 4), ("ycck.jpg", .ycck, 4), ("grey1.png", .grey, 1),
            ("grey-alpha8.png", .greyAlpha, 2), ("rgb16.png", .rgb, 3), ("rgba8.png", .rgba, 4),
            ("palette2.png", .palette, 1), ("lossy.webp", .yCbCr, 3), ("lossless.webp", .rgb, 3),
            ("lossy-alpha.webp", .rgba, 4),
        ]
        for (name, space, channels) in spaces {
            let header = try ImageHeader(Fixture(name).bytes)
            #expect(header.colorSpace == space && header.channels == channels, "\(name): \(header)")
        }
        #expect(try ImageHeader(Fixture("grey16.png").bytes).depth == 16)
        #expect(try ImageHeader(Fixture("palette4.png").bytes).depth == 4)
        #expect(try ImageHeader(Fixture("cmyk.jpg").bytes).depth == 8)
    }

    @Test("The orientation of EXIF is found in every format and byte order, and ignored unless asked for")
    func orientations() throws {
        for number in 1...8 {
            let fixture = try Fixture("orientation-\(number).jpg")
            let header = try ImageHeader(fixture.bytes)
            #expect(header.orientation.rawValue == number && header.width == 19 && header.height == 14)
            #expect(header.orientedSize.width == (number < 5 ? 19 : 14))
            let stored = try fixture.decoded()
            #expect(stored.width == 19 && stored.height == 14)
            // Pillow's test compares the upright picture; turning is lossless, so no two are alike.
            let upright = try fixture.decoded(upright: true).pixels
            #expect((upright == stored.pixels) == (number == 1))
        }
        for name in ["orientation-6.png", "orientation-6.webp"] {
            let fixture = try Fixture(name)
            #expect(try ImageHeader(fixture.bytes).orientation == .turned90)
            let (stored, upright) = (try fixture.decoded(), try fixture.decoded(upright: true))
            #expect(upright.width == stored.height && upright.height == stored.width)
            // Clockwise by 90°: the first pixel becomes the last of the first row.
            #expect(upright.pixels[3 * (upright.width - 1)..<3 * upright.width] == stored.pixels[0..<3])
        }
    }

    @Test("A header is read from the beginning of a file")
    func beginnings() throws {
        for name in Fixture.names {
            let bytes = try Fixture(name).bytes
            let whole = try ImageHeader(bytes)
            for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 64)) {
                // Either what the whole file says (its orientation may come later) or an error.
                guard let header = try? ImageHeader(Array(bytes.prefix(count))) else { continue }
                #expect(header.width == whole.width && header.height == whole.height, "\(name), \(count) bytes")
            }
        }
    }
}
