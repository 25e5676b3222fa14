/// Images of one size that lie one behind another in a few files, with their labels.
///
/// Labels are in memory, one byte for each image; pixels stay in the files.
package struct RecordSplit: Sendable {
    /// A run of images in one file.
    struct Part: Sendable {
        enum Content: Sendable {
            /// Pixels of image i begin at `offset + i * stride` of the file.
            case file(PositionalFile, offset: Int, stride: Int)
            /// Pixels of all images, one behind another, as they were unpacked from a file.
            case memory([UInt8], of: PositionalFile)
        }

        let content: Content
        let count: Int
    }

    /// Bytes of an image: channels × height × width.
    package let imageSize: Int
    let parts: [Part]
    /// First image of each part, and the number of all.
    private let starts: [Int]
    /// Class of each image; nil for images without labels.
    package let labels: [UInt8]?
    /// CIFAR-100: class of each image among the twenty coarse ones.
    package let coarseLabels: [UInt8]?

    init(imageSize: Int, parts: [Part], labels: [UInt8]?, coarseLabels: [UInt8]? = nil) {
        self.imageSize = imageSize
        self.parts = parts
        self.labels = labels
        self.coarseLabels = coarseLabels
        starts = parts.reduce(into: [0]) { starts, part in starts.append((starts.last ?? 0) + part.count) }
    }

    /// Number of images.
    package var count: Int { starts.last ?? 0 }

    /// Pixels of image `index` as its file has them, planes of red, green and blue, in place of what an array holds: its memory
    /// is used again.
    ///
    /// - Throws: `DatasetError` where the file has changed or cannot be read, and for an image that is not there.
    func read(_ index: Int, into pixels: inout [UInt8]) throws {
        let (part, row) = try place(index)
        switch part.content {
        case .file(let file, let offset, let stride):
            try file.read(at: offset + row * stride, count: imageSize, into: &pixels)
            try file.checkUnchanged()
        case .memory(let bytes, _):
            pixels.removeAll(keepingCapacity: true)
            pixels.append(contentsOf: bytes[row * imageSize..<(row + 1) * imageSize])
        }
    }

    /// Hands the pixels of all images over in their order, some whole images at a time.
    func forEachPiece(_ body: ([UInt8]) throws -> Void) throws {
        for part in parts {
            guard case .file(let file, let offset, let stride) = part.content else {
                if case .memory(let bytes, _) = part.content { try body(bytes) }
                continue
            }
            try file.checkUnchanged()
            let most = max(1, (1 << 20) / stride)
            var (records, pixels) = ([UInt8](), [UInt8]())
            for first in Swift.stride(from: 0, to: part.count, by: most) {
                let count = min(most, part.count - first)
                // Up to the end of the last image's pixels: what comes behind them belongs to the next record.
                let length = (count - 1) * stride + imageSize
                try file.read(at: offset + first * stride, count: length, into: &records)
                guard stride != imageSize else {
                    try body(records)
                    continue
                }
                pixels.removeAll(keepingCapacity: true)
                for image in 0..<count {
                    pixels.append(contentsOf: records[image * stride..<image * stride + imageSize])
                }
                try body(pixels)
            }
        }
    }

    /// Which bytes of which files its pixels are; nil where some are in no file.
    var fileDescription: String? {
        var texts = ["\(imageSize)"]
        for part in parts {
            guard case .file(let file, let offset, let stride) = part.content else { return nil }
            texts.append("\(file.path) \(file.stamp) \(offset) \(stride) \(part.count)")
        }
        return texts.joined(separator: "\n")
    }

    /// Where image `index` lies, and the state of its file; nil for one that is not there.
    func state(of index: Int) -> String? {
        guard let (part, row) = try? place(index) else { return nil }
        switch part.content {
        case .file(let file, let offset, let stride):
            return "\(file.stamp.version) \(file.path) \(offset + row * stride)"
        case .memory(_, let file): return "\(file.stamp.version) \(file.path) image \(row)"
        }
    }

    /// One behind the other, without labels.
    static func joined(_ splits: [RecordSplit], imageSize: Int) -> RecordSplit {
        RecordSplit(imageSize: imageSize, parts: splits.flatMap(\.parts), labels: nil)
    }

    private func place(_ index: Int) throws -> (Part, Int) {
        guard index >= 0, index < count, let part = starts.lastIndex(where: { $0 <= index }) else {
            throw DatasetError(
                place: "image \(index)", problem: "there are \(count) images",
                remedy: "choose one of 0…\(max(0, count - 1))")
        }
        return (parts[part], index - starts[part])
    }
}
