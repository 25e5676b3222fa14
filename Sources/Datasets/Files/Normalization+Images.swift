extension Normalization {
    /// That of ImageNet, of its luma in one channel.
    static func imagenet(channels: Int) -> Normalization {
        let colour = Normalization(
            mean: ImageNetStatistics.mean, standardDeviation: ImageNetStatistics.standardDeviation)
        return colour.converted(toChannels: channels) ?? colour
    }

    /// Of all pixels of all images at their own size, exactly; kept between runs.
    ///
    /// - Throws: `DatasetError` for images that cannot be read, and where all pixels are the same.
    static func measured(
        on dataset: ImageDataset, progress: (@Sendable (String, Int, Int) -> Void)?
    ) throws -> Normalization {
        var key = dataset.source.fingerprint
        key.add("histograms \(dataset.source.channels)")
        for image in dataset.sourceIndices { key.add(UInt64(UInt32(bitPattern: image))) }
        if let files = dataset.source as? EncodedImages { files.files.addState(to: &key) }
        let histograms = try ScanCache.standard.value("pixels", key, isValid: { isValid($0, of: dataset) }) {
            try count(dataset, progress: progress)
        }
        let measured = Normalization(histograms: histograms)
        guard measured.standardDeviation.allSatisfy({ $0 > 0 }) else {
            throw DatasetError(
                place: dataset.name,
                problem: "all pixels of a channel have the same value, so it cannot be normalised",
                remedy: "set data.normalization: imagenet")
        }
        return measured
    }

    private static func isValid(_ histograms: [[Int]], of dataset: ImageDataset) -> Bool {
        // Sums of such counts do not overflow.
        histograms.count == dataset.source.channels
            && histograms.allSatisfy { counts in
                counts.count == 256 && counts.allSatisfy { $0 >= 0 && $0 < 1 << 52 } && counts.contains { $0 > 0 }
            }
    }

    /// How many pixels of each channel have each value.
    private static func count(
        _ dataset: ImageDataset, progress: (@Sendable (String, Int, Int) -> Void)?
    ) throws -> [[Int]] {
        let (channels, images) = (dataset.source.channels, dataset.count)
        progress?("measuring the pixels of \(images) images", 0, images)
        let told = progress.map { progress in { @Sendable in progress("", 1, images) } }
        let found = ImageScan.read(
            dataset.source, images: dataset.sourceIndices, progress: told,
            zero: [Int](repeating: 0, count: channels * 256)
        ) { counts, pixels, layout in
            for row in 0..<layout.height {
                for column in 0..<layout.width {
                    let place = layout.start + row * layout.rowStride + column * layout.columnStride
                    for channel in 0..<channels {
                        counts[256 * channel + Int(pixels[place + channel * layout.channelStride])] += 1
                    }
                }
            }
        } combine: { total, counts in
            for place in total.indices { total[place] += counts[place] }
        }
        if let first = found.failures.first {
            let others = found.failures.count - 1
            throw DatasetError(
                place: first.error.place,
                problem: first.error.problem + (others > 0 ? " (\(others) other images cannot be read either)" : ""),
                remedy: first.error.remedy)
        }
        return (0..<channels).map { Array(found.value[256 * $0..<256 * ($0 + 1)]) }
    }
}
