/// The pixels of a decoded picture, interleaved; used again for the next picture without allocation once it is large
/// enough.
package struct PixelBuffer: Sendable {
    package private(set) var width = 0
    package private(set) var height = 0
    /// Bytes of a pixel: 1 or 3.
    package private(set) var channels = 1
    /// Where the region that was asked for lies among the pixels: all of them, unless the picture was decoded at a
    /// fraction of its size, where edges may lie between pixels.
    package internal(set) var box = PixelBox(left: 0, top: 0, width: 0, height: 0)
    /// By what the decoded pixels are fewer along each side: 1, 2, 4 or 8.
    package internal(set) var denominator = 1
    /// [height, width, channels]; what lies behind is left from earlier pictures.
    package private(set) var storage: [UInt8] = []

    package init() {}

    /// - Parameter pixels: [height, width, channels].
    package init(_ pixels: [UInt8], width: Int, height: Int, channels: Int) {
        precondition(width > 0 && height > 0 && (channels == 1 || channels == 3), "\(width)×\(height)×\(channels)")
        precondition(pixels.count == width * height * channels, "\(pixels.count) of \(width)×\(height)×\(channels)")
        self.width = width
        self.height = height
        self.channels = channels
        box = PixelBox(left: 0, top: 0, width: Double(width), height: Double(height))
        storage = pixels
    }

    /// Bytes of the picture in `storage`.
    package var count: Int { width * height * channels }

    /// The picture by itself, [height, width, channels].
    package var pixels: [UInt8] { Array(storage.prefix(count)) }

    package func withPixels<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.span.extracting(0..<count))
    }

    /// Makes room for a picture of a size that the limits have passed; its pixels are to be written.
    mutating func prepare(width: Int, height: Int, channels: Int) {
        self.width = width
        self.height = height
        self.channels = channels
        box = PixelBox(left: 0, top: 0, width: Double(width), height: Double(height))
        denominator = 1
        if storage.count < count {
            // What was there is not needed: nothing is copied, and only one of the two is held at a time.
            storage = []
            storage = Array(repeating: 0, count: count)
        }
    }

    /// The place that the pixels are written to.
    mutating func withTarget<Result>(_ body: (UnsafeMutablePointer<UInt8>) throws -> Result) rethrows -> Result? {
        try unsafe storage.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return nil }
            return try unsafe body(start)
        }
    }

    mutating func withBytes<Result>(_ body: (inout MutableSpan<UInt8>) throws -> Result) rethrows -> Result {
        var span = storage.mutableSpan
        return try body(&span)
    }
}
