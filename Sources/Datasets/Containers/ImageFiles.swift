package import ImageCodecs

/// Files of their own, one for each image, decoded into three channels; grey ones repeat their value.
package struct ImageFiles: ImageSource {
    package let count: Int
    package let channels = 3
    package let uniformSize: ImageSize? = nil
    package let limits: ImageLimits
    /// Whether images are turned as EXIF says.
    package let appliesOrientation: Bool
    /// Whether a JPEG is decoded at the fraction that suffices.
    package let isFast: Bool
    private let path: @Sendable (Int) -> String

    /// - Parameter path: Path of the file of an image, 0..<count.
    package init(
        count: Int, limits: ImageLimits = ImageLimits(), appliesOrientation: Bool = false, isFast: Bool = false,
        path: @escaping @Sendable (Int) -> String
    ) {
        self.count = count
        self.limits = limits
        self.appliesOrientation = appliesOrientation
        self.isFast = isFast
        self.path = path
    }

    /// Over the number of files alone: it names no result.
    package var fingerprint: Fingerprint {
        var hash = Fingerprint()
        hash.add(UInt64(count))
        return hash
    }

    package func name(of image: Int) -> String? { path(image) }
    package func makeReader() -> any ImageReader { Reader(self) }

    /// The bytes of an image's file.
    ///
    /// - Throws: `DatasetError` for a file that is missing, cannot be read, or is larger than the limit.
    package static func bytes(of path: String, limits: ImageLimits) throws -> [UInt8] {
        let file = try PositionalFile(path: path, remedy: "restore the file, or remove it from the data set")
        guard file.size <= limits.bytes else {
            throw file.failure("has \(file.size) bytes, more than the limit of \(limits.bytes)")
        }
        return try file.read(at: 0, count: file.size)
    }

    private final class Reader: ImageReader {
        private let files: ImageFiles
        private let decoder: ImageDecoder
        private var bytes: [UInt8] = []
        private var path = ""
        private var buffer = PixelBuffer()

        init(_ files: ImageFiles) {
            self.files = files
            decoder = ImageDecoder(limits: files.limits, appliesOrientation: files.appliesOrientation)
        }

        func open(_ image: Int) throws -> ImageSize {
            precondition(image >= 0 && image < files.count, "image \(image) of \(files.count)")
            path = files.path(image)
            bytes = try ImageFiles.bytes(of: path, limits: files.limits)
            return try DatasetError.naming(path) {
                let header = try ImageHeader(bytes)
                let size =
                    files.appliesOrientation ? header.orientedSize : (width: header.width, height: header.height)
                return ImageSize(height: size.height, width: size.width)
            }
        }

        func withPixels(
            of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, Datasets.PixelLayout) -> Void
        ) throws {
            func least(_ length: Int) -> Int { max(1, Int((Double(length) / max(1, reduction)).rounded(.up))) }
            try DatasetError.naming(path) {
                try decoder.decode(
                    bytes, as: .rgb,
                    region: PixelRegion(
                        left: region.left, top: region.top, width: region.width, height: region.height),
                    detail: files.isFast ? .fast(width: least(region.width), height: least(region.height)) : .exact,
                    into: &buffer)
            }
            let box = Datasets.PixelBox(
                top: buffer.box.top, left: buffer.box.left, height: buffer.box.height, width: buffer.box.width)
            let layout = Datasets.PixelLayout.interleaved(
                height: buffer.height, width: buffer.width, channels: buffer.channels, box: box)
            buffer.withPixels { body($0, layout) }
        }
    }
}

extension DatasetError {
    /// An error about the bytes of a file with the file's name.
    package static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ImageError {
            throw DatasetError(place: path, problem: error.problem, remedy: error.remedy)
        }
    }
}
