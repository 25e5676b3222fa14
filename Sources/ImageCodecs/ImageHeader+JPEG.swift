/// Reads the markers of a JPEG file before its first scan.
enum JPEGHeader {
    static func read(_ bytes: Span<UInt8>) throws -> ImageHeader {
        var frame: Frame?
        var adobe: Int?
        var hasJFIF = false
        var orientation = ImageOrientation.upright
        var hasOrientation = false
        var place = 2
        while let (marker, start) = nextMarker(bytes, from: place) {
            // The end, or markers without contents.
            if marker == 0xD9 { break }
            if marker == 0x01 || (0xD0...0xD8).contains(marker) {
                place = start
                continue
            }
            guard let stated = bytes.bigEndian16(start) else { throw truncated }
            // libjpeg takes less than the length of the length for nothing.
            let length = max(2, stated)
            guard length <= bytes.count - start else { throw truncated }
            let content = bytes.extracting(start + 2..<start + length)
            switch marker {
            // Start of frame; not the tables and JPG that share the numbers.
            case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
                if frame == nil { frame = try Frame(content, marker: marker) }
            case 0xE0: hasJFIF = hasJFIF || content.has("JFIF\0", at: 0)
            case 0xE1 where content.has("Exif\0\0", at: 0) && !hasOrientation:
                orientation = ImageOrientation(exif: content.extracting(6..<content.count)) ?? .upright
                hasOrientation = true
            case 0xEE where content.has("Adobe", at: 0) && content.count >= 12: adobe = Int(content[11])
            case 0xDA:
                guard let frame else { throw ImageError(.damaged, "JPEG: a scan comes before the size") }
                return frame.header(hasJFIF: hasJFIF, adobe: adobe, orientation: orientation)
            default: break
            }
            place = start + length
        }
        throw truncated
    }

    private static var truncated: ImageError { ImageError(.truncated, "JPEG: ends before its picture begins") }

    /// The next marker, and where its length stands; bytes between markers are passed over, as libjpeg does.
    private static func nextMarker(_ bytes: Span<UInt8>, from start: Int) -> (marker: Int, start: Int)? {
        var place = start
        while place < bytes.count {
            while place < bytes.count, bytes[place] != 0xFF { place += 1 }
            while place < bytes.count, bytes[place] == 0xFF { place += 1 }
            guard place < bytes.count else { return nil }
            if bytes[place] != 0 { return (Int(bytes[place]), place + 1) }
        }
        return nil
    }

    private struct Frame {
        let marker: Int
        let depth: Int
        let width: Int
        let height: Int
        let identifiers: [UInt8]

        init(_ content: Span<UInt8>, marker: Int) throws {
            guard let height = content.bigEndian16(1), let width = content.bigEndian16(3), content.count >= 6 else {
                throw ImageError(.damaged, "JPEG: the marker of the size is too short")
            }
            let count = Int(content[5])
            guard count > 0, content.count >= 6 + 3 * count else {
                throw ImageError(.damaged, "JPEG: the marker of the size does not hold \(count) components")
            }
            self.marker = marker
            depth = Int(content[0])
            self.width = width
            self.height = height
            var identifiers: [UInt8] = []
            for component in 0..<count { identifiers.append(content[6 + 3 * component]) }
            self.identifiers = identifiers
        }

        func header(hasJFIF: Bool, adobe: Int?, orientation: ImageOrientation) -> ImageHeader {
            ImageHeader(
                format: .jpeg, width: width, height: height, channels: identifiers.count, depth: depth,
                colorSpace: colorSpace(hasJFIF: hasJFIF, adobe: adobe),
                isProgressive: [0xC2, 0xC6, 0xCA, 0xCE].contains(marker), orientation: orientation)
        }

        /// As libjpeg concludes it.
        private func colorSpace(hasJFIF: Bool, adobe: Int?) -> ImageHeader.ColorSpace {
            switch identifiers.count {
            case 1: return .grey
            case 3:
                if hasJFIF { return .yCbCr }
                if let adobe { return adobe == 0 ? .rgb : .yCbCr }
                return identifiers == Array("RGB".utf8) ? .rgb : .yCbCr
            case 4: return (adobe ?? 0) == 0 ? .cmyk : .ycck
            default: return .other
            }
        }
    }
}
