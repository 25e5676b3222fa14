import Foundation
import HDF5

/// An array of 8-bit images in an HDF5 file: what its header says, before any pixel is read.
struct HDF5Images: Sendable {
    let file: HDF5File
    let dataset: HDF5Dataset
    let count: Int
    let geometry: ImageGeometry
    /// Whether the values of a pixel lie beside each other; else channel after channel.
    let isInterleaved: Bool
    let remedy: String
    /// Open beside the library, so that a change of the file is noticed.
    private let original: PositionalFile

    /// - Throws: `DatasetError` for files and arrays that are missing, damaged, or no images.
    init(path: String, array: String, remedy: String) throws {
        // Says what is wrong with a file that cannot be opened, and tells one state of it from another.
        original = try PositionalFile(path: path, remedy: remedy)
        self.remedy = remedy
        func failure(_ problem: String) -> DatasetError {
            DatasetError(place: "\(path): \(array)", problem: problem, remedy: remedy)
        }
        do {
            file = try HDF5File(reading: path)
            dataset = try file.root.dataset(array)
            let shape = try dataset.shape()
            guard try dataset.elementType() == .uint8 else {
                throw failure("holds other numbers than unsigned bytes; convert images to 0…255")
            }
            guard shape.count == 3 || shape.count == 4, !shape.contains(0) else {
                throw failure("has the shape \(shape) instead of [n, H, W], [n, H, W, C] or [n, C, H, W]")
            }
            let isColour: (Int) -> Bool = { $0 == 1 || $0 == 3 }
            if shape.count == 3 {
                isInterleaved = false
                geometry = ImageGeometry(channels: 1, height: shape[1], width: shape[2])
            } else if isColour(shape[3]) {
                isInterleaved = true
                geometry = ImageGeometry(channels: shape[3], height: shape[1], width: shape[2])
            } else if isColour(shape[1]) {
                isInterleaved = false
                geometry = ImageGeometry(channels: shape[1], height: shape[2], width: shape[3])
            } else {
                throw failure(
                    "has the shape \(shape), in which neither the second nor the last axis is 1 or 3 channels")
            }
            count = shape[0]
            // What is kept of each image in memory is not taken on the file's word, nor is the time that a pass takes.
            guard count <= min(dataset.storedByteCount(), file.byteCount, Int(Int32.max)) else {
                throw failure("claims \(count) images in a file of \(file.byteCount) bytes")
            }
            _ = try dataset.byteCount(as: UInt8.self)
        } catch let error as HDF5Error {
            throw DatasetError(place: path, problem: "\(error.object): \(error.message)", remedy: remedy)
        }
    }

    /// What errors call it.
    var place: String { "\(file.path): \(dataset.path)" }

    /// Tells one state of the file from another.
    var version: String { original.stamp.version }

    func failure(_ problem: String) -> DatasetError { DatasetError(place: place, problem: problem, remedy: remedy) }

    /// Turns errors of the library into those of data sets.
    func wrapping<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as HDF5Error {
            throw DatasetError(place: file.path, problem: "\(error.object): \(error.message)", remedy: remedy)
        }
    }

    /// Pixels of image `index`, in the order of the array.
    ///
    /// - Throws: `DatasetError`, also where the file has been written to since it was opened.
    func pixels(_ index: Int) throws -> [UInt8] {
        let pixels: [UInt8] = try wrapping { try dataset.read(rows: index..<index + 1) }
        try original.checkUnchanged()
        return pixels
    }

    /// The source, after one pass over all pixels unless there was one before.
    func counted() throws -> HDF5Source {
        let statistics = try PixelStatistics.kept(
            of: "\(file.path) \(original.stamp) \(dataset.path)", bytes: count * geometry.count,
            channels: geometry.channels
        ) {
            var counter = PixelStatistics.Counter(count: count, geometry, isInterleaved: isInterleaved)
            let step = try wrapping { rowsAtOnce(chunk: try dataset.chunk()?.first ?? 1) }
            for first in stride(from: 0, to: count, by: step) {
                let pixels: [UInt8] = try wrapping { try dataset.read(rows: first..<min(count, first + step)) }
                counter.add(pixels)
            }
            return counter.statistics
        }
        return HDF5Source(images: self, statistics: statistics)
    }

    /// A few mebibytes of whole chunks; a multiple of eight images, so that the fingerprint does not depend on chunks.
    private func rowsAtOnce(chunk: Int) -> Int {
        let most = max(8, (4 << 20) / geometry.count / 8 * 8)
        // Chunks that are larger are read several times.
        guard (1...most / 8).contains(chunk) else { return most }
        return most / (8 * chunk) * (8 * chunk)
    }
}

/// Images of an array in an HDF5 file, each read where it is needed. The library is entered by one thread at a time.
struct HDF5Source: ImageSource {
    let images: HDF5Images
    let statistics: PixelStatistics

    var count: Int { images.count }
    var channels: Int { images.geometry.channels }
    var uniformSize: ImageSize? { ImageSize(height: images.geometry.height, width: images.geometry.width) }
    var fingerprint: Fingerprint { statistics.fingerprint }
    func state(of image: Int) -> String? { "\(images.version) \(images.place)[\(image)]" }
    func makeReader() -> any ImageReader { Reader(images) }

    private final class Reader: ImageReader {
        private let images: HDF5Images
        private var image = 0

        init(_ images: HDF5Images) { self.images = images }

        func open(_ image: Int) -> ImageSize {
            precondition(image >= 0 && image < images.count, "image \(image) of \(images.count)")
            self.image = image
            return ImageSize(height: images.geometry.height, width: images.geometry.width)
        }

        func withPixels(
            of region: CropRegion, reduction: Double, _ body: (Span<UInt8>, PixelLayout) -> Void
        ) throws {
            let pixels = try images.pixels(image)
            let geometry = images.geometry
            let column = images.isInterleaved ? geometry.channels : 1
            let row = geometry.width * column
            let layout = PixelLayout(
                height: region.height, width: region.width, channels: geometry.channels,
                start: region.top * row + region.left * column, rowStride: row, columnStride: column,
                channelStride: images.isInterleaved ? 1 : geometry.height * geometry.width)
            body(pixels.span, layout)
        }
    }
}
