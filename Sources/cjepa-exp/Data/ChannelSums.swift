import Datasets

/// How often each value of each channel occurs: exact sums, whatever the order of images and threads.
struct ChannelSums: Sendable {
    /// [3, 256]; of grey images the first channel, of which there are then three alike.
    private var counts = [Int](repeating: 0, count: 3 * 256)
    /// Whether any image has colours.
    private(set) var hasColour = false

    var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    mutating func add(_ values: Span<UInt8>, _ layout: Datasets.PixelLayout) {
        let isColour = layout.channels >= 3
        hasColour = hasColour || isColour
        for row in 0..<layout.height {
            for column in 0..<layout.width {
                let place = layout.start + row * layout.rowStride + column * layout.columnStride
                for channel in 0..<3 {
                    let value = values[isColour ? place + channel * layout.channelStride : place]
                    counts[channel << 8 | Int(value)] &+= 1
                }
            }
        }
    }

    mutating func add(_ other: ChannelSums) {
        hasColour = hasColour || other.hasColour
        for place in counts.indices { counts[place] &+= other.counts[place] }
    }

    /// Mean and standard deviation of each channel over all pixels, where a pixel is 0…1; one channel where all images
    /// are grey.
    var moments: (mean: [Double], deviation: [Double]) {
        let channels = (0..<(hasColour ? 3 : 1)).map { Array(counts[$0 << 8..<($0 + 1) << 8]) }
        let total = Double(channels[0].reduce(0, &+))
        let mean = channels.map { counts in
            counts.enumerated().reduce(0.0) { $0 + Double($1.offset) * Double($1.element) } / total / 255
        }
        let deviation = zip(channels, mean).map { counts, mean in
            let sum = counts.enumerated().reduce(0.0) { sum, entry in
                let difference = Double(entry.offset) / 255 - mean
                return sum + difference * difference * Double(entry.element)
            }
            return (sum / total).squareRoot()
        }
        return (mean, deviation)
    }
}
