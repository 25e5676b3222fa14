import TensorCore

/// Renders parts of 8-bit images as normalised square float images; keeps its working memory between images.
///
/// Resizing is antialiased without rounding in between, which is Pillow's on floating-point images.
struct ImageResampler {
    /// Side of the result, in pixels.
    let size: Int
    private var horizontal = ResampleAxis()
    private var vertical = ResampleAxis()
    /// Rows after the horizontal pass, [channels, height, size].
    private var rows: [Float] = []
    /// Luma of the pixels at hand, [height, width].
    private var luma: [UInt8] = []

    init(size: Int) {
        precondition(size > 0, "an image of \(size) pixels")
        self.size = size
    }

    /// Writes (value / 255 − mean) / std of resized pixels to one image of `output`.
    ///
    /// - Parameters:
    ///   - layout: Of the pixels; they have one channel, or as many as are written.
    ///   - sampling: Of the region that `layout.box` is.
    ///   - normalization: One number for each channel that is written.
    ///   - output: [images, channels, size, size]; only the elements from `start` on are written, for one image.
    mutating func render(
        _ pixels: Span<UInt8>, _ layout: PixelLayout, _ sampling: ViewSampling, _ interpolation: Interpolation,
        _ normalization: Normalization, into output: HostBuffer<Float>, at start: Int
    ) {
        let channels = normalization.mean.count
        precondition(
            layout.channels == 1 || layout.channels == channels || channels == 1 && layout.channels == 3,
            "\(layout.channels) channels to be shown in \(channels)")
        precondition(
            layout.start >= 0 && layout.end <= pixels.count, "\(layout) in \(pixels.count) values")
        precondition(
            start >= 0 && start + channels * size * size <= output.count,
            "image of \(channels)×\(size)×\(size) at \(start) of \(output.count)")
        horizontal.prepare(
            input: layout.width, output: size,
            sampling.horizontal.mapped(
                start: layout.box.left, box: layout.box.width, length: sampling.region.width), interpolation)
        vertical.prepare(
            input: layout.height, output: size,
            sampling.vertical.mapped(
                start: layout.box.top, box: layout.box.height, length: sampling.region.height), interpolation)
        let read = min(layout.channels, channels)
        let plane = layout.height * size
        if rows.count < read * plane { rows = Array(repeating: 0, count: read * plane) }
        unsafe pixels.withUnsafeBufferPointer { pixels in
            if layout.channels > channels {
                unsafe takeLuma(of: pixels, layout)
                // Taken out, so that it is read while the rows are written.
                var grey: [UInt8] = []
                swap(&grey, &luma)
                unsafe grey.withUnsafeBufferPointer {
                    unsafe squeezeRows(
                        $0, from: 0, rowStride: layout.width, columnStride: 1, count: layout.height, into: 0)
                }
                swap(&grey, &luma)
            } else if read == 3, layout.channelStride == 1, layout.columnStride == 3 {
                unsafe squeezeColourRows(pixels, layout)
            } else {
                for channel in 0..<read {
                    unsafe squeezeRows(
                        pixels, from: layout.start + channel * layout.channelStride, rowStride: layout.rowStride,
                        columnStride: layout.columnStride, count: layout.height, into: channel * plane)
                }
            }
        }
        if interpolation == .bicubic { clip(read * plane) }
        for channel in 0..<channels {
            let gain = 1 / (255 * normalization.standardDeviation[channel])
            let bias = -normalization.mean[channel] / normalization.standardDeviation[channel]
            let target = unsafe UnsafeMutableBufferPointer(
                start: output.pointer + start + channel * size * size, count: size * size)
            unsafe squeezeColumns(
                min(channel, read - 1) * plane, into: target, gain: Float(gain), bias: Float(bias),
                isClipped: interpolation == .bicubic)
        }
    }

    /// The horizontal pass of one channel: `count` rows of pixels that lie `rowStride` apart, to `rows` from `output` on.
    private mutating func squeezeRows(
        _ pixels: UnsafeBufferPointer<UInt8>, from start: Int, rowStride: Int, columnStride: Int, count: Int,
        into output: Int
    ) {
        let size = size
        let horizontal = horizontal
        unsafe horizontal.weights.withUnsafeBufferPointer { weights in
            unsafe rows.withUnsafeMutableBufferPointer { rows in
                for row in 0..<count {
                    let line = start + row * rowStride
                    for column in 0..<size {
                        let first = line + horizontal.first[column] * columnStride
                        let weight = column * horizontal.stride
                        var sum: Float = 0
                        for tap in 0..<horizontal.taps[column] {
                            sum += unsafe weights[weight + tap] * Float(pixels[first + tap * columnStride])
                        }
                        unsafe rows[output + row * size + column] = sum
                    }
                }
            }
        }
    }

