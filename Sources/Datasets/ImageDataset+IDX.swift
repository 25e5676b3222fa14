extension ImageDataset {
    /// Reads a pair of IDX files: images [n, h, w] or [n, h, w, channels], and labels [n].
    ///
    /// - Parameters:
    ///   - classCount: Number of classes; none: the largest label decides.
    ///   - remedy: What to do about a file that is missing or broken.
    /// - Throws: `DatasetError` for files that are missing, truncated, of another kind, empty, or do not match.
    package init(
        name: String, images imagesPath: String, labels labelsPath: String, classCount: Int? = nil, remedy: String
    ) throws {
        let images = try IDXFile(path: imagesPath, dimensions: 3...4, remedy: remedy)
        let labels = try IDXFile(path: labelsPath, dimensions: 1...1, remedy: remedy)
        let (n, height, width) = (images.dimensions[0], images.dimensions[1], images.dimensions[2])
        let channels = images.dimensions.count == 4 ? images.dimensions[3] : 1
        guard n > 0 && height > 0 && width > 0 && channels > 0 else {
            throw DatasetError(
                place: imagesPath, problem: "holds no pixels (its shape is \(n)×\(height)×\(width)×\(channels))",
                remedy: remedy)
        }
        guard labels.dimensions[0] == n else {
            throw DatasetError(
                place: labelsPath,
                problem: "has \(labels.dimensions[0]) labels, but \(imagesPath) has \(n) images",
                remedy: "use images and labels of the same split, or: \(remedy)")
        }
        let largest = Int(labels.bytes.max() ?? 0)
        if let classCount, largest >= classCount, let index = labels.bytes.firstIndex(where: { $0 >= classCount }) {
            throw DatasetError(
                place: labelsPath,
                problem: "label \(labels.bytes[index]) of image \(index) is outside 0…\(classCount - 1)",
                remedy: remedy)
        }
        self.init(
            name: name, channels: channels, height: height, width: width, classCount: classCount ?? largest + 1,
            pixels: Self.planar(images.bytes, channels: channels, plane: height * width),
            labels: labels.bytes.map(Int32.init))
        guard normalization.standardDeviation.allSatisfy({ $0 > 0 }) else {
            throw DatasetError(
                place: imagesPath, problem: "all pixels of a channel have the same value, so it cannot be normalised",
                remedy: remedy)
        }
    }

    /// [n, plane, channels] → [n, channels, plane].
    private static func planar(_ bytes: [UInt8], channels: Int, plane: Int) -> [UInt8] {
        guard channels > 1 else { return bytes }
        var result = [UInt8](repeating: 0, count: bytes.count)
        for image in stride(from: 0, to: bytes.count, by: channels * plane) {
            for channel in 0..<channels {
                for pixel in 0..<plane {
                    result[image + channel * plane + pixel] = bytes[image + pixel * channels + channel]
                }
            }
        }
        return result
    }
}
