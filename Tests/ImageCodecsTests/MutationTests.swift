import Foundation
import ImageCodecs
import TestSupport
import Testing

/// Fixtures with bytes changed, cut out, put in and taken from each other: no crash, no hang, memory within the limit.
@Suite("Mutated files")
struct MutationTests {
    /// More by an environment variable; `make fuzz-images` asks for 10⁵.
    private static let count = ProcessInfo.processInfo.environment["IMAGE_MUTATIONS"].flatMap { Int($0) } ?? 10_000

    /// The checksums of a PNG's chunks made right again, so that what is inside is looked at.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        var place = 8
        while place + 12 <= bytes.count {
            let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - place - 12 else { break }
            let end = place + 8 + length
            let crc = crc32(bytes[place + 4..<end])
            for byte in 0..<4 { bytes[end + byte] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(byte))) }
            place = end + 4
        }
        return bytes
    }

    @Test("Nothing that was changed does more than fail")
    func mutations() throws {
        let files = try Fixture.names.map { try Fixture($0).bytes } + [Fixture.read("animation.webp")]
        let seed = ProcessInfo.processInfo.environment["IMAGE_MUTATION_SEED"].flatMap { UInt64($0) } ?? 1
        var generator = SeededGenerator(state: seed)
        let limits = ImageLimits(pixels: 1 << 20, bytes: 1 << 20, scans: 50)
        let decoders = [ImageDecoder(limits: limits), ImageDecoder(limits: limits, appliesOrientation: true)]
        var buffer = PixelBuffer()
        var decoded = 0
        for number in 0..<Self.count {
            var bytes = files[Int.random(in: 0..<files.count, using: &generator)]
                .mutated(with: files[Int.random(in: 0..<files.count, using: &generator)], using: &generator)
            if bytes.first == 0x89, Bool.random(using: &generator) { bytes = sealed(bytes) }
            let header = try? ImageHeader(bytes)
            let decoder = decoders[number % 2]
            let layout = [PixelLayout.rgb, .grey, .rgb, .indices][number % 4]
            do {
                try decoder.decode(bytes, as: layout, into: &buffer)
                decoded += 1
                #expect(buffer.width * buffer.height <= limits.pixels && buffer.count <= buffer.storage.count)
                // What could be decoded has a header that says the same.
                let size = number % 2 == 0 ? header.map { ($0.width, $0.height) } : header?.orientedSize
                #expect(size?.0 == buffer.width && size?.1 == buffer.height, "mutation \(number), seed \(seed)")
            } catch is ImageError {}
            guard let header else { continue }
            let (width, height) = number % 2 == 0 ? (header.width, header.height) : header.orientedSize
            guard width > 0, height > 0, width <= 1 << 20, height <= 1 << 20 else { continue }
            let left = Int.random(in: 0..<width, using: &generator)
            let top = Int.random(in: 0..<height, using: &generator)
            let region = PixelRegion(
                left: left, top: top, width: Int.random(in: 1...width - left, using: &generator),
                height: Int.random(in: 1...height - top, using: &generator))
            let detail = [DecodeDetail.exact, .fast(width: 1, height: 1), .fast(width: 8, height: 8)][number % 3]
            do {
                try decoder.decode(bytes, as: layout, region: region, detail: detail, into: &buffer)
            } catch is ImageError {}
        }
        // The changes are neither all harmless nor all fatal.
        #expect(decoded > Self.count / 50 && decoded < Self.count)
        #expect(buffer.storage.count <= 3 * limits.pixels)
    }
}
