/// Images of one size that lie one behind another in files; each is read where it is needed.
struct RecordImages: ImageSource {
    /// In which order the pixels of a channel lie.
    enum Order: String, Sendable {
        case rowByRow
        /// As MATLAB writes them.
        case columnByColumn
    }

    let split: RecordSplit
    let geometry: ImageGeometry
    let order: Order
    let statistics: PixelStatistics

    /// Reads all pixels once, unless that was done before.
    ///
    /// - Parameters:
    ///   - place: What errors call the images.
    /// - Throws: `DatasetError` for files that cannot be read, and for more images than can be numbered.
    /// - Precondition: Images of the split have as many bytes as `geometry` says.
    init(
        _ split: RecordSplit, _ geometry: ImageGeometry, order: Order = .rowByRow, place: String, remedy: String
    ) throws {
        precondition(split.imageSize == geometry.count, "images of \(split.imageSize) bytes as \(geometry)")
        guard split.count > 0, split.count <= Int32.max else {
            throw DatasetError(
                place: place, problem: "holds \(split.count) images; 1 to \(Int32.max) can be used", remedy: remedy)
        }
        self.split = split
        self.geometry = geometry
        self.order = order
        let (bytes, isTooLarge) = split.count.multipliedReportingOverflow(by: split.imageSize)
        statistics = try PixelStatistics.kept(
            of: split.fileDescription, bytes: isTooLarge ? .max : bytes, channels: geometry.channels
        ) {
            var counter = PixelStatistics.Counter(count: split.count, geometry)
            try split.forEachPiece { counter.add($0) }
            return counter.statistics
        }
    }

    var count: Int { split.count }
    var channels: Int { geometry.channels }
    var uniformSize: ImageSize? { ImageSize(height: geometry.height, width: geometry.width) }
    var fingerprint: Fingerprint { statistics.fingerprint }
    func state(of image: Int) -> String? { split.state(of: image) }
    func makeReader() -> any ImageReader { Reader(self) }

    private final class Reader: ImageReader {
        private let images: RecordImages
        private var image = 0
        /// Of the image that was read last.
        private var pixels: [UInt8] = []

        init(_ images: RecordImages) { self.images = images }

        func open(_ image: Int) -> ImageSize {
            precondition(image >= 0 && image < images.count, "image \(image) of \(images.count)")
            self.image = image
            return ImageSize(height: images.geometry.height, width: images.geometry.width)
        }

        func withPixels(
            of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
        ) throws {
            try images.split.read(image, into: &pixels)
            let geometry = images.geometry
            let (rowStride, columnStride) =
                images.order == .rowByRow ? (geometry.width, 1) : (1, geometry.height)
            let layout = PixelLayout(
                height: region.height, width: region.width, channels: geometry.channels,
                start: region.top * rowStride + region.left * columnStride, rowStride: rowStride,
                columnStride: columnStride, channelStride: geometry.height * geometry.width)
            // A name for the array's memory while it is read; it is the reader's alone again after that.
            let values = pixels
            body(values.span, layout)
        }
    }
}
