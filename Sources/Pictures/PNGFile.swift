import CPNG
package import Foundation

/// A picture that cannot be written or read.
package struct PictureError: Error, Hashable, CustomStringConvertible {
    package let path: String
    package let problem: String
    package let remedy: String

    package var description: String { "\(path): \(problem); \(remedy)" }
}

/// Reads and writes 8-bit PNG files through libpng.
package enum PNGFile {
    /// Writes an 8-bit colour image.
    package static func write(_ image: RGBImage, to path: String) throws {
        try write(image.pixels, width: image.width, height: image.height, format: png_uint_32(PNG_FORMAT_RGB), to: path)
    }

    /// An 8-bit colour image as the bytes of a PNG file.
    package static func data(_ image: RGBImage) throws -> Data {
        var header = unsafe png_image()
        unsafe header.version = png_uint_32(PNG_IMAGE_VERSION)
        unsafe header.width = png_uint_32(image.width)
        unsafe header.height = png_uint_32(image.height)
        unsafe header.format = png_uint_32(PNG_FORMAT_RGB)
        defer { unsafe png_image_free(&header) }
        // Asked first without memory, libpng tells how many bytes it will write.
        var size: png_alloc_size_t = 0
        guard unsafe png_image_write_to_memory(&header, nil, &size, 0, image.pixels, 0, nil) != 0 else {
            throw unsafe failure(header, "PNG", "cannot be packed", "free memory and try again")
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        guard unsafe png_image_write_to_memory(&header, &bytes, &size, 0, image.pixels, 0, nil) != 0 else {
            throw unsafe failure(header, "PNG", "cannot be packed", "free memory and try again")
        }
        return Data(bytes.prefix(Int(size)))
    }

    /// Writes an 8-bit grey image.
    ///
    /// - Parameter grey: [height, width].
    package static func write(grey: [UInt8], width: Int, height: Int, to path: String) throws {
        precondition(width > 0 && height > 0, "an image of \(width)×\(height) pixels")
        precondition(grey.count == width * height, "\(grey.count) values for \(width)×\(height) pixels")
        try write(grey, width: width, height: height, format: png_uint_32(PNG_FORMAT_GRAY), to: path)
    }

    /// Reads any PNG file as 8-bit colour; transparency is laid over white.
    package static func read(_ path: String) throws -> RGBImage {
        var image = unsafe png_image()
        unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { unsafe png_image_free(&image) }
        guard unsafe png_image_begin_read_from_file(&image, path) != 0 else {
            throw unsafe failure(image, path, "cannot be read", "give a PNG file")
        }
        unsafe image.format = png_uint_32(PNG_FORMAT_RGB)
        let (width, height) = unsafe (Int(image.width), Int(image.height))
        var pixels = [UInt8](repeating: 0, count: 3 * width * height)
        var white = png_color(red: 255, green: 255, blue: 255)
        guard unsafe png_image_finish_read(&image, &white, &pixels, 0, nil) != 0 else {
            throw unsafe failure(image, path, "cannot be read", "give a PNG file")
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private static func write(
        _ pixels: [UInt8], width: Int, height: Int, format: png_uint_32, to path: String
    ) throws {
        var image = unsafe png_image()
        unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
        unsafe image.width = png_uint_32(width)
        unsafe image.height = png_uint_32(height)
        unsafe image.format = format
        defer { unsafe png_image_free(&image) }
        guard unsafe png_image_write_to_file(&image, path, 0, pixels, 0, nil) != 0 else {
            throw unsafe failure(
                image, path, "cannot be written", "choose a file in a folder that exists and can be written to")
        }
    }

    /// An error with libpng's own words.
    private static func failure(_ image: png_image, _ path: String, _ what: String, _ remedy: String) -> PictureError {
        let message = unsafe withUnsafeBytes(of: image.message) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return PictureError(path: path, problem: message.isEmpty ? what : "\(what) (\(message))", remedy: remedy)
    }
}
