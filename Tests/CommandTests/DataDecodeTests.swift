import Foundation
import Pictures
import Testing

/// `data decode` on files whose pixels are known.
@Suite struct DataDecodeTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A NumPy file of version 1.0.
    private func array(_ arguments: String...) throws -> (shape: String, bytes: [UInt8]) {
        let path = folder.path + "/x.npy"
        let program = try Program.run(["data", "decode"] + arguments + ["--output", path])
        try #require(program.status == 0, "\(program.error)")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(bytes.prefix(8) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
        let length = 10 + Int(bytes[8]) + 256 * Int(bytes[9])
        return (String(decoding: bytes[10..<length], as: UTF8.self), Array(bytes[length...]))
    }

    private func floats(_ bytes: [UInt8]) -> [Float] {
        stride(from: 0, to: bytes.count, by: 4).map { start in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
        }
    }

    /// 40×20 pixels: red to the left, dark green to the right.
    private func picture() throws -> String {
        var image = RGBImage(width: 40, height: 20, color: RGBColor(255, 0, 0))
        image.fill(x: 20, y: 0, width: 20, height: 20, color: RGBColor(0, 51, 0))
        let path = folder.path + "/p.png"
        try PNGFile.write(image, to: path)
        return path
    }

    @Test func theWholeImageIsItsPixels() throws {
        let path = try picture()
        let (shape, bytes) = try array(path)
        #expect(shape.contains("'|u1'") && shape.contains("(20, 40, 3)"), "\(shape)")
        let pixels = try PNGFile.read(path).pixels
        #expect(bytes == pixels)
        let grey = try array(path, "--channels", "1")
        #expect(grey.shape.contains("(20, 40, 1)"))
        // (19595 · 255 + 32768) / 65536 and (38470 · 51 + 32768) / 65536.
        #expect(grey.bytes.first == 76 && grey.bytes.last == 30)
    }

    @Test func orientationIsAppliedWhereItIsAskedFor() throws {
        let file = Program.repository + "/Tests/Fixtures/images/orientation-6.jpg"
        #expect(try array(file).shape.contains("(14, 19, 3)"))
        #expect(try array(file, "--exif").shape.contains("(19, 14, 3)"))
    }

    @Test(arguments: ["eval", "crop"], [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 1, 0, 0]])
    func aHeaderWithAnImpossibleSizeIsAnErrorThatNamesTheFile(_ view: String, width: [UInt8]) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: try picture())))
        // Width and height of a PNG stand from byte 16 on.
        bytes.replaceSubrange(16..<24, with: width + width)
        let path = folder.path + "/bad.png"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let program = try Program.run(["data", "decode", path, "--view", view, "--output", folder.path + "/x.npy"])
        #expect([1, 64].contains(program.status) && program.error.contains("bad.png"), "\(program.error)")
    }

    @Test func aSpecGivesItsNormalisationChannelsAndLimits() throws {
        let path = try picture()
        let spec = try folder.write(
            """
            data: {dataset: list, folder: nowhere, normalization: numbers, mean: [0.25], std: [0.5], view_short_side: 8}
            model: {width: 16, depth: 1, heads: 2, image_size: 8, patch_size: 2, channels: 1, predictor: {width: 8}}
            masks.min_keep: 0
            training: {steps: 1}
            """, to: "grey.spec")
        let view = try array(path, "--view", "eval", "--spec", spec)
        #expect(view.shape.contains("(1, 8, 8)"))
        // Luma 76 of red to the left.
        let value = try #require(floats(view.bytes).first)
        #expect(abs(value - Float((76.0 / 255 - 0.25) / 0.5)) < 1e-5)
        let other = try array(path, "--view", "eval", "--spec", spec, "--mean", "0", "--std", "1")
        let plain = try #require(floats(other.bytes).first)
        #expect(abs(plain - Float(76.0 / 255)) < 1e-5)
        let small = try folder.write(
            String(contentsOfFile: spec, encoding: .utf8).replacingOccurrences(
                of: "view_short_side", with: "max_pixels: 799, view_short_side"), to: "small.spec")
        let refused = try Program.run(
            ["data", "decode", path, "--view", "eval", "--spec", small, "--output", folder.path + "/x.npy"])
        #expect(refused.status != 0 && refused.error.contains("more than the limit of 799"), "\(refused.error)")
    }

    @Test func aViewIsNormalisedAndPlanar() throws {
        let path = try picture()
        // The central 10×10 of 20×10: five columns of each colour, but for those that mix at the edge.
        let view = try array(
            path, "--view", "eval", "--size", "10", "--short-side", "10", "--mean", "0.5,0,0", "--std", "0.25,1,1")
        #expect(view.shape.contains("'<f4'") && view.shape.contains("(3, 10, 10)"), "\(view.shape)")
        let values = floats(view.bytes)
        try #require(values.count == 300)
        #expect(abs(values[0] - 2) <= 1e-5 && abs(values[9] + 2) <= 1e-5)
        #expect(abs(values[100]) <= 1e-5 && abs(values[109] - 0.2) <= 1e-5)
        let usual = floats(try array(path, "--view", "eval", "--size", "10", "--short-side", "10").bytes)
        #expect(abs(usual[0] - (1 - 0.485) / 0.229) <= 1e-5)
        let grey = try array(path, "--view", "eval", "--size", "10", "--channels", "1", "--mean", "0", "--std", "1")
        #expect(grey.shape.contains("(1, 10, 10)"))
        #expect(try abs(#require(floats(grey.bytes).first) - 76.0 / 255) <= 1e-5)
    }

    @Test func aCropIsAFunctionOfItsSeed() throws {
        let file = Program.repository + "/Tests/Fixtures/images/large-1x1.jpg"
        func crop(_ seed: String, _ more: String...) throws -> [UInt8] {
            let path = folder.path + "/c.npy"
            let program = try Program.run(
                ["data", "decode", file, "--view", "crop", "--size", "16", "--seed", seed, "--output", path] + more)
            try #require(program.status == 0, "\(program.error)")
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        #expect(try crop("1") == crop("1"))
        #expect(try crop("1") != crop("2"))
        // A fraction of the picture looks much like all of it.
        let (exact, fast) = (
            floats(Array(try crop("1").suffix(3072))), floats(Array(try crop("1", "--fast").suffix(3072)))
        )
        let difference = zip(exact, fast).reduce(0) { $0 + abs($1.0 - $1.1) } / 768
        #expect(difference > 0 && difference < 0.5)
    }
}
