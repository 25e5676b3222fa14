import CImageCodecs

/// libjpeg-turbo's decoder: accurate integer transform, interpolated chroma.
@safe
final class JPEGDecoder {
    private let decoder: OpaquePointer

    init() throws {
        guard let decoder = unsafe cimage_jpeg_create() else { throw ImageError(.noMemory, "JPEG: no memory") }
        unsafe self.decoder = decoder
    }

    deinit { unsafe cimage_jpeg_destroy(decoder) }

    /// Of the last file.
    var remarks: [ImageRemark] {
        let bits = unsafe cimage_jpeg_remarks(decoder)
        guard bits != 0 else { return [] }
        let names: [(CImageRemark, ImageRemark)] = [
            (CIMAGE_REMARK_EXTRANEOUS, .extraneousBytes), (CIMAGE_REMARK_PROGRESSION, .oddProgression),
            (CIMAGE_REMARK_OTHER, .otherRemark), (CIMAGE_REMARK_INCOMPLETE, .incomplete),
        ]
        return names.filter { bits & $0.0.rawValue != 0 }.map(\.1)
    }

    func decode(_ bytes: Span<UInt8>, _ request: DecodeRequest, into buffer: inout PixelBuffer) throws {
        try unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { throw ImageError(.truncated, "JPEG: is empty") }
            var info = CImageJPEGInfo()
            let scans = Int32(clamping: max(1, request.limits.scans))
            try check(unsafe cimage_jpeg_open(decoder, start, bytes.count, scans, &info))
            let region = try request.storedRegion(width: info.width, height: info.height)
            let denominator = request.denominator(for: region)
            let area = reduced(region, by: denominator)
            buffer.prepare(width: area.width, height: area.height, channels: request.layout.channels)
            buffer.denominator = denominator
            let unit = Double(denominator)
            buffer.box = PixelBox(
                left: Double(region.left) / unit - Double(area.left), top: Double(region.top) / unit - Double(area.top),
                width: Double(region.width) / unit, height: Double(region.height) / unit)
            try unsafe buffer.withTarget { target in
                try check(
                    unsafe cimage_jpeg_read(
                        decoder, area, Int32(denominator), request.layout.inC, request.detail != .exact, target))
            }
        }
    }

    /// The pixels of the reduced picture that hold any of the region.
    private func reduced(_ region: PixelRegion, by denominator: Int) -> CImageArea {
        let (left, top) = (region.left / denominator, region.top / denominator)
        let right = (region.left + region.width + denominator - 1) / denominator
        let bottom = (region.top + region.height + denominator - 1) / denominator
        return CImageArea(left: left, top: top, width: right - left, height: bottom - top)
    }

    private func check(_ status: CImageStatus) throws {
        guard status != CIMAGE_OK else { return }
        throw unsafe ImageError("JPEG", status, String(cString: cimage_jpeg_message(decoder)))
    }
}

extension PixelLayout {
    var inC: CImageLayout {
        switch self {
        case .grey: CIMAGE_GREY
        case .rgb: CIMAGE_RGB
        case .indices: CIMAGE_INDICES
        }
    }
}

extension ImageError {
    /// A status of the C functions, with the library's words.
    init(_ format: String, _ status: CImageStatus, _ message: String) {
        let problem = "\(format): \(message)"
        switch status {
        case CIMAGE_TRUNCATED: self.init(.truncated, "\(format): ends before its picture does (\(message))")
        case CIMAGE_UNSUPPORTED: self.init(.unsupported, problem)
        case CIMAGE_TOO_MANY_SCANS: self.init(.unsupported, problem)
        case CIMAGE_NO_MEMORY: self.init(.noMemory, problem)
        default: self.init(.damaged, problem)
        }
    }
}
