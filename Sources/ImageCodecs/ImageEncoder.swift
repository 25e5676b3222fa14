import CImageCodecs
import CPNG
import Foundation

/// Packs 8-bit pixels into the bytes of a file; equal pixels and settings give equal bytes.
package enum ImageEncoder {
    /// How finely a JPEG keeps colour.
    package enum Chroma: String, Hashable, Sendable, CaseIterable {
        /// 4:4:4, as finely as brightness.
        case full
        /// 4:2:0, half along each side.
        case half
    }

    /// A JPEG.
    ///
    /// - Parameters:
    ///   - pixels: [height, width, channels].
    ///   - channels: 1 or 3.
    ///   - quality: 1 to 100.
    package static func jpeg(
        _ pixels: Span<UInt8>, width: Int, height: Int, channels: Int, quality: Int = 90, chroma: Chroma = .half
    ) throws -> [UInt8] {
        check(pixels.count, width: width, height: height, channels: channels)
        precondition((1...100).contains(quality), "a quality of \(quality)")
        guard width <= 65_500, height <= 65_500 else {
            throw ImageError(
                .tooLarge, "JPEG: holds at most 65500 pixels along a side, not \(width)×\(height)", remedy: "use PNG")
        }
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        defer { unsafe free(bytes) }
        let status = unsafe pixels.withUnsafeBufferPointer { pixels in
            guard let start = pixels.baseAddress else { return CIMAGE_UNSUPPORTED }
            return unsafe cimage_jpeg_write(
                start, width, height, Int32(channels), Int32(quality), chroma == .half, &bytes, &count)
        }
        guard status == CIMAGE_OK, let start = unsafe bytes else {
            throw ImageError("JPEG", status == CIMAGE_OK ? CIMAGE_NO_MEMORY : status, "cannot be packed")
        }
        return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// A PNG of grey values or colours.
    ///
    /// - Parameters:
    ///   - pixels: [height, width, channels].
    ///   - channels: 1 or 3.
    package static func png(_ pixels: Span<UInt8>, width: Int, height: Int, channels: Int) throws -> [UInt8] {
        check(pixels.count, width: width, height: height, channels: channels)
        var image = unsafe header(width: width, height: height)
        unsafe image.format = channels == 1 ? png_uint_32(PNG_FORMAT_GRAY) : png_uint_32(PNG_FORMAT_RGB)
        return try unsafe pack(pixels, &image, palette: [])
    }

    /// A PNG with a palette, such as a map of labels with a colour for each.
    ///
    /// - Parameters:
    ///   - indices: [height, width], each the number of a colour.
    ///   - palette: [colours, 3], 1 to 256 of them.
    package static func png(indices: Span<UInt8>, width: Int, height: Int, palette: [UInt8]) throws -> [UInt8] {
        check(indices.count, width: width, height: height, channels: 1)
        let colors = palette.count / 3
        precondition(palette.count % 3 == 0 && (1...256).contains(colors), "a palette of \(palette.count) values")
        for place in 0..<indices.count where Int(indices[place]) >= colors {
            preconditionFailure("colour \(indices[place]) of \(colors)")
        }
        var image = unsafe header(width: width, height: height)
        unsafe image.format = png_uint_32(PNG_FORMAT_RGB) | png_uint_32(PNG_FORMAT_FLAG_COLORMAP)
        unsafe image.colormap_entries = png_uint_32(colors)
        return try unsafe pack(indices, &image, palette: palette)
    }

    private static func check(_ count: Int, width: Int, height: Int, channels: Int) {
        precondition(width > 0 && height > 0, "an image of \(width)×\(height) pixels")
        precondition(channels == 1 || channels == 3, "an image of \(channels) channels")
        precondition(count == width * height * channels, "\(count) values for \(width)×\(height)×\(channels)")
    }

    private static func header(width: Int, height: Int) -> png_image {
        var image = unsafe png_image()
        unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
        unsafe image.width = png_uint_32(clamping: width)
        unsafe image.height = png_uint_32(clamping: height)
        return unsafe image
    }

    private static func pack(_ pixels: Span<UInt8>, _ image: inout png_image, palette: [UInt8]) throws -> [UInt8] {
        defer { unsafe png_image_free(&image) }
        // A bound for any content, so that the picture is packed once.
        let stride = unsafe Int(image.width) * (pixels.count / max(1, Int(image.width) * Int(image.height)))
        let raw = unsafe (stride + 1) * Int(image.height)
        let capacity = raw + raw / 8192 * 12 + raw / 1000 + palette.count + 4096
        var size = png_alloc_size_t(capacity)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            let isDone = unsafe pixels.withUnsafeBufferPointer { pixels in
                unsafe png_image_write_to_memory(&image, target.baseAddress, &size, 0, pixels.baseAddress, 0, palette)
            }
            count = isDone != 0 ? min(Int(size), capacity) : 0
        }
        guard !bytes.isEmpty else {
            let message = unsafe withUnsafeBytes(of: image.message) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw ImageError(.noMemory, "PNG: cannot be packed (\(message))")
        }
        return bytes
    }
}
