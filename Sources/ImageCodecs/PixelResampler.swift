import CImageCodecs

/// How pixels between pixels are found; both are widened by the factor of a reduction, against aliasing.
package enum ResampleFilter: String, Hashable, Sendable, CaseIterable {
    case bilinear
    /// Keys' cubic with a = −0.5.
    case bicubic

    /// Pixels to each side at a factor of 1.
    fileprivate var support: Double { self == .bilinear ? 1 : 2 }

    /// As Pillow computes it, to the last bit.
    fileprivate func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        let a = -0.5
        switch self {
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        }
    }
}

/// Resizes 8-bit pixels, bit for bit as Pillow's `Image.resize(size, resample, box)` does; keeps its working memory.
package struct PixelResampler: Sendable {
    package let filter: ResampleFilter
    private var horizontal = FixedPointAxis()
    private var vertical = FixedPointAxis()
    /// Rows after the first pass, [rows that are needed, width, channels].
    private var rows: [UInt8] = []

    package init(filter: ResampleFilter) { self.filter = filter }

    /// Resizes a box of `source` to `width`×`height`.
    ///
    /// - Parameters:
    ///   - region: What of `source` counts as the picture: nothing outside of it is looked at, as after a crop. None:
    ///     all of it.
    ///   - box: In pixels of the region, none: all of it. Pixels of the region beside the box take part at its edges.
    package mutating func resize(
        _ source: PixelBuffer, region: PixelRegion? = nil, box: PixelBox? = nil, width: Int, height: Int,
        into target: inout PixelBuffer
    ) {
        let region = region ?? PixelRegion(left: 0, top: 0, width: source.width, height: source.height)
        let box =
            box ?? PixelBox(left: 0, top: 0, width: Double(region.width), height: Double(region.height))
        precondition(width > 0 && height > 0, "a picture of \(width)×\(height) pixels")
        precondition(
            region.fits(width: source.width, height: source.height),
            "\(region) of \(source.width)×\(source.height) pixels")
        precondition(
            box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0
                && box.left + box.width <= Double(region.width) && box.top + box.height <= Double(region.height),
            "\(box) of \(region.width)×\(region.height) pixels")
        horizontal.prepare(filter, input: region.width, from: box.left, width: box.width, output: width)
        vertical.prepare(filter, input: region.height, from: box.top, width: box.height, output: height)
        target.prepare(width: width, height: height, channels: source.channels)
        let channels = source.channels
        let rowBytes = source.width * channels
        let start = (region.top + vertical.begin) * rowBytes + (region.left + horizontal.begin) * channels
        let needsRows = !horizontal.changesNothing
        if needsRows, rows.count < vertical.used * width * channels {
            rows = []
            rows = Array(repeating: 0, count: vertical.used * width * channels)
        }
        let (horizontal, vertical) = (horizontal, vertical)
        let overreads =
            start + (vertical.used - 1) * rowBytes + horizontal.used * channels < source.storage.count
        unsafe source.storage.withUnsafeBufferPointer { source in
            unsafe rows.withUnsafeMutableBufferPointer { rows in
                unsafe target.withTarget { target in
                    guard var from = unsafe source.baseAddress.map({ unsafe $0 + start }) else { return }
                    var stride = rowBytes
                    if needsRows, let middle = rows.baseAddress {
                        unsafe horizontal.withAxis { axis in
                            unsafe cimage_resample_rows(
                                from, stride, vertical.used, Int32(channels), axis, overreads, middle)
                        }
                        unsafe from = UnsafePointer(middle)
                        stride = width * channels
                    }
                    unsafe vertical.withAxis { axis in
                        unsafe cimage_resample_columns(from, stride, width * channels, axis, target)
                    }
                }
            }
        }
    }
}

/// Weights along one axis, in numbers with 22 bits behind the point.
private struct FixedPointAxis {
    /// First input of each output, counted from `begin`, and how many.
    private var first: [Int32] = []
    private var taps: [Int32] = []
    /// [output, stride].
    private var weights: [Int32] = []
    private var stride = 0
    private var exact: [Double] = []
    /// The first input that any output needs, and how many there are up to the last.
    private(set) var begin = 0
    private(set) var used = 0
    /// Whether outputs are the inputs.
    private(set) var changesNothing = false
    private var prepared: Parameters?

    private struct Parameters: Equatable {
        let filter: ResampleFilter
        let input: Int
        let from: Double
        let width: Double
        let output: Int
    }

    /// Allocates only where larger than ever before.
    mutating func prepare(_ filter: ResampleFilter, input: Int, from: Double, width: Double, output: Int) {
        let parameters = Parameters(filter: filter, input: input, from: from, width: width, output: output)
        guard parameters != prepared else { return }
        prepared = parameters
        changesNothing = output == input && from == 0 && width == Double(input)
        // Pillow hands over the edges of the box in single precision.
        let (low, high) = (Float(from), Float(from + width))
        let scale = Double(high - low) / Double(output)
        let factor = max(scale, 1)
        let support = filter.support * factor
        stride = 2 * Int(support.rounded(.up)) + 1
        first.removeAll(keepingCapacity: true)
        taps.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        for index in 0..<output {
            let center = Double(low) + (Double(index) + 0.5) * scale
            let least = min(max(0, Int(center - support + 0.5)), input - 1)
            let count = max(0, min(input, Int(center + support + 0.5)) - least)
            exact.removeAll(keepingCapacity: true)
            var sum = 0.0
            for tap in 0..<count {
                let weight = filter.weight((Double(tap + least) - center + 0.5) * (1 / factor))
                exact.append(weight)
                sum += weight
            }
            for tap in 0..<stride {
                var weight = tap < count ? exact[tap] : 0
                if sum != 0 { weight /= sum }
                weights.append(Int32(weight * Double(1 << 22) + (weight < 0 ? -0.5 : 0.5)))
            }
            if index == 0 { begin = least }
            first.append(Int32(least - begin))
            taps.append(Int32(count))
        }
        used = Int((first.last ?? 0) + (taps.last ?? 0))
    }

    func withAxis(_ body: (CImageAxis) -> Void) {
        unsafe first.withUnsafeBufferPointer { first in
            unsafe taps.withUnsafeBufferPointer { taps in
                unsafe weights.withUnsafeBufferPointer { weights in
                    guard let first = first.baseAddress, let taps = taps.baseAddress, let weights = weights.baseAddress
                    else { return }
                    unsafe body(
                        CImageAxis(count: self.taps.count, first: first, taps: taps, weights: weights, stride: stride))
                }
            }
        }
    }
}
