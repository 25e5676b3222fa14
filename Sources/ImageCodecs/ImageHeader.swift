/// What a file says about its picture, read without decoding a pixel.
package struct ImageHeader: Hashable, Sendable {
    package enum ColorSpace: String, Hashable, Sendable, CaseIterable {
        case grey, greyAlpha = "grey with alpha", rgb = "RGB", rgba = "RGB with alpha", palette
        case yCbCr = "YCbCr", cmyk = "CMYK", ycck = "YCCK", other
    }

    package let format: ImageFormat
    /// As stored: before the orientation is applied.
    package let width: Int
    package let height: Int
    /// Values stored for a pixel; 1 for a palette.
    package let channels: Int
    /// Bits of a value.
    package let depth: Int
    package let colorSpace: ColorSpace
    /// Written in passes over the whole picture: progressive JPEG, interlaced PNG.
    package let isProgressive: Bool
    /// What EXIF says, 1 if it says nothing.
    package let orientation: ImageOrientation

    /// Width and height once the orientation is applied.
    package var orientedSize: (width: Int, height: Int) {
        orientation.swapsSides ? (height, width) : (width, height)
    }

    /// - Parameter bytes: The file. Its beginning is enough where it holds the whole header: for a JPEG all that comes
    ///   before the first scan; for PNG and WebP the orientation may stand at the end.
    package init(_ bytes: Span<UInt8>) throws {
        switch try ImageFormat.of(bytes) {
        case .jpeg: self = try JPEGHeader.read(bytes)
        case .png: self = try PNGHeader.read(bytes)
        case .webp: self = try WebPHeader.read(bytes)
        }
    }

    package init(_ bytes: [UInt8]) throws { try self.init(bytes.span) }

    init(
        format: ImageFormat, width: Int, height: Int, channels: Int, depth: Int, colorSpace: ColorSpace,
        isProgressive: Bool, orientation: ImageOrientation
    ) {
        self.format = format
        self.width = width
        self.height = height
        self.channels = channels
        self.depth = depth
        self.colorSpace = colorSpace
        self.isProgressive = isProgressive
        self.orientation = orientation
    }
}

extension Span<UInt8> {
    /// Two bytes as a number, the first is the higher; none behind the end.
    func bigEndian16(_ offset: Int) -> Int? {
        guard offset >= 0, offset < count, count - offset >= 2 else { return nil }
        return Int(self[offset]) << 8 | Int(self[offset + 1])
    }

    func bigEndian32(_ offset: Int) -> Int? {
        guard let high = bigEndian16(offset), let low = bigEndian16(offset + 2) else { return nil }
        return high << 16 | low
    }

    func littleEndian16(_ offset: Int) -> Int? {
        guard let value = bigEndian16(offset) else { return nil }
        return value >> 8 | (value & 0xFF) << 8
    }

    func littleEndian32(_ offset: Int) -> Int? {
        guard let low = littleEndian16(offset), let high = littleEndian16(offset + 2) else { return nil }
        return high << 16 | low
    }

    func has(_ text: StaticString, at offset: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset >= 0, offset <= count, count - offset >= length else { return false }
        return unsafe withUnsafeBufferPointer { bytes in
            text.withUTF8Buffer { unsafe $0.elementsEqual(bytes[offset..<offset + length]) }
        }
    }
}
