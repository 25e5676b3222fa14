/// How values between pixels are found when an image is resized; both antialiased, as Pillow's.
package enum Interpolation: String, Sendable, Hashable, CaseIterable {
    case bilinear
    case bicubic
}

/// What an evaluation sees of an image: a square of a given side, without chance.
package struct EvaluationView: Sendable, Hashable {
    /// The short side is resized to this, and the central square is cut out, as torchvision's `Resize` and `CenterCrop`
    /// do; none: the whole image is stretched to the square.
    package var shortSide: Int?
    package var interpolation: Interpolation

    package init(shortSide: Int?, interpolation: Interpolation = .bilinear) {
        self.shortSide = shortSide
        self.interpolation = interpolation
    }

    package static let whole = EvaluationView(shortSide: nil)

    /// Which pixels of an image the square of side `side` is made of, and how.
    func sampling(of size: ImageSize, side: Int) -> ViewSampling {
        guard let shortSide else { return .stretching(CropRegion(of: size), to: side) }
        let target = max(shortSide, side)
        let short = min(size.height, size.width)
        // torchvision cuts off the fraction of the long side.
        func resized(_ length: Int) -> Int { length == short ? target : target * length / short }
        let vertical = Self.central(size.height, resized: resized(size.height), side: side, interpolation)
        let horizontal = Self.central(size.width, resized: resized(size.width), side: side, interpolation)
        return ViewSampling(
            region: CropRegion(
                top: vertical.first, left: horizontal.first, height: vertical.count, width: horizontal.count),
            vertical: vertical.axis, horizontal: horizontal.axis)
    }

    /// The inputs that the central outputs of one axis need, and where these lie in them.
    private static func central(
        _ length: Int, resized: Int, side: Int, _ interpolation: Interpolation
    ) -> (first: Int, count: Int, axis: AxisSampling) {
        let scale = Double(length) / Double(resized)
        let offset = Double((Double(resized - side) / 2).rounded(.toNearestOrEven))
        let support = interpolation.support * max(scale, 1)
        let low = max(0, Int((offset + 0.5) * scale - support))
        let high = min(length, Int((offset + Double(side) - 0.5) * scale + support) + 1)
        return (low, high - low, AxisSampling(origin: offset * scale - Double(low), scale: scale))
    }
}

/// Which part of an image is resampled, and where each output lies in it.
struct ViewSampling: Sendable, Hashable {
    let region: CropRegion
    /// In pixels of the region.
    let vertical: AxisSampling
    let horizontal: AxisSampling

    /// A region that becomes a square of this side.
    static func stretching(_ region: CropRegion, to side: Int) -> ViewSampling {
        ViewSampling(
            region: region, vertical: AxisSampling(origin: 0, scale: Double(region.height) / Double(side)),
            horizontal: AxisSampling(origin: 0, scale: Double(region.width) / Double(side)))
    }

    /// Pixels of the image for one of the result, along the side where there are fewer.
    var reduction: Double { min(vertical.scale, horizontal.scale) }
}

/// Where the outputs of one axis lie.
struct AxisSampling: Sendable, Hashable {
    /// Left edge of the first output, in inputs.
    let origin: Double
    /// Inputs for one output.
    let scale: Double

    /// The same where `length` inputs are `box` pixels, the first of which begins at `start`.
    func mapped(start: Double, box: Double, length: Int) -> AxisSampling {
        let factor = box / Double(length)
        return AxisSampling(origin: start + origin * factor, scale: scale * factor)
    }
}

extension CropRegion {
    /// A whole image.
    package init(of size: ImageSize) { self.init(top: 0, left: 0, height: size.height, width: size.width) }
}
