/// Where images come from: gives the pixels of one image at a time, and holds no more than it must.
///
/// Images have any size each. A source is shared by threads; what each of them works with is a reader's.
package protocol ImageSource: Sendable {
    /// Number of images.
    var count: Int { get }
    /// Channels of the images, 1 or 3 as a rule; where grey and colour images are mixed, the larger number.
    var channels: Int { get }
    /// The size that all images have; none where they differ.
    var uniformSize: ImageSize? { get }
    /// Whether all pixels are in memory.
    var isInMemory: Bool { get }
    /// Over what all images are: their pixels, or whatever else stands for their contents.
    var fingerprint: Fingerprint { get }

    /// Height and width of an image, where that is known without reading it.
    func size(of image: Int) -> ImageSize?
    /// What people call an image: the name of its file; none where images only have numbers.
    func name(of image: Int) -> String?
    /// What tells an image, where it lies and as its file is now, from any other; none where it lies in no file.
    func state(of image: Int) -> String?
    /// A reader for one thread.
    func makeReader() -> any ImageReader
}

extension ImageSource {
    package var isInMemory: Bool { false }
    package func size(of image: Int) -> ImageSize? { uniformSize }
    package func name(of image: Int) -> String? { nil }
    package func state(of image: Int) -> String? { nil }
}

/// Reads images of a source on one thread; keeps its working memory between images.
package protocol ImageReader: AnyObject {
    /// Turns to an image, with as little reading as its size takes.
    ///
    /// - Throws: `DatasetError` that names the image's file, for what cannot be read.
    func open(_ image: Int) throws -> ImageSize

    /// Hands over pixels of the image that was opened last.
    ///
    /// - Parameters:
    ///   - region: The part that is wanted, inside the image.
    ///   - reduction: Pixels of the image for one pixel of what they will be resized to, along the side where there are
    ///     fewer. A reader may give pixels of the image at a fraction, as long as there are that many.
    ///   - body: Gets the pixels, which are valid while it runs, and where in them the region is.
    /// - Throws: `DatasetError` as `open`.
    func withPixels(
        of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
    ) throws
}

/// Height and width of an image, pixels.
package struct ImageSize: Sendable, Hashable {
    package let height: Int
    package let width: Int

    package init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }
}

/// Where pixels are in memory, and where in them is the region that was asked for.
package struct PixelLayout: Sendable, Hashable {
    /// Of the pixels at hand.
    package let height: Int
    package let width: Int
    package let channels: Int
    /// Place of the first value of the first pixel, and the distances of rows, of columns and of channels.
    package let start: Int
    package let rowStride: Int
    package let columnStride: Int
    package let channelStride: Int
    /// The region in these pixels' units: all of them, unless they are more than the region or at a fraction.
    package let box: PixelBox

    /// Rows after each other, values of a pixel beside each other.
    package static func interleaved(height: Int, width: Int, channels: Int, box: PixelBox? = nil) -> PixelLayout {
        PixelLayout(
            height: height, width: width, channels: channels, start: 0, rowStride: width * channels,
            columnStride: channels, channelStride: 1, box: box)
    }

    package init(
        height: Int, width: Int, channels: Int, start: Int, rowStride: Int, columnStride: Int, channelStride: Int,
        box: PixelBox? = nil
    ) {
        self.height = height
        self.width = width
        self.channels = channels
        self.start = start
        self.rowStride = rowStride
        self.columnStride = columnStride
        self.channelStride = channelStride
        self.box = box ?? PixelBox(top: 0, left: 0, height: Double(height), width: Double(width))
    }

    /// The pixels at hand, rows after each other and the values of a pixel beside each other.
    ///
    /// - Returns: [height, width, channels].
    package func gathered(_ pixels: Span<UInt8>) -> [UInt8] {
        var values = [UInt8](repeating: 0, count: height * width * channels)
        var target = values.mutableSpan
        var output = 0
        for row in 0..<height {
            for column in 0..<width {
                let place = start + row * rowStride + column * columnStride
                for channel in 0..<channels {
                    target[output] = pixels[place + channel * channelStride]
                    output += 1
                }
            }
        }
        return values
    }

    /// One past the last value.
    var end: Int {
        start + (height - 1) * rowStride + (width - 1) * columnStride + (channels - 1) * channelStride + 1
    }
}

/// A part of an image whose edges need not lie between pixels.
package struct PixelBox: Sendable, Hashable {
    package let top: Double
    package let left: Double
    package let height: Double
    package let width: Double

    package init(top: Double, left: Double, height: Double, width: Double) {
        self.top = top
        self.left = left
        self.height = height
        self.width = width
    }
}
