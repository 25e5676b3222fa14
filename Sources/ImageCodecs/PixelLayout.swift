/// What a pixel of a decoded picture is.
package enum PixelLayout: Hashable, Sendable {
    /// Luma, one byte: of colour pictures (19595 R + 38470 G + 7471 B + 32768) / 65536, as Pillow's `convert("L")`.
    case grey
    /// Red, green, blue; grey pictures repeat their value. Alpha is dropped and not composited, as Pillow's
    /// `convert("RGB")` does.
    case rgb
    /// The entry of the palette, or the grey value as it is stored (at most 8 bits): labels. PNG only.
    case indices

    /// Bytes of a pixel.
    package var channels: Int { self == .rgb ? 3 : 1 }
}

/// How much of what is stored has to be decoded.
package enum DecodeDetail: Hashable, Sendable {
    /// Every pixel as the whole picture has it.
    case exact
    /// As many pixels as it takes to make `width`×`height` of the region. A JPEG is decoded at 1/2, 1/4 or 1/8 where
    /// that leaves the region at least so large; its grey is the Y that is stored; and columns at the edge of the
    /// region may differ by what interpolation of chroma would have taken from beside it. Others are read exactly.
    case fast(width: Int, height: Int)
}

/// A rectangle of pixels.
package struct PixelRegion: Hashable, Sendable {
    package var left: Int
    package var top: Int
    package var width: Int
    package var height: Int

    package init(left: Int, top: Int, width: Int, height: Int) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
    }

    /// Not empty, and inside of a picture of `width`×`height`; without arithmetic that could overflow.
    func fits(width: Int, height: Int) -> Bool {
        left >= 0 && top >= 0 && self.width > 0 && self.height > 0 && left < width && top < height
            && self.width <= width - left && self.height <= height - top
    }
}

/// A rectangle between pixels, in units of them.
package struct PixelBox: Hashable, Sendable {
    package var left: Double
    package var top: Double
    package var width: Double
    package var height: Double

    package init(left: Double, top: Double, width: Double, height: Double) {
        self.left = left
        self.top = top
        self.width = width
        self.height = height
    }
}
