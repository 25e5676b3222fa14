package import ImageCodecs

/// What opening an image told of it; small, since there are millions.
package struct ImageFacts: Hashable, Sendable {
    /// XXH64 of the file's bytes, or of the pixels where there is no file of its own; 0 where it was not asked for.
    package var hash: UInt64 = 0
    /// Of the file; 0 where there is none of its own.
    package var bytes = 0
    /// As stored, before EXIF's orientation.
    package var width: UInt32
    package var height: UInt32
    /// None where there is no file of its own.
    package var format: ImageFormat?
    package var colorSpace: ImageHeader.ColorSpace?
    /// Bits of a value.
    package var depth: UInt8
    package var orientation = ImageOrientation.upright
    /// One bit for each of `ImageRemark.allCases`.
    package var remarkBits: UInt8 = 0

    /// An image of 8 bits without a file of its own.
    package init(_ size: ImageSize) {
        width = UInt32(clamping: size.width)
        height = UInt32(clamping: size.height)
        depth = 8
    }

    package init(_ header: ImageHeader, bytes: Int) {
        width = UInt32(clamping: header.width)
        height = UInt32(clamping: header.height)
        format = header.format
        colorSpace = header.colorSpace
        depth = UInt8(clamping: header.depth)
        orientation = header.orientation
        self.bytes = bytes
    }

    package var remarks: [ImageRemark] {
        get { ImageRemark.allCases.enumerated().filter { remarkBits >> UInt8($0.offset) & 1 == 1 }.map(\.element) }
        set {
            remarkBits = 0
            for (bit, remark) in ImageRemark.allCases.enumerated() where newValue.contains(remark) {
                remarkBits |= 1 << UInt8(bit)
            }
        }
    }
}

extension ImageFacts {
    /// Bytes of the stored form.
    static let storedCount = 32

    /// Hash and bytes (8 bytes each), width and height (4 each), five fields of a byte, three bytes that are 0;
    /// little-endian.
    var stored: [UInt8] {
        func place<Cases: CaseIterable>(_ value: Cases?) -> UInt8 where Cases: Equatable {
            guard let value, let index = Array(Cases.allCases).firstIndex(of: value) else { return .max }
            return UInt8(clamping: index)
        }
        let sides = UInt64(width) | UInt64(height) << 32
        return [hash, UInt64(max(0, bytes)), sides].flatMap { StoredWords.bytes($0) }
            + [place(format), place(colorSpace), depth, UInt8(orientation.rawValue), remarkBits, 0, 0, 0]
    }

    /// - Returns: None for bytes that no facts are stored as.
    init?(stored: some RandomAccessCollection<UInt8>) {
        let bytes = Array(stored)
        guard bytes.count == Self.storedCount, let size = Int(exactly: StoredWords.word(bytes, at: 8)),
            let orientation = ImageOrientation(rawValue: Int(bytes[27]))
        else { return nil }
        func option<Option>(_ options: [Option], _ code: UInt8) -> Option? {
            options.indices.contains(Int(code)) ? options[Int(code)] : nil
        }
        let sides = StoredWords.word(bytes, at: 16)
        self.init(
            ImageSize(height: Int(sides >> 32), width: Int(sides & 0xFFFF_FFFF)))
        hash = StoredWords.word(bytes, at: 0)
        self.bytes = size
        format = option(ImageFormat.allCases, bytes[24])
        colorSpace = option(ImageHeader.ColorSpace.allCases, bytes[25])
        depth = bytes[26]
        self.orientation = orientation
        remarkBits = bytes[28]
    }
}
