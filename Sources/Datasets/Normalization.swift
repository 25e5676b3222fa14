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

    /// Of all pixels of each channel, exactly.
    ///
    /// - Parameter pixels: [n, channels, plane].
    init(pixels: [UInt8], channels: Int, plane: Int) {
        var histogram = [[Int]](repeating: Array(repeating: 0, count: 256), count: channels)
        for start in stride(from: 0, to: pixels.count, by: plane) {
            let channel = start / plane % channels
            for pixel in pixels[start..<start + plane] { histogram[channel][Int(pixel)] += 1 }
        }
        let total = Double(pixels.count / channels)
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
