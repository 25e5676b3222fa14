/// The formats that are read.
package enum ImageFormat: String, Hashable, Sendable, CaseIterable {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"

    /// The format by the first bytes; an error that names what else it is.
    ///
    /// - Parameter bytes: The file, or at least its first 512 bytes.
    package static func of(_ bytes: Span<UInt8>) throws -> ImageFormat {
        if bytes.bigEndian16(0) == 0xFFD8, bytes.count > 2, bytes[2] == 0xFF { return .jpeg }
        if bytes.bigEndian32(0) == 0x8950_4E47, bytes.bigEndian32(4) == 0x0D0A_1A0A { return .png }
        if bytes.has("RIFF", at: 0), bytes.has("WEBP", at: 8) { return .webp }
        guard let name = FileStart(bytes).otherName else { throw ImageError(.otherFormat, unknown) }
        throw ImageError(.otherFormat, "is \(name), not a picture that can be read")
    }

    package static func of(_ bytes: [UInt8]) throws -> ImageFormat { try of(bytes.span) }

    private static let unknown = "is neither JPEG nor PNG nor WebP, nor anything else that is known"
}

/// The beginning of a file, compared with what formats begin with.
private struct FileStart {
    private let bytes: [UInt8]

    init(_ span: Span<UInt8>) {
        var bytes: [UInt8] = []
        for index in 0..<min(span.count, 512) { bytes.append(span[index]) }
        self.bytes = bytes
    }

    func begins(_ pattern: [UInt8], at offset: Int = 0) -> Bool {
        bytes.count >= offset + pattern.count && bytes[offset..<offset + pattern.count].elementsEqual(pattern)
    }

    func begins(_ text: String) -> Bool { begins(Array(text.utf8)) }
    func has(_ text: String, at offset: Int) -> Bool { begins(Array(text.utf8), at: offset) }

    /// What it is, with its article; none for what is not known.
    var otherName: String? {
        if bytes.isEmpty { return "empty" }
        if bytes.allSatisfy({ $0 == 0 }) { return "a file of zeros" }
        for (pattern, name) in Self.patterns where begins(pattern) { return name }
        for (text, name) in Self.texts where begins(text) { return name }
        if has("ftyp", at: 4) { return boxName }
        if has("ustar", at: 257) { return "a tar archive" }
        if begins("RIFF") {
            return has("WAVE", at: 8) ? "a WAVE sound" : has("AVI ", at: 8) ? "an AVI film" : "a RIFF file"
        }
        if begins("P"), bytes.count > 2, (0x31...0x37).contains(bytes[1]), [0x20, 0x09, 0x0A, 0x0D].contains(bytes[2]) {
            return "a PNM image"
        }
        return textName
    }

    /// Names of ISO media files by their brand.
    private var boxName: String {
        let brand = String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self)
        switch brand {
        case "avif", "avis": return "an AVIF image"
        case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1": return "a HEIC image"
        case "jp2 ", "jpx ", "jpm ": return "a JPEG 2000 image"
        case "jxl ": return "a JPEG XL image"
        case "crx ": return "a Canon raw image"
        default: return "an MP4 or QuickTime film"
        }
    }

    private var textName: String? {
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0C, 0x0D].contains($0) }
        guard isText, bytes.count(where: { $0 < 0x80 }) * 4 >= bytes.count * 3 else { return nil }
        let marks: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = String(decoding: bytes.dropFirst(bytes.starts(with: marks) ? 3 : 0), as: UTF8.self).lowercased()
            .drop { $0.isWhitespace }
        if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") || text.hasPrefix("<head") {
            return "an HTML page (a failed download?)"
        }
        if text.hasPrefix("<svg") || text.hasPrefix("<?xml") && text.contains("<svg") { return "an SVG drawing" }
        if text.hasPrefix("<") { return "an XML or HTML text" }
        if text.hasPrefix("version https://git-lfs") { return "a pointer of Git LFS, whose file was not fetched" }
        if text.hasPrefix("{") || text.hasPrefix("[") { return "a JSON or other text" }
        return "a text"
    }

    private static let patterns: [([UInt8], String)] = [
        ([0x1F, 0x8B], "a gzip file"),
        ([0x28, 0xB5, 0x2F, 0xFD], "a zstd file"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "an xz file"),
        ([0x50, 0x4B, 0x03, 0x04], "a zip archive"),
        ([0x50, 0x4B, 0x05, 0x06], "an empty zip archive"),
        ([0x49, 0x49, 0x2A, 0x00], "a TIFF image"),
        ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF image"),
        ([0x49, 0x49, 0x2B, 0x00], "a BigTIFF image"),
        ([0x4D, 0x4D, 0x00, 0x2B], "a BigTIFF image"),
        ([0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000 image"),
        ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 image"),
        ([0xFF, 0x0A], "a JPEG XL image"),
        ([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL image"),
        ([0x00, 0x00, 0x01, 0x00], "an icon (ICO)"),
        ([0x00, 0x00, 0x02, 0x00], "a cursor (CUR)"),
        ([0x00, 0x05, 0x16, 0x07], "an AppleDouble file, which belongs to another file"),
        ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "an HDF5 file"),
        ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "a NumPy array"),
        ([0xC5, 0xD0, 0xD3, 0xC6], "an EPS drawing"),
        ([0x76, 0x2F, 0x31, 0x01], "an OpenEXR image"),
        ([0x7F, 0x45, 0x4C, 0x46], "a program"),
        ([0x8A, 0x4D, 0x4E, 0x47], "an MNG film"),
        ([0x8B, 0x4A, 0x4E, 0x47], "a JNG image"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive"),
    ]
    private static let texts: [(String, String)] = [
        ("BM", "a BMP image"), ("GIF87a", "a GIF image"), ("GIF89a", "a GIF image"), ("%PDF", "a PDF file"),
        ("%!PS", "a PostScript file"), ("8BPS", "a Photoshop file"), ("qoif", "a QOI image"), ("DDS ", "a DDS image"),
        ("#?RADIANCE", "a Radiance image"), ("BZh", "a bzip2 file"),
        ("Rar!", "a RAR archive"), ("SIMPLE  =", "a FITS file"),
    ]
}
