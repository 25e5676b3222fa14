package import ImageCodecs

/// Images that are encoded files (JPEG, PNG, WebP), decoded where they are needed.
///
/// The fingerprint is over names and sizes of the files, not over their contents, which would have to be read for it;
/// `ContentSample` looks at a few.
package struct EncodedImages: ImageSource {
    /// How files are decoded.
    package struct Decoding: Sendable, Hashable {
        /// 1: luma, as Pillow's `convert("L")`; 3: `convert("RGB")`.
        package var channels = 3
        /// A JPEG is decoded at the fraction of its size that suffices.
        package var isFast = false
        /// Images are turned as EXIF says.
        package var appliesOrientation = false
        /// Most pixels of an image, and bytes of a file.
        package var maximumPixels = ImageLimits().pixels
        package var maximumBytes = ImageLimits().bytes

        package init() {}

        package var limits: ImageLimits { ImageLimits(pixels: maximumPixels, bytes: maximumBytes) }
    }

    package let files: any EncodedFiles
    package let decoding: Decoding
    package let fingerprint: Fingerprint

    package init(_ files: any EncodedFiles, decoding: Decoding) {
        precondition([1, 3].contains(decoding.channels), "\(decoding.channels) channels")
        self.files = files
        self.decoding = decoding
        var hash = Fingerprint()
        files.add(to: &hash)
        fingerprint = hash
    }

    /// One file, which no data set holds.
    package init(file path: String, decoding: Decoding) { self.init(SingleFile(path: path), decoding: decoding) }

    /// The files of an index.
    ///
    /// - Parameters:
    ///   - notes: What the scan of a folder left out.
    ///   - remedy: What to do about a file that is missing.
    package init(
        _ index: ImageIndex, notes: FolderNotes? = nil, decoding: Decoding = Decoding(), remedy: String
    ) {
        self.init(IndexedFiles(index, notes: notes, remedy: remedy), decoding: decoding)
    }

    package var count: Int { files.count }
    package var channels: Int { decoding.channels }
    package var uniformSize: ImageSize? { nil }
    package func name(of image: Int) -> String? { files.name(of: image) }
    package func state(of image: Int) -> String? {
        let limits = decoding.limits
        return files.version(of: image).map {
            "\($0) \(limits.pixels) \(limits.bytes) \(limits.scans) \(files.place(of: image))"
        }
    }
    package func makeReader() -> any ImageReader { Reader(self) }

    private final class Reader: ImageReader {
        private let images: EncodedImages
        private let limits: ImageLimits
        private let decoder: ImageDecoder
        /// The file of the image that is open, in the first `size` bytes.
        private var bytes: [UInt8] = []
        private var size = 0
        private var image = 0
        private var pixels = PixelBuffer()

        init(_ images: EncodedImages) {
            self.images = images
            limits = images.decoding.limits
            decoder = ImageDecoder(limits: limits, appliesOrientation: images.decoding.appliesOrientation)
        }

        func open(_ image: Int) throws -> ImageSize {
            precondition(image >= 0 && image < images.count, "image \(image) of \(images.count)")
            self.image = image
            size = 0
            size = try images.files.read(image, limit: limits.bytes, into: &bytes)
            return try naming {
                let header = try ImageHeader(bytes.span.extracting(0..<size))
                // A view is chosen by the size: one that no decoder would accept must not get there.
                try limits.check(width: header.width, height: header.height)
                let isTurned = decoder.appliesOrientation && header.orientation.swapsSides
                return ImageSize(
                    height: isTurned ? header.width : header.height, width: isTurned ? header.height : header.width)
            }
        }

        func withPixels(
            of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
        ) throws {
            var detail = DecodeDetail.exact
            if images.decoding.isFast, reduction > 1 {
                func needed(_ length: Int) -> Int { Int((Double(length) / reduction).rounded(.up)) }
                detail = .fast(width: needed(region.width), height: needed(region.height))
            }
            let (bytes, size) = (bytes, size)
            try naming {
                let file = bytes.span.extracting(0..<size)
                try decoder.decode(
                    file, as: images.channels == 1 ? .grey : .rgb,
                    region: PixelRegion(
                        left: region.left, top: region.top, width: region.width, height: region.height),
                    detail: detail, into: &pixels)
            }
            let box = pixels.box
            let layout = PixelLayout.interleaved(
                height: pixels.height, width: pixels.width, channels: pixels.channels,
                box: PixelBox(top: box.top, left: box.left, height: box.height, width: box.width))
            pixels.withPixels { body($0, layout) }
        }

        /// Says which file an error is about, and which key can help.
        private func naming<Result>(_ body: () throws -> Result) throws -> Result {
            do { return try body() } catch let error as ImageError {
                throw DatasetError(
                    place: images.files.place(of: image), problem: error.problem,
                    remedy: images.files.remedy(for: error), isAboutBytes: error.isAboutBytes)
            }
        }
    }
}
