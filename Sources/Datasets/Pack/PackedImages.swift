import ImageCodecs

/// Images of one split of a pack.
///
/// Read by `pread` and not through a map of memory: a file that is cut off while it is read gives an error, where a map would
/// end the process. What the system has read stays in its cache in either case.
package struct PackedImages: ImageSource {
    package let split: PackSplit
    package let channels: Int
    package let uniformSize: ImageSize?
    package let fingerprint: Fingerprint
    /// Whether a JPEG is decoded at the fraction that suffices.
    package let isFast: Bool

    /// - Parameter channels: Of JPEGs, 1 or 3: what they are decoded to; none: what was packed. Pixels are what they are.
    package init(_ split: PackSplit, channels: Int? = nil, isFast: Bool = false) {
        self.split = split
        let packed = split.pack.channels
        self.channels = split.pack.encoding == .raw ? packed : channels ?? packed
        self.isFast = isFast
        uniformSize = split.uniformSize
        var hash = Fingerprint()
        split.addContents(to: &hash)
        fingerprint = hash
    }

    package var count: Int { split.count }
    package func size(of image: Int) -> ImageSize? { split.size(of: image) }
    package func name(of image: Int) -> String? { split.fileName(of: image) }
    package func state(of image: Int) -> String? {
        let (shard, entry) = split.place(of: image)
        return "\(shard.stamp.version) \(channels) \(shard.path) image \(entry)"
    }
    package func makeReader() -> any ImageReader { split.pack.encoding == .raw ? RawReader(split) : JPEGReader(self) }
}

extension PackSplit {
    /// Where an image is, for messages.
    func place(ofImage image: Int, _ shard: PackShard, _ entry: PackEntry) -> String {
        let name = fileName(of: image).map { " (\($0))" } ?? ""
        return "\(shard.path): image \(image) of \(self.name)\(name), at byte \(entry.offset)"
    }

    func damaged(_ image: Int, _ shard: PackShard, _ entry: PackEntry, _ problem: String) -> DatasetError {
        DatasetError(place: place(ofImage: image, shard, entry), problem: problem, remedy: Pack.remedy)
    }
}

/// Reads the rows that are asked for. A whole image is compared with its checksum.
private final class RawReader: ImageReader {
    private let split: PackSplit
    private let channels: Int
    private var image = 0
    /// The rows that were read last, at the front.
    private var bytes: [UInt8] = []

    init(_ split: PackSplit) {
        self.split = split
        channels = split.pack.channels
    }

    func open(_ image: Int) -> ImageSize {
        self.image = image
        return split.size(of: image)
    }

    func withPixels(
        of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
    ) throws {
        let (shard, number) = split.place(of: image)
        let entry = shard.entries[number]
        let rowBytes = Int(entry.width) * channels
        let count = region.height * rowBytes
        try split.pack.file(shard)
            .read(at: Int(entry.offset) + region.top * rowBytes, count: count, toFrontOf: &bytes)
        if count == Int(entry.length), StoredWords.checksum(bytes, first: count) != entry.checksum {
            throw split.damaged(image, shard, entry, "its pixels do not have the checksum of the index")
        }
        let layout = PixelLayout(
            height: region.height, width: region.width, channels: channels, start: region.left * channels,
            rowStride: rowBytes, columnStride: channels, channelStride: 1)
        // A name for the array's memory while it is read; it is the reader's alone again after that.
        let values = bytes
        body(values.span.extracting(0..<count), layout)
    }
}

/// Decodes what is asked for, once the bytes have been compared with their checksum.
private final class JPEGReader: ImageReader {
    private let images: PackedImages
    private let decoder = ImageDecoder()
    private var image = 0
    private var bytes: [UInt8] = []
    private var pixels = PixelBuffer()

    init(_ images: PackedImages) { self.images = images }

    func open(_ image: Int) -> ImageSize {
        self.image = image
        return images.split.size(of: image)
    }

    func withPixels(
        of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
    ) throws {
        let (shard, number) = images.split.place(of: image)
        let entry = shard.entries[number]
        let count = Int(entry.length)
        try images.split.pack.file(shard).read(at: Int(entry.offset), count: count, toFrontOf: &bytes)
        guard StoredWords.checksum(bytes, first: count) == entry.checksum else {
            throw images.split.damaged(image, shard, entry, "its bytes do not have the checksum of the index")
        }
        var detail = DecodeDetail.exact
        if images.isFast, reduction > 1 {
            func needed(_ length: Int) -> Int { Int((Double(length) / reduction).rounded(.up)) }
            detail = .fast(width: needed(region.width), height: needed(region.height))
        }
        let bytes = bytes
        let file = bytes.span.extracting(0..<count)
        do {
            let header = try ImageHeader(file)
            guard header.width == Int(entry.width), header.height == Int(entry.height) else {
                throw ImageError(
                    .damaged, "has \(header.width)×\(header.height) pixels, in the index \(entry.width)×\(entry.height)"
                )
            }
            try decoder.decode(
                file, as: images.channels == 1 ? .grey : .rgb,
                region: PixelRegion(left: region.left, top: region.top, width: region.width, height: region.height),
                detail: detail, into: &pixels)
        } catch let error as ImageError {
            throw images.split.damaged(image, shard, entry, error.problem)
        }
        let box = pixels.box
        let layout = PixelLayout.interleaved(
            height: pixels.height, width: pixels.width, channels: pixels.channels,
            box: PixelBox(top: box.top, left: box.left, height: box.height, width: box.width))
        pixels.withPixels { body($0, layout) }
    }
}
