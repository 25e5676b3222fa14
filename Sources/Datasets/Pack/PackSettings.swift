import ImageCodecs

/// How images become those of a pack; what decides the bytes of the file besides the images.
package struct PackSettings: Sendable, Hashable, Codable {
    /// How finely a JPEG keeps colour.
    package enum Chroma: String, Sendable, Hashable, CaseIterable {
        /// Half along each side, as cameras do.
        case half
        /// As finely as brightness.
        case full
    }

    package var encoding = PackEncoding.jpeg
    /// Of JPEGs, 1 to 100.
    package var quality: Int? = 90
    /// Whether JPEGs keep colour as finely as brightness.
    package var fullChroma: Bool? = false
    /// What the short side is resized to; larger images stay as they are where it is none, smaller ones in any case.
    package var shortSide: Int? = 256
    /// "bilinear" or "bicubic".
    package var interpolation = Interpolation.bilinear.rawValue

    package init() {}

    /// What does not apply is left out, so that equal packs have equal descriptions.
    package init(
        encoding: PackEncoding, quality: Int = 90, chroma: Chroma = .half, shortSide: Int? = 256,
        interpolation: Interpolation = .bilinear
    ) {
        self.encoding = encoding
        self.quality = encoding == .jpeg ? quality : nil
        fullChroma = encoding == .jpeg ? chroma == .full : nil
        self.shortSide = shortSide
        self.interpolation = interpolation.rawValue
    }

    var filter: ResampleFilter { ResampleFilter(rawValue: interpolation) ?? .bilinear }

    /// The size that an image gets: torchvision's `Resize`, which cuts off the fraction of the long side; but nothing is
    /// enlarged.
    package func size(of image: ImageSize) -> ImageSize {
        let short = min(image.height, image.width)
        guard let shortSide, short > shortSide else { return image }
        func resized(_ length: Int) -> Int { length == short ? shortSide : shortSide * length / short }
        return ImageSize(height: resized(image.height), width: resized(image.width))
    }
}
