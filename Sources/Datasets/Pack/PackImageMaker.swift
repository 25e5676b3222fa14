import ImageCodecs

/// An image as a pack keeps it.
struct PackedImage: Sendable {
    let bytes: [UInt8]
    let size: ImageSize
    let checksum: UInt64
}

/// Makes images of a pack on one thread.
final class PackImageMaker {
    private let dataset: ImageDataset
    private let settings: PackSettings
    private let reader: any ImageReader
    private var resampler: PixelResampler

    init(_ dataset: ImageDataset, _ settings: PackSettings) {
        self.dataset = dataset
        self.settings = settings
        reader = dataset.source.makeReader()
        resampler = PixelResampler(filter: settings.filter)
    }

    /// - Throws: `DatasetError` that names the file of an image that cannot be read.
    func make(_ image: Int) throws -> PackedImage {
        try DatasetError.naming(dataset.name(of: image) ?? "image \(image) of \(dataset.name)") {
            try made(image)
        }
    }

    private func made(_ image: Int) throws -> PackedImage {
        let size = try reader.open(Int(dataset.sourceIndices[image]))
        let wanted = settings.size(of: size)
        // A source that is asked to be fast may give fewer pixels, as long as they suffice.
        let reduction = Double(min(size.height, size.width)) / Double(min(wanted.height, wanted.width))
        var found = PixelBuffer()
        var box = ImageCodecs.PixelBox(left: 0, top: 0, width: 0, height: 0)
        try reader.withPixels(of: CropRegion(of: size), reduction: reduction) { pixels, layout in
            found = PixelBuffer(
                layout.gathered(pixels), width: layout.width, height: layout.height, channels: layout.channels)
            box = ImageCodecs.PixelBox(
                left: layout.box.left, top: layout.box.top, width: layout.box.width, height: layout.box.height)
        }
        guard found.width != wanted.width || found.height != wanted.height else { return try packed(found) }
        var resized = PixelBuffer()
        resampler.resize(found, box: box, width: wanted.width, height: wanted.height, into: &resized)
        return try packed(resized)
    }

    private func packed(_ pixels: PixelBuffer) throws -> PackedImage {
        let size = ImageSize(height: pixels.height, width: pixels.width)
        let bytes =
            switch settings.encoding {
            case .raw: pixels.pixels
            case .jpeg:
                try pixels.withPixels { values in
                    try ImageEncoder.jpeg(
                        values, width: pixels.width, height: pixels.height, channels: pixels.channels,
                        quality: settings.quality ?? 90, chroma: settings.fullChroma == true ? .full : .half)
                }
            }
        guard UInt32(exactly: bytes.count) != nil else {
            throw ImageError(.tooLarge, "has \(bytes.count) bytes, more than a pack can hold", remedy: "resize it")
        }
        return PackedImage(bytes: bytes, size: size, checksum: StoredWords.checksum(bytes, first: bytes.count))
    }
}
