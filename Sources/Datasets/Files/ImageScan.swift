import Dispatch
import Foundation
import Synchronization

/// Work on many images at once, on all processors; what comes of it does not depend on how many there are.
enum ImageScan {
    /// Calls `body` for pieces of a range, and gives the results in their order.
    static func map<Result: Sendable>(
        _ range: Range<Int>, pieces size: Int, _ body: @Sendable (Range<Int>) -> Result
    ) -> [Result] {
        let count = (range.count + size - 1) / size
        let results = Mutex([Result?](repeating: nil, count: count))
        DispatchQueue.concurrentPerform(iterations: count) { piece in
            let first = range.lowerBound + piece * size
            let result = body(first..<min(first + size, range.upperBound))
            results.withLock { $0[piece] = result }
        }
        return results.withLock { $0.compactMap(\.self) }
    }

    /// Reads every image whole and hands its pixels over.
    ///
    /// - Parameters:
    ///   - images: Places in the source.
    ///   - progress: Told of each image that is done.
    ///   - zero: What nothing has been added to.
    ///   - body: Adds the pixels of an image to a value.
    ///   - combine: Adds two values, whatever their order.
    /// - Returns: All values added, and the images that could not be read by their places in `images`.
    static func read<Value: Sendable>(
        _ source: any ImageSource, images: [Int32], progress: (@Sendable () -> Void)?, zero: Value,
        _ body: @Sendable (inout Value, Span<UInt8>, PixelLayout) -> Void,
        combine: @Sendable (inout Value, Value) -> Void
    ) -> (value: Value, failures: [(place: Int, error: DatasetError)]) {
        let readers = FreeReaders(source)
        let total = Mutex(zero)
        let failures = map(0..<images.count, pieces: 64) { range in
            let reader = readers.take()
            defer { readers.give(reader) }
            var value = zero
            var failures: [(place: Int, error: DatasetError)] = []
            for place in range {
                do {
                    let size = try reader.open(Int(images[place]))
                    try reader.withPixels(of: CropRegion(of: size), reduction: 1) { body(&value, $0, $1) }
                } catch {
                    let known =
                        error as? DatasetError
                        ?? DatasetError(
                            place: source.name(of: Int(images[place])) ?? "image \(place)", problem: "\(error)",
                            remedy: "remove it")
                    failures.append((place, known))
                }
                progress?()
            }
            total.withLock { combine(&$0, value) }
            return failures
        }
        return (total.withLock { $0 }, failures.flatMap(\.self))
    }
}

/// Readers for threads that come and go.
private final class FreeReaders: @unchecked Sendable {
    private let source: any ImageSource
    /// Guards `free`; a reader that was taken out is one thread's.
    private let lock = NSLock()
    private var free: [any ImageReader] = []

    init(_ source: any ImageSource) { self.source = source }

    func take() -> any ImageReader { lock.withLock { free.popLast() } ?? source.makeReader() }
    func give(_ reader: any ImageReader) { lock.withLock { free.append(reader) } }
}
