import ImageCodecs
import TestSupport
import Testing

@Suite("Regions and fractions")
struct RegionTests {
    /// Regions of a picture: at each edge, of one pixel, and some at random.
    private func regions(width: Int, height: Int, random: Int) -> [PixelRegion] {
        var generator = SeededGenerator(state: UInt64(width * 1000 + height))
        var regions = [
            PixelRegion(left: 0, top: 0, width: width, height: height),
            PixelRegion(left: 0, top: 0, width: 1, height: 1),
            PixelRegion(left: width - 1, top: height - 1, width: 1, height: 1),
            PixelRegion(left: 0, top: height / 2, width: width, height: 1),
            PixelRegion(left: width / 2, top: 0, width: 1, height: height),
        ]
        // Beginning and ending at blocks, where interpolation looks into the neighbour.
        for edge in stride(from: 8, to: min(width, height) - 1, by: 8) {
            regions.append(PixelRegion(left: edge, top: edge, width: width - edge, height: height - edge))
            regions.append(PixelRegion(left: 0, top: 0, width: edge, height: edge))
        }
        for _ in 0..<random {
            let left = Int.random(in: 0..<width, using: &generator)
            let top = Int.random(in: 0..<height, using: &generator)
            regions.append(
                PixelRegion(
                    left: left, top: top, width: Int.random(in: 1...width - left, using: &generator),
                    height: Int.random(in: 1...height - top, using: &generator)))
        }
        return regions
    }

    @Test("A region has exactly the pixels that the whole picture has there", arguments: Fixture.names)
    func exact(_ name: String) throws {
        let fixture = try Fixture(name)
        let decoder = ImageDecoder()
        var part = PixelBuffer()
        for layout in [PixelLayout.rgb, .grey] {
            let whole = try fixture.decoded(as: layout)
            for region in regions(width: whole.width, height: whole.height, random: 40) {
                try decoder.decode(fixture.bytes, as: layout, region: region, into: &part)
                #expect(part.width == region.width && part.height == region.height && part.denominator == 1)
                #expect(part.pixels == whole.cut(region), "\(region)")
            }
        }
    }

    @Test("Regions of upright pictures are those of the turned whole", arguments: 1...8)
    func upright(_ orientation: Int) throws {
        let fixture = try Fixture("orientation-\(orientation).jpg")
        let whole = try fixture.decoded(upright: true)
        for region in regions(width: whole.width, height: whole.height, random: 20) {
            let part = try fixture.decoded(region: region, upright: true)
            #expect(part.pixels == whole.cut(region), "\(region)")
        }
    }

    @Test("Fast decoding takes the smallest fraction that leaves enough pixels")
    func fraction() throws {
        let fixture = try Fixture("large-2x2.jpg")
        let region = PixelRegion(left: 21, top: 10, width: 99, height: 90)
        for (wanted, denominator) in [(12, 4), (11, 8), (22, 4), (23, 2), (45, 2), (46, 1), (99, 1), (1000, 1)] {
            let part = try fixture.decoded(region: region, detail: .fast(width: wanted, height: wanted))
            let unit = Double(denominator)
            #expect(part.denominator == denominator, "\(wanted)")
            #expect(part.box.width == 99 / unit && part.box.height == 90 / unit)
            // The region lies among the pixels, and no row or column of them is without any of it.
            #expect(part.box.left == 21 / unit - (21 / unit).rounded(.down) && part.box.left < 1)
            #expect(part.box.left + part.box.width <= Double(part.width))
            #expect(part.box.left + part.box.width > Double(part.width - 1))
            #expect(part.box.top + part.box.height > Double(part.height - 1))
        }
    }

