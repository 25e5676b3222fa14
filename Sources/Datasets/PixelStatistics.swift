/// What one pass over all pixels of a source finds out.
struct PixelStatistics: Sendable, Hashable, Codable {
    /// Over sizes and pixels.
    let fingerprint: Fingerprint
    /// How many pixels of each channel have each value, [channels][256].
    let histograms: [[Int]]

    /// Mean and standard deviation of each channel.
    ///
    /// - Parameter remedy: What to do about images that are all one colour.
    /// - Throws: `DatasetError` where a channel has the same value everywhere.
    func normalization(place: String, remedy: String) throws -> Normalization {
        let result = Normalization(histograms: histograms)
        guard result.standardDeviation.allSatisfy({ $0 > 0 }) else {
            throw DatasetError(
                place: place, problem: "all pixels of a channel have the same value, so it cannot be normalised",
                remedy: remedy)
        }
        return result
    }

    /// Fewer bytes of pixels are counted faster than it is worth keeping a file.
    private static let worthwhile = 32 << 20

    /// What `count` finds, or found in an earlier process.
    ///
    /// - Parameters:
    ///   - description: Of the files and of the pixels in them; their stamps are part of it, so that a file that has
    ///     changed is another. None: the pixels are in no file.
    ///   - bytes: Of all pixels.
    static func kept(
        of description: String?, bytes: Int, channels: Int, count: () throws -> PixelStatistics
    ) rethrows -> PixelStatistics {
        guard let description, bytes >= worthwhile else { return try count() }
        var key = Fingerprint()
        key.add(description)
        func isValid(_ found: PixelStatistics) -> Bool {
            found.histograms.count == channels
                && found.histograms.allSatisfy { $0.count == 256 && $0.allSatisfy { (0...1 << 50).contains($0) } }
        }
        return try ScanCache.standard.value("statistics", key, isCostly: true, isValid: isValid, make: count)
    }

    /// Counts images of one size as they come.
    struct Counter {
        private var hash = Fingerprint()
        private var histograms: [[Int]]
        private let geometry: ImageGeometry
        private let isInterleaved: Bool

        /// - Parameter isInterleaved: Whether the values of a pixel lie beside each other; else channel after channel.
        init(count: Int, _ geometry: ImageGeometry, isInterleaved: Bool = false) {
            self.geometry = geometry
            self.isInterleaved = isInterleaved
            histograms = Array(repeating: Array(repeating: 0, count: 256), count: geometry.channels)
            for extent in [count, geometry.channels, geometry.height, geometry.width] { hash.add(UInt64(extent)) }
        }

        /// - Parameter pixels: Whole images. What comes in pieces has the fingerprint of the whole where pieces are a multiple
        ///   of eight bytes.
        mutating func add(_ pixels: [UInt8]) {
            hash.add(pixels)
            let (channels, plane) = (geometry.channels, geometry.height * geometry.width)
            unsafe pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<channels {
                    unsafe histograms[channel].withUnsafeMutableBufferPointer { counts in
                        if isInterleaved {
                            for place in stride(from: channel, to: pixels.count, by: channels) {
                                unsafe counts[Int(pixels[place])] += 1
                            }
                        } else {
                            for start in stride(from: channel * plane, to: pixels.count, by: channels * plane) {
                                for place in start..<start + plane { unsafe counts[Int(pixels[place])] += 1 }
                            }
                        }
                    }
                }
            }
        }

        var statistics: PixelStatistics { PixelStatistics(fingerprint: hash, histograms: histograms) }
    }
}
