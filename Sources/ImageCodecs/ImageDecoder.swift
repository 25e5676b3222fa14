/// Decodes pictures one after the other with working memory that is kept; one for each thread.
///
/// Equal to Pillow's `Image.open(…).convert("RGB")` or `convert("L")` on the same libraries, but that values of 16 bits
/// are v / 257 rounded, where Pillow cuts them off.
package final class ImageDecoder {
    package var limits: ImageLimits
    /// Whether pictures are turned as EXIF says; regions and sizes are then those of the upright picture.
    package var appliesOrientation: Bool
    /// What libjpeg found strange about the last picture.
    package private(set) var remarks: [ImageRemark] = []

    private var jpeg: JPEGDecoder?
    private var png: PNGDecoder?
    private var webp = WebPDecoder()
    /// The stored picture, where it is turned into the result.
    private var stored = PixelBuffer()

    package init(limits: ImageLimits = ImageLimits(), appliesOrientation: Bool = false) {
        self.limits = limits
        self.appliesOrientation = appliesOrientation
    }

    /// Decodes a picture, or a region of it.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - region: None: all of it. Else only what the region needs is checked for damage.
    package func decode(
        _ bytes: Span<UInt8>, as layout: PixelLayout, region: PixelRegion? = nil, detail: DecodeDetail = .exact,
        into buffer: inout PixelBuffer
    ) throws {
        if !remarks.isEmpty { remarks = [] }
        try limits.check(bytes: bytes.count)
        let format = try ImageFormat.of(bytes)
        let orientation = appliesOrientation ? try ImageHeader(bytes).orientation : .upright
        let request = DecodeRequest(
            layout: layout, region: region, detail: detail, orientation: orientation, limits: limits)
        if orientation == .upright {
            try decode(bytes, format, request, into: &buffer)
        } else {
            try decode(bytes, format, request, into: &stored)
            orientation.apply(stored, into: &buffer)
        }
    }

    package func decode(
        _ bytes: [UInt8], as layout: PixelLayout, region: PixelRegion? = nil, detail: DecodeDetail = .exact,
        into buffer: inout PixelBuffer
    ) throws {
        try decode(bytes.span, as: layout, region: region, detail: detail, into: &buffer)
    }

    private func decode(
        _ bytes: Span<UInt8>, _ format: ImageFormat, _ request: DecodeRequest, into buffer: inout PixelBuffer
    ) throws {
        switch format {
        case .jpeg:
            let decoder = try jpeg ?? JPEGDecoder()
            jpeg = decoder
            try decoder.decode(bytes, request, into: &buffer)
            remarks = decoder.remarks
        case .png:
            let decoder = try png ?? PNGDecoder()
            png = decoder
            try decoder.decode(bytes, request, into: &buffer)
        case .webp:
            try webp.decode(bytes, request, into: &buffer)
        }
    }
}

/// Something strange about a file that is no error.
package enum ImageRemark: String, Hashable, Sendable, CaseIterable {
    case extraneousBytes = "bytes that belong to nothing"
    case oddProgression = "an unusual order of progressive scans"
    case otherRemark = "an unknown marker"
    /// libjpeg's releases smooth what is there a little differently, by 12 levels at most in trials.
    case incomplete = "a progressive picture without its last scans"
}

/// What is wanted of a picture.
struct DecodeRequest {
    let layout: PixelLayout
    /// Of the upright picture.
    let region: PixelRegion?
    let detail: DecodeDetail
    let orientation: ImageOrientation
    let limits: ImageLimits

    /// Checks the size that a header states, and finds the wanted region of the stored picture.
    func storedRegion(width: Int, height: Int) throws -> PixelRegion {
        try limits.check(width: width, height: height)
        guard let region else { return PixelRegion(left: 0, top: 0, width: width, height: height) }
        let (uprightWidth, uprightHeight) = orientation.swapsSides ? (height, width) : (width, height)
        guard region.fits(width: uprightWidth, height: uprightHeight) else {
            throw ImageError(
                .request,
                "the region of \(region.width)×\(region.height) at column \(region.left) and row \(region.top) lies "
                    + "outside of \(uprightWidth)×\(uprightHeight) pixels")
        }
        return orientation.stored(region, width: width, height: height)
    }

    /// The largest reduction that leaves of the stored region what is wanted: 1, 2, 4 or 8.
    func denominator(for region: PixelRegion) -> Int {
        guard case .fast(var width, var height) = detail else { return 1 }
        if orientation.swapsSides { swap(&width, &height) }
        return [8, 4, 2].first { region.width / $0 >= max(1, width) && region.height / $0 >= max(1, height) } ?? 1
    }
}