    @Test("A fraction is near the mean of the pixels that it stands for")
    func fractionOfPixels() throws {
        // Where chroma is halved along one side only, libjpeg reduces it along both: it loses what the fraction could keep.
        let bounds = ["large-1x1.jpg": 1.0, "large-2x2.jpg": 4, "large-progressive.jpg": 4, "large-2x1.jpg": 12]
        for (name, bound) in bounds {
            let fixture = try Fixture(name)
            for layout in [PixelLayout.rgb, .grey] {
                let whole = try fixture.decoded(as: layout)
                let region = PixelRegion(left: 16, top: 24, width: 96, height: 64)
                for denominator in [2, 4, 8] {
                    let part = try fixture.decoded(
                        as: layout, region: region,
                        detail: .fast(width: 96 / denominator, height: 64 / denominator))
                    #expect(part.width == 96 / denominator && part.height == 64 / denominator)
                    var sum = 0.0
                    for row in 0..<part.height {
                        for place in 0..<part.width * part.channels {
                            let (column, channel) = (place / part.channels, place % part.channels)
                            var mean = 0.0
                            for y in 0..<denominator {
                                for x in 0..<denominator {
                                    let (line, pixel) = (24 + row * denominator + y, 16 + column * denominator + x)
                                    mean += Double(
                                        whole.storage[(line * whole.width + pixel) * whole.channels + channel])
                                }
                            }
                            mean /= Double(denominator * denominator)
                            sum += abs(mean - Double(part.storage[row * part.width * part.channels + place]))
                        }
                    }
                    let difference = sum / Double(part.count)
                    #expect(difference <= bound, "\(name), 1/\(denominator): \(difference)")
                }
            }
        }
    }

    @Test("Fast decoding of other formats, and of upright pictures, says where the region lies")
    func fastOthers() throws {
        let png = try Fixture("rgb8.png")
        let region = PixelRegion(left: 3, top: 2, width: 10, height: 9)
        let part = try png.decoded(region: region, detail: .fast(width: 2, height: 2))
        #expect(try part.pixels == png.decoded(region: region).pixels)
        #expect(part.box == PixelBox(left: 0, top: 0, width: 10, height: 9) && part.denominator == 1)

        for orientation in 1...8 {
            let fixture = try Fixture("orientation-\(orientation).jpg")
            let header = try ImageHeader(fixture.bytes)
            let (width, height) = header.orientedSize
            let region = PixelRegion(left: 1, top: 2, width: width - 4, height: height - 3)
            let detail = DecodeDetail.fast(width: region.width / 2, height: region.height / 2)
            let part = try fixture.decoded(region: region, detail: detail, upright: true)
            #expect(part.denominator == 2)
            // Among the upright pixels, the box begins a whole number of them behind the picture's edge.
            let whole = try fixture.decoded(detail: .fast(width: width / 2, height: height / 2), upright: true)
            #expect(whole.box.width == Double(width) / 2 && whole.box.height == Double(height) / 2)
            let left = (0.5 + whole.box.left - part.box.left).rounded()
            let top = (1 + whole.box.top - part.box.top).rounded()
            #expect(abs(0.5 + whole.box.left - part.box.left - left) < 1e-9)
            #expect(abs(1 + whole.box.top - part.box.top - top) < 1e-9)
            let cut = whole.cut(PixelRegion(left: Int(left), top: Int(top), width: part.width, height: part.height))
            #expect(largestDifference(cut, part.pixels) <= 40)
        }
    }

    @Test("A region outside of the picture is refused")
    func outside() throws {
        for name in ["grey.jpg", "rgb8.png", "lossy.webp"] {
            let fixture = try Fixture(name)
            let (width, height) = (try fixture.decoded().width, try fixture.decoded().height)
            for region in [
                PixelRegion(left: -1, top: 0, width: 2, height: 2), PixelRegion(left: 0, top: 0, width: 0, height: 2),
                PixelRegion(left: 0, top: 1, width: width, height: height),
                PixelRegion(left: 1, top: 0, width: .max, height: 1),
                PixelRegion(left: .max, top: .max, width: .max, height: .max),
            ] {
                let error = try #require(throws: ImageError.self) { try fixture.decoded(region: region) }
                #expect(error.kind == .request && error.problem.contains("outside"), "\(error)")
            }
        }
    }
}