    /// The same of three channels whose values lie beside each other, with the same sums: a pixel is one vector, whose
    /// fourth value, the next pixel's, is not used.
    private mutating func squeezeColourRows(_ pixels: UnsafeBufferPointer<UInt8>, _ layout: PixelLayout) {
        let size = size
        let plane = layout.height * size
        let horizontal = horizontal
        // Nothing may be read behind the buffer: the row that ends with it is done channel by channel.
        let hasMore = layout.end < pixels.count
        let count = hasMore ? layout.height : layout.height - 1
        let bytes = UnsafeRawBufferPointer(pixels)
        unsafe horizontal.weights.withUnsafeBufferPointer { weights in
            unsafe rows.withUnsafeMutableBufferPointer { rows in
                for row in 0..<count {
                    let line = layout.start + row * layout.rowStride
                    for column in 0..<size {
                        var place = line + 3 * horizontal.first[column]
                        let weight = column * horizontal.stride
                        var sum = SIMD4<Float>()
                        for tap in 0..<horizontal.taps[column] {
                            let pixel = unsafe bytes.loadUnaligned(fromByteOffset: place, as: SIMD4<UInt8>.self)
                            sum += unsafe weights[weight + tap] * SIMD4<Float>(pixel)
                            place += 3
                        }
                        let output = row * size + column
                        unsafe rows[output] = sum.x
                        unsafe rows[plane + output] = sum.y
                        unsafe rows[2 * plane + output] = sum.z
                    }
                }
            }
        }
        guard !hasMore else { return }
        for channel in 0..<3 {
            unsafe squeezeRows(
                pixels, from: layout.start + count * layout.rowStride + channel, rowStride: layout.rowStride,
                columnStride: 3, count: 1, into: channel * plane + count * size)
        }
    }

    /// The vertical pass of the channel whose rows begin at `input`, with normalisation.
    private func squeezeColumns(
        _ input: Int, into target: UnsafeMutableBufferPointer<Float>, gain: Float, bias: Float, isClipped: Bool
    ) {
        let weights = vertical.weights.map { $0 * gain }
        unsafe rows.withUnsafeBufferPointer { rows in
            for line in 0..<size {
                let taps = vertical.taps[line]
                let weight = line * vertical.stride
                let first = input + vertical.first[line] * size
                let output = line * size
                var column = 0
                while column + 8 <= size {
                    var sum = SIMD8<Float>(repeating: bias)
                    for tap in 0..<taps {
                        sum +=
                            unsafe weights[weight + tap]
                            * UnsafeRawPointer(rows.baseAddress! + first + tap * size + column)
                            .loadUnaligned(as: SIMD8<Float>.self)
                    }
                    unsafe UnsafeMutableRawPointer(target.baseAddress! + output + column)
                        .storeBytes(of: sum, as: SIMD8<Float>.self)
                    column += 8
                }
                while column < size {
                    var sum = bias
                    for tap in 0..<taps { sum += unsafe weights[weight + tap] * rows[first + tap * size + column] }
                    unsafe target[output + column] = sum
                    column += 1
                }
            }
        }
        guard isClipped else { return }
        let (black, white) = (bias, bias + 255 * gain)
        for place in target.indices { unsafe target[place] = min(max(target[place], black), white) }
    }

    /// Cuts off what a filter with negative weights makes of sharp edges.
    private mutating func clip(_ count: Int) {
        for place in 0..<count { rows[place] = min(max(rows[place], 0), 255) }
    }

    /// ITU-R 601 luma in 16-bit fixed point, rounded, as Pillow's `convert("L")`.
    private mutating func takeLuma(of pixels: UnsafeBufferPointer<UInt8>, _ layout: PixelLayout) {
        let count = layout.height * layout.width
        if luma.count < count { luma = Array(repeating: 0, count: count) }
        let step = layout.channelStride
        unsafe luma.withUnsafeMutableBufferPointer { luma in
            for row in 0..<layout.height {
                var place = layout.start + row * layout.rowStride
                for column in 0..<layout.width {
                    let red = unsafe UInt32(pixels[place])
                    let green = unsafe UInt32(pixels[place + step])
                    let blue = unsafe UInt32(pixels[place + 2 * step])
                    let sum = red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000
                    unsafe luma[row * layout.width + column] = UInt8(truncatingIfNeeded: sum >> 16)
                    place += layout.columnStride
                }
            }
        }
    }
}
