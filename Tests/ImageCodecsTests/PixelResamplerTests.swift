import Foundation
import ImageCodecs
import TestSupport
import Testing

@Suite("Resizing")
struct PixelResamplerTests {
    private struct Case: Decodable {
        let width: Int
        let height: Int
        let channels: Int
        let to_width: Int
        let to_height: Int
        let box: [Double]?
        let filter: String
        let crc: UInt32

        var pixelBox: PixelBox? {
            box.map { PixelBox(left: $0[0], top: $0[1], width: $0[2] - $0[0], height: $0[3] - $0[1]) }
        }
    }
    private struct Content: Decodable {
        let cases: [Case]
    }

    /// As make_resized.py.
    private func picture(width: Int, height: Int, channels: Int) -> PixelBuffer {
        var values: [UInt8] = []
        for index in 0..<width * height * channels {
            let noise = UInt8(truncatingIfNeeded: (UInt64(index + 1) &* 2_654_435_761) >> 24)
            values.append(index / 50 % 3 == 0 ? noise : noise < 128 ? 0 : 255)
        }
        return PixelBuffer(values, width: width, height: height, channels: channels)
    }

    @Test("Every size, box, filter and number of channels gives Pillow's bytes")
    func pillow() throws {
        let cases = try JSONDecoder().decode(Content.self, from: Data(try Fixture.read("resized.json"))).cases
        #expect(cases.count >= 60)
        // One resampler for all, larger and smaller ones in turns.
        var resamplers: [String: PixelResampler] = [:]
        var result = PixelBuffer()
        for item in cases {
            let filter = try #require(ResampleFilter(rawValue: item.filter))
            let source = picture(width: item.width, height: item.height, channels: item.channels)
            resamplers[item.filter, default: PixelResampler(filter: filter)].resize(
                source, box: item.pixelBox, width: item.to_width, height: item.to_height, into: &result)
            #expect(result.width == item.to_width && result.height == item.to_height)
            #expect(crc32(result.pixels) == item.crc, "\(item)")
        }
    }

    @Test("A region is resized as a picture of its own, whatever lies around it", arguments: ResampleFilter.allCases)
    func region(_ filter: ResampleFilter) {
        let source = picture(width: 60, height: 45, channels: 3)
        var resampler = PixelResampler(filter: filter)
        var (part, alone) = (PixelBuffer(), PixelBuffer())
        for region in [
            PixelRegion(left: 0, top: 0, width: 60, height: 45), PixelRegion(left: 7, top: 11, width: 31, height: 20),
            PixelRegion(left: 59, top: 44, width: 1, height: 1), PixelRegion(left: 20, top: 30, width: 40, height: 15),
        ] {
            let cut = PixelBuffer(source.cut(region), width: region.width, height: region.height, channels: 3)
            resampler.resize(source, region: region, width: 16, height: 12, into: &part)
            resampler.resize(cut, width: 16, height: 12, into: &alone)
            #expect(part.pixels == alone.pixels, "\(region)")
        }
    }
}
