/// Reads the chunks of a PNG file.
enum PNGHeader {
    static func read(_ bytes: Span<UInt8>) throws -> ImageHeader {
        let (width, height) = try size(bytes)
        let spaces: [UInt8: (ImageHeader.ColorSpace, Int)] = [
            0: (.grey, 1), 2: (.rgb, 3), 3: (.palette, 1), 4: (.greyAlpha, 2), 6: (.rgba, 4),
        ]
        guard let (space, channels) = spaces[bytes[25]] else {
            throw ImageError(.damaged, "PNG: a colour type of \(bytes[25])")
        }
        return ImageHeader(
            format: .png, width: width, height: height, channels: channels, depth: Int(bytes[24]), colorSpace: space,
            isProgressive: bytes[28] == 1, orientation: orientation(bytes))
    }

    /// Width and height, of a file whose first chunk is there as a whole.
    static func size(_ bytes: Span<UInt8>) throws -> (width: Int, height: Int) {
        guard bytes.count >= 33, let width = bytes.bigEndian32(16), let height = bytes.bigEndian32(20) else {
            throw ImageError(.truncated, "PNG: ends within its header")
        }
        guard bytes.has("IHDR", at: 12) else { throw ImageError(.damaged, "PNG: does not begin with its header") }
        return (width, height)
    }

    /// Of the chunk eXIf, which may stand before or after the picture.
    private static func orientation(_ bytes: Span<UInt8>) -> ImageOrientation {
        var place = 8
        while let length = bytes.bigEndian32(place), length <= bytes.count - place - 12 {
            if bytes.has("IEND", at: place + 4) { break }
            if bytes.has("eXIf", at: place + 4) {
                return ImageOrientation(exif: bytes.extracting(place + 8..<place + 8 + length)) ?? .upright
            }
            place += 12 + length
        }
        return .upright
    }
}
