import Foundation
import ImageCodecs
import Testing

@Suite("Image formats")
struct ImageFormatTests {
    private func problem(_ bytes: [UInt8]) throws -> String {
        var buffer = PixelBuffer()
        let error = try #require(throws: ImageError.self) { try ImageDecoder().decode(bytes, as: .rgb, into: &buffer) }
        #expect(error.kind == .otherFormat, "\(error)")
        #expect(throws: error) { try ImageFormat.of(bytes) }
        #expect(throws: error) { try ImageHeader(bytes) }
        return error.problem
    }

    @Test("Pictures of other formats, as Pillow writes them, are named as what they are")
    func others() throws {
        let made = try JSONDecoder().decode([String: Data].self, from: Data(try Fixture.read("others.json")))
        let names = [
            "bmp": "BMP", "gif": "GIF", "tiff": "TIFF", "avif": "AVIF", "jp2": "JPEG 2000", "ppm": "PNM", "ico": "ICO",
            "qoi": "QOI",
        ]
        #expect(made.count == names.count)
        for (kind, name) in names {
            let bytes = try #require(made[kind])
            #expect(try problem(Array(bytes)).contains(name), "\(kind)")
        }
    }

    @Test("Files that are no pictures are named as what they are")
    func noPictures() throws {
        let texts = [
            ("", "empty"), ("<!DOCTYPE html><html>", "HTML"), ("\n <html lang=en>", "HTML"),
            ("<?xml version=\"1.0\"?>\n<svg xmlns=\"\">", "SVG"), ("<?xml version=\"1.0\"?><a/>", "XML"),
            ("<svg>", "SVG"), ("{\"error\": 404}", "JSON"), ("Not found\n", "text"), ("%PDF-1.4", "PDF"),
            ("PK\u{3}\u{4}", "zip"), ("\u{1F}", "neither"), ("version https://git-lfs.github.com/spec/v1", "Git LFS"),
            ("RIFF\0\0\0\0WAVE", "WAVE"), ("\0\0\0\u{18}ftypheic", "HEIC"), ("\0\0\0\u{18}ftypmp42", "MP4"),
            ("\0\0\0\u{18}ftypavif", "AVIF"), ("\0\0\0\0\0\0", "zeros"),
        ]
        for (text, name) in texts { #expect(try problem(Array(text.utf8)).contains(name), "\(text)") }
        #expect(try problem([0x1F, 0x8B, 8]).contains("gzip"))
        #expect(try problem([0xFF, 0x0A]).contains("JPEG XL"))
        #expect(try problem([0xFF, 0xD8]).contains("neither"))
        #expect(try problem([0, 5, 0x16, 7, 0]).contains("AppleDouble"))
        let tar = [UInt8](repeating: 0x61, count: 257) + Array("ustar".utf8) + [0, 0]
        #expect(try problem(tar).contains("tar"))
    }
}
