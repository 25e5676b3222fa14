import CImageCodecs
import CWebP

/// libwebp's decoder.
struct WebPDecoder {
    /// More than what is wanted, or colours where grey is wanted.
    private var scratch = PixelBuffer()

    mutating func decode(_ bytes: Span<UInt8>, _ request: DecodeRequest, into buffer: inout PixelBuffer) throws {
        guard request.layout != .indices else { throw ImageError(.unsupported, "WebP: has no palette") }
        let features = try WebPHeader.features(bytes)
        let (width, height) = (Int(features.width), Int(features.height))
        let region = try request.storedRegion(width: width, height: height)
        let channels = request.layout.channels
        guard region.width < width || region.height < height || channels == 1 else {
            buffer.prepare(width: width, height: height, channels: channels)
            return try read(bytes, region, isWhole: true, into: &buffer)
        }
        // Chroma is interpolated over the edge of the region, and libwebp begins at even pixels.
        let left = max(0, region.left - 2) & ~1
        let top = max(0, region.top - 2) & ~1
        let wide = PixelRegion(
            left: left, top: top, width: min(width, region.left + region.width + 2) - left,
            height: min(height, region.top + region.height + 2) - top)
        scratch.prepare(width: wide.width, height: wide.height, channels: 3)
        try read(bytes, wide, isWhole: wide.width == width && wide.height == height, into: &scratch)
        buffer.prepare(width: region.width, height: region.height, channels: channels)
        for row in 0..<region.height {
            let from = 3 * ((region.top - top + row) * wide.width + region.left - left)
            let to = row * region.width * channels
            scratch.withPixels { source in
                unsafe source.withUnsafeBufferPointer { source in
                    guard let source = source.baseAddress else { return }
                    unsafe buffer.withTarget { target in
                        if channels == 1 {
                            unsafe cimage_luma(source + from, target + to, region.width)
                        } else {
                            unsafe (target + to).update(from: source + from, count: 3 * region.width)
                        }
                    }
                }
            }
        }
    }

    /// RGB of a region that begins at even pixels, into a buffer of its size.
    private func read(_ bytes: Span<UInt8>, _ region: PixelRegion, isWhole: Bool, into buffer: inout PixelBuffer) throws
    {
        var configuration = unsafe WebPDecoderConfig()
        guard unsafe WebPInitDecoderConfig(&configuration) != 0 else {
            throw ImageError(
                .unsupported, "WebP: libwebp is of another version than its header", remedy: "install it again")
        }
        if !isWhole {
            unsafe configuration.options.use_cropping = 1
            unsafe configuration.options.crop_left = Int32(region.left)
            unsafe configuration.options.crop_top = Int32(region.top)
            unsafe configuration.options.crop_width = Int32(region.width)
            unsafe configuration.options.crop_height = Int32(region.height)
        }
        unsafe configuration.output.colorspace = MODE_RGB
        unsafe configuration.output.is_external_memory = 1
        unsafe configuration.output.u.RGBA.stride = Int32(3 * region.width)
        unsafe configuration.output.u.RGBA.size = buffer.count
        let status = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe buffer.withTarget { target in
                unsafe configuration.output.u.RGBA.rgba = target
                return unsafe WebPDecode(bytes.baseAddress, bytes.count, &configuration)
            }
        }
        unsafe WebPFreeDecBuffer(&configuration.output)
        try WebPHeader.check(status ?? VP8_STATUS_OUT_OF_MEMORY)
    }
}
