/// Mean and standard deviation of each channel, in units where a pixel is 0…1.
package struct Normalization: Sendable, Hashable {
    package let mean: [Double]
    package let standardDeviation: [Double]

    package init(mean: [Double], standardDeviation: [Double]) {
        precondition(
            mean.count == standardDeviation.count,
            "\(mean.count) means with \(standardDeviation.count) standard deviations")
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// Of grey images in three channels, or of the luma of colour images.
    ///
    /// - Returns: None for other numbers of channels. The luma's deviation is that of channels that vary together, as those
    ///   of photographs nearly do: it depends on these numbers alone, whatever the images lie in.
    package func converted(toChannels wanted: Int) -> Normalization? {
        switch (mean.count, wanted) {
        case (wanted, _): return self
        case (1, 3):
            return Normalization(
                mean: Array(repeating: mean[0], count: 3),
                standardDeviation: Array(repeating: standardDeviation[0], count: 3))
        case (3, 1):
            let weights = [0.299, 0.587, 0.114]
            func luma(_ values: [Double]) -> [Double] { [zip(weights, values).reduce(0) { $0 + $1.0 * $1.1 }] }
            return Normalization(mean: luma(mean), standardDeviation: luma(standardDeviation))
        default: return nil
        }
    }

    /// Of all pixels of each channel, exactly.
    ///
    /// - Parameter pixels: [n, channels, plane].
    init(pixels: [UInt8], channels: Int, plane: Int) {
        var histogram = [[Int]](repeating: Array(repeating: 0, count: 256), count: channels)
        for start in stride(from: 0, to: pixels.count, by: plane) {
            let channel = start / plane % channels
            for pixel in pixels[start..<start + plane] { histogram[channel][Int(pixel)] += 1 }
        }
        self.init(histograms: histogram)
    }

    /// Of pixels that were counted: how many of each channel have each value, [channels][256].
    package init(histograms histogram: [[Int]]) {
        let total = Double(histogram.first?.reduce(0, +) ?? 0)
        mean = histogram.map { counts in
            counts.enumerated().reduce(0) { $0 + Double($1.offset) * Double($1.element) } / total / 255
        }
        standardDeviation = zip(histogram, mean).map { counts, mean in
            let variance = counts.enumerated().reduce(0.0) { sum, entry in
                let deviation = Double(entry.offset) / 255 - mean
                return sum + deviation * deviation * Double(entry.element)
            }
            return (variance / total).squareRoot()
        }
    }
}
