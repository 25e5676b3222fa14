/// A colour, 8 bits each.
package struct RGBColor: Sendable, Hashable {
    package let red: UInt8
    package let green: UInt8
    package let blue: UInt8

    package init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    package init(grey: UInt8) { self.init(grey, grey, grey) }

    /// This colour with `share` (0…1) of another mixed in.
    package func mixed(with other: RGBColor, share: Double) -> RGBColor {
        func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
            UInt8(max(0, min(255, (Double(a) + (Double(b) - Double(a)) * share).rounded())))
        }
        return RGBColor(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
    }
}

/// An 8-bit colour image to draw on; what lies outside is not drawn.
package struct RGBImage: Sendable, Hashable {
    package let width: Int
    package let height: Int
    /// [height, width, 3], red first.
    package private(set) var pixels: [UInt8]

    package init(width: Int, height: Int, color: RGBColor = RGBColor(grey: 255)) {
        precondition(width > 0 && height > 0, "an image of \(width)×\(height) pixels")
        self.width = width
        self.height = height
        pixels = []
        pixels.reserveCapacity(3 * width * height)
        for _ in 0..<width * height { pixels += [color.red, color.green, color.blue] }
    }

    /// - Parameter pixels: [height, width, 3].
    package init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "an image of \(width)×\(height) pixels")
        precondition(pixels.count == 3 * width * height, "\(pixels.count) values for \(width)×\(height) pixels")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// A pixel, counted from the top left.
    package subscript(x: Int, y: Int) -> RGBColor {
        get {
            let start = offset(x, y)
            return RGBColor(pixels[start], pixels[start + 1], pixels[start + 2])
        }
        set {
            let start = offset(x, y)
            pixels[start] = newValue.red
            pixels[start + 1] = newValue.green
            pixels[start + 2] = newValue.blue
        }
    }

    private func offset(_ x: Int, _ y: Int) -> Int {
        precondition(x >= 0 && x < width && y >= 0 && y < height, "pixel (\(x), \(y)) of \(width)×\(height)")
        return 3 * (y * width + x)
    }

    /// Fills a rectangle; `opacity` below 1 lets what is there shine through.
    package mutating func fill(x: Int, y: Int, width: Int, height: Int, color: RGBColor, opacity: Double = 1) {
        for row in max(0, y)..<max(0, y, min(self.height, y + height)) {
            for column in max(0, x)..<max(0, x, min(self.width, x + width)) {
                self[column, row] = self[column, row].mixed(with: color, share: opacity)
            }
        }
    }

    /// Draws the inner edge of a rectangle.
    package mutating func outline(x: Int, y: Int, width: Int, height: Int, color: RGBColor, thickness: Int = 1) {
        let t = min(thickness, width, height)
        fill(x: x, y: y, width: width, height: t, color: color)
        fill(x: x, y: y + height - t, width: width, height: t, color: color)
        fill(x: x, y: y, width: t, height: height, color: color)
        fill(x: x + width - t, y: y, width: t, height: height, color: color)
    }

    /// Copies another image here, its top left corner at (x, y).
    package mutating func draw(_ image: RGBImage, x: Int, y: Int) {
        for row in max(0, -y)..<max(0, -y, min(image.height, height - y)) {
            for column in max(0, -x)..<max(0, -x, min(image.width, width - x)) {
                self[x + column, y + row] = image[column, row]
            }
        }
    }

    /// Squares of `factor` × `factor` pixels as one with their mean colour; what is left over at the edges is cut off.
    package func reduced(by factor: Int) -> RGBImage {
        precondition(
            factor > 0 && factor <= min(width, height), "\(width)×\(height) pixels cannot be reduced by \(factor)")
        var result = RGBImage(width: width / factor, height: height / factor)
        let count = factor * factor
        for row in 0..<result.height {
            for column in 0..<result.width {
                var sums = [0, 0, 0]
                for y in 0..<factor {
                    let start = offset(column * factor, row * factor + y)
                    for place in 0..<3 * factor { sums[place % 3] += Int(pixels[start + place]) }
                }
                let mean = sums.map { UInt8(($0 + count / 2) / count) }
                result[column, row] = RGBColor(mean[0], mean[1], mean[2])
            }
        }
        return result
    }

    /// Every pixel repeated `factor` times in both directions.
    package func enlarged(by factor: Int) -> RGBImage {
        precondition(factor > 0, "an image cannot be enlarged by \(factor)")
        var result = RGBImage(width: width * factor, height: height * factor)
        for row in 0..<result.height {
            for column in 0..<result.width { result[column, row] = self[column / factor, row / factor] }
        }
        return result
    }
}
