package import TensorCore

/// Renders parts of 8-bit images as normalised square float images; keeps its working memory between images.
///
/// Resizing is antialiased bilinear without rounding in between, which is Pillow's on floating-point images.
package struct ImageResampler: Sendable {
    /// Side of the result, in pixels.
    package let size: Int
    private var horizontal = ResampleAxis()
    private var vertical = ResampleAxis()
    /// Rows of one channel after the horizontal pass, [region height, size].
    private var rows: [Float] = []

    package init(size: Int) {
        precondition(size > 0, "an image of \(size) pixels")
        self.size = size
    }

    /// Writes (value / 255 − mean) / std of `region`, resized, to image `slot` of `output`.
    ///
    /// - Parameters:
    ///   - region: None: the whole image.
    ///   - output: [images, channels, size, size]; only the slot's elements are written.
    package mutating func render(
        _ dataset: ImageDataset, image: Int, region: CropRegion? = nil, into output: HostBuffer<Float>, slot: Int
    ) {
        let region = region ?? CropRegion(top: 0, left: 0, height: dataset.height, width: dataset.width)
        let elements = dataset.channels * size * size
        precondition(image >= 0 && image < dataset.count, "image \(image) of \(dataset.count)")
        precondition(
            region.top >= 0 && region.left >= 0 && region.height > 0 && region.width > 0
                && region.top + region.height <= dataset.height && region.left + region.width <= dataset.width,
            "\(region) in an image of \(dataset.height)×\(dataset.width)")
        precondition(
            slot >= 0 && (slot + 1) * elements <= output.count,
            "image \(slot) of \(elements) elements in a buffer of \(output.count)")
        horizontal.prepare(input: region.width, output: size)
        vertical.prepare(input: region.height, output: size)
        if rows.count < region.height * size { rows = Array(repeating: 0, count: dataset.height * size) }

        for channel in 0..<dataset.channels {
            let plane = (image * dataset.channels + channel) * dataset.height * dataset.width
            squeezeRows(
                dataset.pixels, from: plane + region.top * dataset.width + region.left,
                width: dataset.width, count: region.height)
            let gain = 1 / (255 * dataset.normalization.standardDeviation[channel])
            let bias = -dataset.normalization.mean[channel] / dataset.normalization.standardDeviation[channel]
            let start = slot * elements + channel * size * size
            let target = unsafe UnsafeMutableBufferPointer(start: output.pointer + start, count: size * size)
            unsafe squeezeColumns(into: target, gain: Float(gain), bias: Float(bias))
        }
    }

    /// The horizontal pass: `count` rows of pixels that lie `width` apart.
    private mutating func squeezeRows(_ pixels: [UInt8], from start: Int, width: Int, count: Int) {
        let size = size
        let horizontal = horizontal
        unsafe pixels.withUnsafeBufferPointer { pixels in
            unsafe horizontal.weights.withUnsafeBufferPointer { weights in
                unsafe rows.withUnsafeMutableBufferPointer { rows in
                    for row in 0..<count {
                        let line = start + row * width
                        for column in 0..<size {
                            let first = line + horizontal.first[column]
                            let weight = column * horizontal.stride
                            var sum: Float = 0
                            for tap in 0..<horizontal.taps[column] {
                                sum += unsafe weights[weight + tap] * Float(pixels[first + tap])
                            }
                            unsafe rows[row * size + column] = sum
                        }
                    }
                }
            }
        }
    }

    /// The vertical pass, with normalisation.
    private func squeezeColumns(into target: UnsafeMutableBufferPointer<Float>, gain: Float, bias: Float) {
        unsafe rows.withUnsafeBufferPointer { rows in
            for line in 0..<size {
                let output = line * size
                for column in 0..<size { unsafe target[output + column] = bias }
                for tap in 0..<vertical.taps[line] {
                    let weight = vertical.weights[line * vertical.stride + tap] * gain
                    let input = (vertical.first[line] + tap) * size
                    for column in 0..<size { unsafe target[output + column] += weight * rows[input + column] }
                }
            }
        }
    }
}

extension ImageDataset {
    /// Whole images resized to `size` and normalised, without cropping: what evaluation looks at.
    ///
    /// - Parameter output: [at least indices.count, channels, size, size]; the first images are written.
    package func renderWhole(_ indices: some Sequence<Int>, size: Int, into output: HostBuffer<Float>) {
        var resampler = ImageResampler(size: size)
        for (slot, index) in indices.enumerated() { resampler.render(self, image: index, into: output, slot: slot) }
    }
}
