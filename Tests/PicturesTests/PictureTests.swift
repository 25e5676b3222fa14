import Foundation
import Pictures
import Testing

@Suite("Pictures")
struct PictureTests {
    private func temporaryFile() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("picture-\(UUID().uuidString).png").path
    }

    @Test("A colour image survives PNG")
    func colour() throws {
        let path = temporaryFile()
        defer { unlink(path) }
        let pixels = (0..<3 * 7 * 5).map { UInt8(truncatingIfNeeded: $0 * 41 + 3) }
        let image = RGBImage(width: 7, height: 5, pixels: pixels)
        try PNGFile.write(image, to: path)
        #expect(try PNGFile.read(path) == image)
    }

    @Test("A grey image is stored with one channel and reads as grey")
    func grey() throws {
        let path = temporaryFile()
        defer { unlink(path) }
        let values: [UInt8] = [0, 1, 2, 127, 254, 255]
        try PNGFile.write(grey: values, width: 3, height: 2, to: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(Array(bytes[1..<4]) == Array("PNG".utf8))
        // Width, height, bit depth and colour type of the header chunk.
        #expect(Array(bytes[16..<26]) == [0, 0, 0, 3, 0, 0, 0, 2, 8, 0])
        #expect(try PNGFile.read(path).pixels == values.flatMap { [$0, $0, $0] })
    }

    @Test("A reduced image holds the mean colours, without what is left over at the edges")
    func reduced() {
        var image = RGBImage(width: 5, height: 4, color: RGBColor(grey: 10))
        image[0, 0] = RGBColor(50, 10, 11)
        image[4, 3] = RGBColor(grey: 255)
        let small = image.reduced(by: 2)
        #expect(small.width == 2 && small.height == 2)
        #expect(small[0, 0] == RGBColor(20, 10, 10) && small[1, 1] == RGBColor(grey: 10))
        #expect(image.reduced(by: 1) == image)
        #expect(image.enlarged(by: 3).reduced(by: 3) == image)
    }

    @Test("A folder that is missing is named in the error, with libpng's words")
    func missingFolder() throws {
        let path = "/nonexistent-folder/picture.png"
        let error = try #require(throws: PictureError.self) {
            try PNGFile.write(grey: [0], width: 1, height: 1, to: path)
        }
        #expect(error.path == path && error.problem.contains("No such file"), "\(error)")
    }

    @Test("What is not a PNG file is refused")
    func notAPicture() throws {
        let path = temporaryFile()
        defer { unlink(path) }
        try Data("no picture at all".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: PictureError.self) { try PNGFile.read(path) }
    }

    @Test("Rectangles are filled within their bounds and clipped to the image")
    func fill() {
        let (white, red) = (RGBColor(grey: 255), RGBColor(255, 0, 0))
        var image = RGBImage(width: 4, height: 3)
        image.fill(x: -2, y: 1, width: 4, height: 9, color: red)
        for y in 0..<3 {
            for x in 0..<4 { #expect(image[x, y] == (x < 2 && y >= 1 ? red : white), "(\(x), \(y))") }
        }
        let before = image
        image.fill(x: 4, y: 0, width: 2, height: 3, color: red)
        image.fill(x: -5, y: -5, width: 2, height: 2, color: red)
        #expect(image == before)
        image.fill(x: 3, y: 0, width: 1, height: 1, color: RGBColor(grey: 55), opacity: 0.5)
        #expect(image[3, 0] == RGBColor(grey: 155))
    }

    @Test("An outline leaves the inside alone")
    func outline() {
        let (white, blue) = (RGBColor(grey: 255), RGBColor(0, 0, 255))
        var image = RGBImage(width: 6, height: 6)
        image.outline(x: 1, y: 1, width: 4, height: 5, color: blue)
        for y in 0..<6 {
            for x in 0..<6 {
                let edge = (1...4).contains(x) && (1...5).contains(y) && (x == 1 || x == 4 || y == 1 || y == 5)
                #expect(image[x, y] == (edge ? blue : white), "(\(x), \(y))")
            }
        }
    }

    @Test("Enlarging repeats pixels, drawing copies and clips")
    func enlargeAndDraw() {
        let small = RGBImage(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
        let large = small.enlarged(by: 2)
        #expect(large.width == 4 && large.height == 2)
        #expect(large[1, 1] == RGBColor(1, 2, 3) && large[2, 0] == RGBColor(4, 5, 6))
        var canvas = RGBImage(width: 3, height: 2)
        canvas.draw(large, x: 1, y: -1)
        #expect(canvas[1, 0] == RGBColor(1, 2, 3) && canvas[2, 0] == RGBColor(1, 2, 3))
        #expect(canvas[0, 0] == RGBColor(grey: 255) && canvas[1, 1] == RGBColor(grey: 255))
    }

    @Test("Text is drawn from its corner, scaled, in capitals")
    func text() {
        var (small, capital) = (RGBImage(width: 12, height: 8), RGBImage(width: 12, height: 8))
        small.write("il", x: 0, y: 0, color: RGBColor(grey: 0))
        capital.write("IL", x: 0, y: 0, color: RGBColor(grey: 0))
        #expect(small == capital)
        // The foot of the L, and the gap between the letters.
        #expect((6..<11).allSatisfy { small[$0, 6] == RGBColor(grey: 0) })
        #expect((0..<8).allSatisfy { small[5, $0] == RGBColor(grey: 255) })
        #expect(RGBImage.textWidth("IL", scale: 3) == 33 && RGBImage.textHeight(scale: 3) == 21)
        var large = RGBImage(width: 24, height: 16)
        large.write("IL", x: 0, y: 0, color: RGBColor(grey: 0), scale: 2)
        #expect(large == small.enlarged(by: 2))
    }
}
