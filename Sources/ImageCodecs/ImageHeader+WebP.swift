import CWebP

/// Reads the beginning of a WebP file.
enum WebPHeader {
    static func read(_ bytes: Span<UInt8>) throws -> ImageHeader {
        let features = try features(bytes)
        let hasAlpha = features.has_alpha != 0
        return ImageHeader(
            format: .webp, width: Int(features.width), height: Int(features.height), channels: hasAlpha ? 4 : 3,
            depth: 8, colorSpace: features.format == 1 && !hasAlpha ? .yCbCr : hasAlpha ? .rgba : .rgb,
            isProgressive: false, orientation: orientation(bytes))
    }

    /// What libwebp finds in the header; animations are refused.
    static func features(_ bytes: Span<UInt8>) throws -> WebPBitstreamFeatures {
        var features = WebPBitstreamFeatures()
        let status = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe WebPGetFeatures(buffer.baseAddress, buffer.count, &features)
        }
        try check(status)
        guard features.has_animation == 0 else {
            throw ImageError(.unsupported, "WebP: is an animation", remedy: "save one of its frames, or remove it")
        }
        return features
    }

    static func check(_ status: VP8StatusCode) throws {
        switch status {
        case VP8_STATUS_OK: return
        case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED:
            throw ImageError(.truncated, "WebP: ends before its picture does")
        case VP8_STATUS_OUT_OF_MEMORY: throw ImageError(.noMemory, "WebP: no memory for its picture")
        case VP8_STATUS_UNSUPPORTED_FEATURE:
            throw ImageError(.unsupported, "WebP: uses what libwebp cannot read")
        default: throw ImageError(.damaged, "WebP: its data cannot be decoded")
        }
    }

    /// Of the chunk EXIF, which stands after the picture.
    private static func orientation(_ bytes: Span<UInt8>) -> ImageOrientation {
        var place = 12
        while let length = bytes.littleEndian32(place + 4), length <= bytes.count - place - 8 {
            if bytes.has("EXIF", at: place) {
                let content = bytes.extracting(place + 8..<place + 8 + length)
                // Some writers put JPEG's prefix before it.
                let prefix = content.has("Exif\0\0", at: 0) ? 6 : 0
                return ImageOrientation(exif: content.extracting(prefix..<content.count)) ?? .upright
            }
            place += 8 + length + length % 2
        }
        return .upright
    }
}
