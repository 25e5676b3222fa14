/// 8-bit images of one size, in memory.
package struct InMemoryImages: ImageSource {
    package let count: Int
    package let geometry: ImageGeometry
    /// [n, channels, height, width].
    package let pixels: [UInt8]
    package let fingerprint: Fingerprint

    /// - Precondition: `pixels` are whole images, of at least one pixel.
    package init(_ geometry: ImageGeometry, pixels: [UInt8]) {
        precondition(
            geometry.count > 0 && pixels.count % geometry.count == 0, "\(pixels.count) pixels for images of \(geometry)"
        )
        self.geometry = geometry
        self.pixels = pixels
        count = pixels.count / geometry.count
        var hash = Fingerprint()
        for extent in [count, geometry.channels, geometry.height, geometry.width] { hash.add(UInt64(extent)) }
        hash.add(pixels)
        fingerprint = hash
    }

    package var channels: Int { geometry.channels }
    package var uniformSize: ImageSize? { ImageSize(height: geometry.height, width: geometry.width) }
    package var isInMemory: Bool { true }
    package func makeReader() -> any ImageReader { Reader(self) }

    private final class Reader: ImageReader {
        private let images: InMemoryImages
        private var image = 0

        init(_ images: InMemoryImages) { self.images = images }

        func open(_ image: Int) -> ImageSize {
            precondition(image >= 0 && image < images.count, "image \(image) of \(images.count)")
            self.image = image
            return ImageSize(height: images.geometry.height, width: images.geometry.width)
        }

        func withPixels(of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void) {
            let geometry = images.geometry
            let layout = PixelLayout(
                height: region.height, width: region.width, channels: geometry.channels,
                start: image * geometry.count + region.top * geometry.width + region.left, rowStride: geometry.width,
                columnStride: 1, channelStride: geometry.height * geometry.width)
            let pixels = images.pixels
            body(pixels.span, layout)
        }
    }
}
