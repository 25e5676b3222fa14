import Foundation
package import TensorCore

/// Shows images of a data set on one thread: reads, resizes, normalises; keeps its working memory between images.
package struct ImageRenderer {
    private let dataset: ImageDataset
    private let reader: any ImageReader
    private var resampler: ImageResampler

    /// - Parameter size: Side of the rendered images, in pixels.
    package init(_ dataset: ImageDataset, size: Int) {
        self.dataset = dataset
        reader = dataset.source.makeReader()
        resampler = ImageResampler(size: size)
    }

    /// Writes what an evaluation sees of an image to place `slot` of `output`.
    ///
    /// - Parameter output: [images, channels, size, size]; only the slot's elements are written.
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func render(_ image: Int, into output: HostBuffer<Float>, slot: Int) throws {
        let size = try open(image)
        try render(
            dataset.view.sampling(of: size, side: resampler.size), dataset.view.interpolation, into: output, slot: slot)
    }

    /// Writes a part of an image, resized.
    ///
    /// - Parameter choose: Told the size of the image; gives the part, which lies inside.
    /// - Throws: `DatasetError` for an image that cannot be read.
    package mutating func render(
        _ image: Int, into output: HostBuffer<Float>, slot: Int, region choose: (ImageSize) -> CropRegion
    ) throws {
        let size = try open(image)
        let region = choose(size)
        precondition(
            region.top >= 0 && region.left >= 0 && region.height > 0 && region.width > 0
                && region.top + region.height <= size.height && region.left + region.width <= size.width,
            "\(region) in an image of \(size.height)×\(size.width)")
        try render(.stretching(region, to: resampler.size), .bilinear, into: output, slot: slot)
    }

    /// Height and width of an image, which is read for it where the source does not know them.
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package func size(of image: Int) throws -> ImageSize { try dataset.size(of: image) ?? open(image) }

    private func open(_ image: Int) throws -> ImageSize {
        precondition(image >= 0 && image < dataset.count, "image \(image) of \(dataset.count)")
        return try reader.open(Int(dataset.sourceIndices[image]))
    }

    private mutating func render(
        _ sampling: ViewSampling, _ interpolation: Interpolation, into output: HostBuffer<Float>, slot: Int
    ) throws {
        let elements = dataset.channels * resampler.size * resampler.size
        precondition(
            slot >= 0 && (slot + 1) * elements <= output.count,
            "image \(slot) of \(elements) elements in a buffer of \(output.count)")
        try reader.withPixels(of: sampling.region, reduction: sampling.reduction) { pixels, layout in
            resampler.render(
                pixels, layout, sampling, interpolation, dataset.normalization, into: output, at: slot * elements)
        }
    }
}

/// Renderers for threads that come and go: each takes one that is free, so there are only as many as work at once.
package final class ImageRenderers: @unchecked Sendable {
    private let dataset: ImageDataset
    private let size: Int
    /// Guards `free`; a renderer that was taken out is one thread's.
    private let lock = NSLock()
    private var free: [ImageRenderer] = []

    package init(_ dataset: ImageDataset, size: Int) {
        self.dataset = dataset
        self.size = size
    }

    /// Writes what an evaluation sees of some images to the front of `output`.
    ///
    /// - Parameter output: [at least indices.count, channels, size, size].
    /// - Throws: `DatasetError` for an image that cannot be read.
    package func renderViews(_ indices: some Sequence<Int>, into output: HostBuffer<Float>) throws {
        try withRenderer { renderer in
            for (slot, index) in indices.enumerated() { try renderer.render(index, into: output, slot: slot) }
        }
    }

    package func withRenderer<Result>(_ body: (inout ImageRenderer) throws -> Result) rethrows -> Result {
        var renderer = take()
        defer { give(renderer) }
        return try body(&renderer)
    }

    private func take() -> ImageRenderer {
        lock.withLock { free.popLast() } ?? ImageRenderer(dataset, size: size)
    }

    private func give(_ renderer: ImageRenderer) { lock.withLock { free.append(renderer) } }
}

extension ImageDataset {
    /// What an evaluation sees of an image, for people: [height, width, channels], 8 bits.
    ///
    /// Images that are all of one size and shown whole are as they are; of others the view of side `side` is rendered, so
    /// that all are of one size.
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package func picture(of image: Int, side: Int) throws -> (size: ImageSize, channels: Int, values: [UInt8]) {
        precondition(image >= 0 && image < count, "image \(image) of \(count)")
        guard source.uniformSize != nil, view.shortSide == nil else {
            let values = try renderedPicture(of: image, side: side)
            return (ImageSize(height: side, width: side), channels, values)
        }
        let reader = source.makeReader()
        let size = try reader.open(Int(sourceIndices[image]))
        var (count, values) = (0, [UInt8]())
        try reader.withPixels(of: CropRegion(of: size), reduction: 1) { pixels, layout in
            (count, values) = (layout.channels, layout.gathered(pixels))
        }
        return (size, count, values)
    }

    private func renderedPicture(of image: Int, side: Int) throws -> [UInt8] {
        var plain = self
        // Rendered values are then those of pixels.
        plain.normalization = Normalization(
            mean: Array(repeating: 0, count: channels), standardDeviation: Array(repeating: 1 / 255, count: channels))
        let output = HostBuffer<Float>(count: channels * side * side)
        var renderer = ImageRenderer(plain, size: side)
        try renderer.render(image, into: output, slot: 0)
        return (0..<side * side).flatMap { place in
            (0..<channels).map { UInt8(max(0, min(255, output[$0 * side * side + place].rounded()))) }
        }
    }
}
