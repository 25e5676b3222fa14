/// What a file may ask for; checked before anything of the picture's size is allocated.
///
/// A picture takes 1 or 3 bytes for each pixel of the result; and while it is decoded, in the worst case for each pixel of
/// the whole picture 8 bytes (progressive JPEG of four components) or 3 (interlaced PNG; WebP of which a region is wanted:
/// 7), kept or freed by the library.
package struct ImageLimits: Hashable, Sendable {
    /// Most pixels of a picture, width × height as stored.
    package var pixels: Int
    /// Most bytes of a file.
    package var bytes: Int
    /// Most passes over a progressive JPEG. Encoders write ten or so; each costs time, and hardly a byte.
    package var scans: Int

    /// - Parameter pixels: By default what Pillow refuses: twice 2³⁰ / 4 / 3.
    package init(pixels: Int = 178_956_970, bytes: Int = 1 << 28, scans: Int = 100) {
        self.pixels = pixels
        self.bytes = bytes
        self.scans = scans
    }

    package func check(bytes count: Int) throws {
        guard count <= bytes else {
            throw ImageError(.tooLarge, "has \(count) bytes, more than the limit of \(bytes)")
        }
    }

    /// Any width and height that a header may state.
    package func check(width: Int, height: Int) throws {
        guard width > 0, height > 0 else {
            throw ImageError(.damaged, "states a size of \(width)×\(height) pixels")
        }
        let (product, isTooLarge) = width.multipliedReportingOverflow(by: height)
        guard !isTooLarge, product <= pixels else {
            throw ImageError(.tooLarge, "has \(width)×\(height) pixels, more than the limit of \(pixels)")
        }
    }
}
