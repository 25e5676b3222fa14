import TensorCore

/// Labelled 8-bit images of one size, in memory.
package struct ImageDataset: Sendable {
    package let name: String
    /// Number of images n.
    package let count: Int
    package let channels: Int
    package let height: Int
    package let width: Int
    /// Number of classes; labels are 0..<classCount.
    package let classCount: Int
    /// [n, channels, height, width].
    package let pixels: [UInt8]
    /// [n].
    package let labels: [Int32]
    /// What images are normalised with: that of the whole training set, for the test set and subsets too.
    package var normalization: Normalization
    /// 16 hexadecimal digits over geometry, pixels and labels, for provenance; not cryptographic.
    package let fingerprint: String
    /// Where each image stands in the files that it came from, [n].
    package private(set) var sourceIndices: [Int32]

    /// - Parameters:
    ///   - pixels: [n, channels, height, width].
    ///   - normalization: None: the images' own.
    package init(
        name: String, channels: Int, height: Int, width: Int, classCount: Int, pixels: [UInt8], labels: [Int32],
        normalization: Normalization? = nil
    ) {
        let plane = height * width
        precondition(
            pixels.count == labels.count * channels * plane && plane > 0 && channels > 0,
            "\(pixels.count) pixels for \(labels.count) images of [\(channels), \(height), \(width)]")
        self.name = name
        self.count = labels.count
        self.channels = channels
        self.height = height
        self.width = width
        self.classCount = classCount
        self.pixels = pixels
        self.labels = labels
        sourceIndices = Array(0..<Int32(labels.count))
        self.normalization = normalization ?? Normalization(pixels: pixels, channels: channels, plane: plane)
        var hash = Fingerprint()
        for extent in [labels.count, channels, height, width] { hash.add(UInt64(extent)) }
        hash.add(pixels)
        for label in labels { hash.add(UInt64(UInt32(bitPattern: label))) }
        fingerprint = hash.text
    }

    /// A seeded choice of `count` images in their original order, normalised as the whole.
    ///
    /// - Throws: `DatasetError` if there are not that many.
    package func subset(count wanted: Int, seed: UInt64) throws -> ImageDataset {
        guard wanted > 0 && wanted <= count else {
            throw DatasetError(
                place: name, problem: "a subset of \(wanted) images was asked for, but there are only \(count)",
                remedy: "use a subset of 1 to \(count) images")
        }
        var random = RandomStream(seed: seed, purpose: .subset)
        var order = Array(0..<count)
        random.shuffle(&order)
        let chosen = order.prefix(wanted).sorted()
        let size = channels * height * width
        var subsetPixels: [UInt8] = []
        subsetPixels.reserveCapacity(wanted * size)
        for index in chosen { subsetPixels += pixels[index * size..<(index + 1) * size] }
        var subset = ImageDataset(
            name: name, channels: channels, height: height, width: width, classCount: classCount,
            pixels: subsetPixels, labels: chosen.map { labels[$0] }, normalization: normalization)
        subset.sourceIndices = chosen.map { sourceIndices[$0] }
        return subset
    }
}

/// FNV-1a over 64-bit words (Fowler, Noll, Vo), bytes packed little-endian.
private struct Fingerprint {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x0000_0100_0000_01B3
        // Multiplication only carries upwards; without this the high bytes of words hardly reach the low bits.
        state ^= state >> 32
    }

    mutating func add(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { raw in
            let words = raw.count / 8
            for index in 0..<words {
                add(unsafe UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
            }
            for index in 8 * words..<raw.count { add(UInt64(unsafe raw[index])) }
        }
    }

    var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
