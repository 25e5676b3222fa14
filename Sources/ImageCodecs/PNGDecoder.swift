import CImageCodecs

/// libpng's decoder.
@safe
final class PNGDecoder {
    private let decoder: OpaquePointer

    init() throws {
        guard let decoder = unsafe cimage_png_create() else { throw ImageError(.noMemory, "PNG: no memory") }
        unsafe self.decoder = decoder
    }

    deinit { unsafe cimage_png_destroy(decoder) }

    func decode(_ bytes: Span<UInt8>, _ request: DecodeRequest, into buffer: inout PixelBuffer) throws {
        // Before libpng sees a file, which makes room for rows when it has read the size.
        let header = try PNGHeader.size(bytes)
        try request.limits.check(width: header.width, height: header.height)
        try unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { throw ImageError(.truncated, "PNG: is empty") }
            var info = CImagePNGInfo()
            try check(unsafe cimage_png_open(decoder, start, bytes.count, &info))
            let region = try request.storedRegion(width: info.width, height: info.height)
            buffer.prepare(width: region.width, height: region.height, channels: request.layout.channels)
            let area = CImageArea(left: region.left, top: region.top, width: region.width, height: region.height)
            try unsafe buffer.withTarget { target in
                try check(unsafe cimage_png_read(decoder, area, request.layout.inC, target))
            }
        }
    }

    private func check(_ status: CImageStatus) throws {
        guard status != CIMAGE_OK else { return }
        throw unsafe ImageError("PNG", status, String(cString: cimage_png_message(decoder)))
    }
}
