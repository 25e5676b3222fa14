import Datasets
import Foundation
import ImageCodecs
import Orchestration
import Synchronization

/// Opens images of a split completely, on one thread; keeps its working memory between images.
final class ImageExaminer {
    /// What is wanted of an image besides its header.
    struct Extent: Sendable {
        var hashes = false
        /// Whether every pixel is decoded, which is what shows damage.
        var decodes = false
    }

    private let split: DataImages.Split
    private let limits: ImageLimits
    private let decoder: ImageDecoder
    private let reader: any ImageReader
    private var buffer = PixelBuffer()
    /// The file that is looked at, in front.
    private var bytes: [UInt8] = []

    init(_ split: DataImages.Split) {
        self.split = split
        limits = split.encoded?.decoding.limits ?? ImageLimits()
        decoder = ImageDecoder(limits: limits)
        reader = split.images.source.makeReader()
    }

    /// - Parameter pixels: Takes the whole image where it is decoded: its values, and how they lie.
    /// - Throws: `DatasetError` that names the file.
    func examine(
        _ image: Int, _ extent: Extent, pixels: ((Span<UInt8>, Datasets.PixelLayout) -> Void)? = nil
    ) throws -> ImageFacts {
        guard let encoded = split.encoded else { return try examineStored(image, extent, pixels) }
        let place = Int(split.images.sourceIndices[image])
        let size = try encoded.files.read(place, limit: limits.bytes, into: &bytes)
        // The decoder writes to this object meanwhile.
        let bytes = bytes
        return try DatasetError.naming(encoded.files.place(of: place)) {
            let file = bytes.span.extracting(0..<size)
            var facts = ImageFacts(try ImageHeader(file), bytes: size)
            if extent.hashes { facts.hash = StoredWords.checksum(bytes, first: size) }
            if extent.decodes {
                let isGrey = facts.colorSpace == .grey || facts.colorSpace == .greyAlpha
                try decoder.decode(file, as: isGrey ? .grey : .rgb, into: &buffer)
                facts.remarks = decoder.remarks
                let layout = Datasets.PixelLayout.interleaved(
                    height: buffer.height, width: buffer.width, channels: buffer.channels)
                if let pixels { buffer.withPixels { pixels($0, layout) } }
            }
            return facts
        }
    }

    /// An image that is no file of its own.
    private func examineStored(
        _ image: Int, _ extent: Extent, _ pixels: ((Span<UInt8>, Datasets.PixelLayout) -> Void)?
    ) throws -> ImageFacts {
        let size = try reader.open(Int(split.images.sourceIndices[image]))
        var facts = ImageFacts(size)
        guard extent.decodes || extent.hashes else { return facts }
        var hash: UInt64 = 0
        try reader.withPixels(of: CropRegion(of: size), reduction: 1) { values, layout in
            facts.colorSpace = layout.channels == 1 ? .grey : layout.channels == 3 ? .rgb : .other
            if extent.hashes { hash = StoredWords.checksum(layout.gathered(values)) }
            pixels?(values, layout)
        }
        facts.hash = hash
        return facts
    }
}

/// What became of an image.
enum Examined: Sendable {
    case facts(ImageFacts)
    case unreadable(DatasetError)

    var isReadable: Bool { if case .facts = self { true } else { false } }
}

/// Looks at images on all threads.
enum ImageSweep {
    private static let chunk = 32

    private struct State<Result: Sendable> {
        var next = 0
        /// By piece.
        var results: [[Result]]
    }

    /// Calls `body` for pieces of 0..<count; the results are in order, whatever thread made them.
    ///
    /// - Parameter makeExaminer: Makes what a thread works with, once for each.
    static func run<Result: Sendable>(
        count: Int, threads: Int, makeExaminer: @Sendable () -> ImageExaminer,
        _ body: @Sendable (ImageExaminer, Range<Int>) -> [Result]
    ) -> [Result] {
        let pieces = (count + chunk - 1) / chunk
        let state = Mutex(State<Result>(results: Array(repeating: [], count: pieces)))
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, pieces))) { _ in
            let examiner = makeExaminer()
            while true {
                let piece = state.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                guard piece < pieces else { return }
                let range = piece * chunk..<min(count, (piece + 1) * chunk)
                let made = body(examiner, range)
                Console.activity.advance(by: range.count)
                state.withLock { $0.results[piece] = made }
            }
        }
        return state.withLock { Array($0.results.joined()) }
    }
}
