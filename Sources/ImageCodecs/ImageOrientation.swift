/// How a stored picture has to be turned to be upright, as EXIF numbers it: 1 to 8.
package enum ImageOrientation: Int, Hashable, Sendable, CaseIterable {
    case upright = 1
    case mirrored
    case turned180
    case flipped
    case transposed
    /// The stored picture has to be turned clockwise by 90°.
    case turned90
    case transversed
    /// Clockwise by 270°.
    case turned270

    /// Whether width and height change places.
    package var swapsSides: Bool { rawValue >= 5 }

    /// Reads the tag of the first directory of EXIF data; none where there is no tag with a number from 1 to 8.
    init?(exif: Span<UInt8>) {
        let isLittle = exif.has("II*\0", at: 0)
        guard isLittle || exif.has("MM\0*", at: 0) else { return nil }
        func number16(_ offset: Int) -> Int? { isLittle ? exif.littleEndian16(offset) : exif.bigEndian16(offset) }
        func number32(_ offset: Int) -> Int? { isLittle ? exif.littleEndian32(offset) : exif.bigEndian32(offset) }
        guard let directory = number32(4), let count = number16(directory) else { return nil }
        for entry in 0..<count {
            let place = directory + 2 + 12 * entry
            guard let tag = number16(place), let type = number16(place + 2) else { return nil }
            guard tag == 0x0112 else { continue }
            // SHORT, as the standard has it, or LONG.
            guard let value = type == 3 ? number16(place + 8) : type == 4 ? number32(place + 8) : nil else {
                return nil
            }
            self.init(rawValue: value)
            return
        }
        return nil
    }

    /// Whether the stored picture's columns and rows run the other way, seen from the upright one (after the sides have
    /// changed places).
    private var reverses: (columns: Bool, rows: Bool) {
        switch self {
        case .upright, .transposed: (false, false)
        case .mirrored, .turned270: (true, false)
        case .turned180, .transversed: (true, true)
        case .flipped, .turned90: (false, true)
        }
    }

    /// The region of the stored picture that becomes `region` of the upright one.
    ///
    /// - Parameters:
    ///   - width: Of the stored picture.
    ///   - height: Of the stored picture.
    func stored(_ region: PixelRegion, width: Int, height: Int) -> PixelRegion {
        var stored = region
        if swapsSides {
            stored = PixelRegion(left: region.top, top: region.left, width: region.height, height: region.width)
        }
        if reverses.columns { stored.left = width - stored.left - stored.width }
        if reverses.rows { stored.top = height - stored.top - stored.height }
        return stored
    }

    /// Turns a decoded picture upright.
    func apply(_ stored: PixelBuffer, into upright: inout PixelBuffer) {
        let (width, height) = swapsSides ? (stored.height, stored.width) : (stored.width, stored.height)
        let channels = stored.channels
        upright.prepare(width: width, height: height, channels: channels)
        // Bytes between neighbours of the upright picture, in the stored one.
        var alongColumns = swapsSides ? stored.width * channels : channels
        var alongRows = swapsSides ? channels : stored.width * channels
        var start = 0
        if reverses.columns {
            start += (stored.width - 1) * channels
            if swapsSides { alongRows = -alongRows } else { alongColumns = -alongColumns }
        }
        if reverses.rows {
            start += (stored.height - 1) * stored.width * channels
            if swapsSides { alongColumns = -alongColumns } else { alongRows = -alongRows }
        }
        stored.withPixels { source in
            upright.withBytes { target in
                var place = 0
                for row in 0..<height {
                    var from = start + row * alongRows
                    for _ in 0..<width {
                        for channel in 0..<channels { target[place + channel] = source[from + channel] }
                        place += channels
                        from += alongColumns
                    }
                }
            }
        }
        upright.denominator = stored.denominator
        upright.box = uprightBox(stored)
    }

    private func uprightBox(_ stored: PixelBuffer) -> PixelBox {
        var box = stored.box
        if reverses.columns { box.left = Double(stored.width) - box.left - box.width }
        if reverses.rows { box.top = Double(stored.height) - box.top - box.height }
        return swapsSides ? PixelBox(left: box.top, top: box.left, width: box.height, height: box.width) : box
    }
}
