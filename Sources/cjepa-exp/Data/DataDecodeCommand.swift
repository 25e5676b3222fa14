import Analysis
import ArgumentParser
import Datasets
import ExperimentSpec
import Foundation
import ImageCodecs
import RunStore
import Safetensors
import TensorCore

/// `cjepa-exp data decode`: the pixels of one file, for comparison with other programs.
struct DataDecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode", abstract: "Write an image's pixels, or what the engine gets of it, to an .npy file.",
        discussion: """
            Without --view the whole image, uint8 [H, W, C]. With --view what the engine gets, float32 [C, S, S], \
            normalised with ImageNet's numbers unless others are given.
            """)

    enum View: String, CaseIterable, ExpressibleByArgument {
        case crop, eval
    }

    @Argument(help: "A JPEG, PNG or WebP file.", completion: .file())
    var file: String

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The .npy file to write.", valueName: "npy"),
        completion: .file(extensions: ["npy"]))
    var output: String

    @Option(help: "What the engine gets: a random crop, or what evaluations see.")
    var view: View?

    @Option(
        help: ArgumentHelp("Side of the view. (default: \(DataImages.defaultSide))", valueName: "pixels"))
    var size: Int?

    @Option(help: "Seed of the crop. (default: 0)")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "eval: length that the short side is resized to before the centre is cut out. (default: 8/7 of the size)",
            valueName: "pixels"))
    var shortSide: Int?

    @Option(help: "eval: bilinear or bicubic. (default: bilinear)")
    var interpolation: Interpolation?

    @Option(help: ArgumentHelp("Means of the channels, 0…1.", valueName: "m,…"))
    var mean: String?

    @Option(help: ArgumentHelp("Standard deviations of the channels, 0…1.", valueName: "s,…"))
    var std: String?

    @Option(help: "1: the luma of colours; 3: grey repeated.")
    var channels = 3

    @Flag(help: "Turn the image as EXIF says.")
    var exif = false

    @Flag(help: "Decode a JPEG at the fraction that the view needs.")
    var fast = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard [1, 3].contains(channels) else {
            throw ValidationError("--channels takes 1 or 3, not \(channels).")
        }
        try OptionBounds.check(size, "--size", in: 1...8192)
        try OptionBounds.check(shortSide, "--short-side", in: 1...65_536)
        let ofViews: [(String, Bool)] = [
            ("--size", size != nil), ("--seed", seed != nil), ("--mean", mean != nil), ("--std", std != nil),
            ("--fast", fast),
        ]
        if view == nil, let (name, _) = ofViews.first(where: \.1) {
            throw ValidationError("\(name) applies only to --view.")
        }
        if view != .eval, let name = shortSide != nil ? "--short-side" : interpolation != nil ? "--interpolation" : nil
        {
            throw ValidationError("\(name) applies only to --view eval.")
        }
        if view != .crop, seed != nil { throw ValidationError("--seed applies only to --view crop.") }
        guard (mean == nil) == (std == nil) else { throw ValidationError("Give --mean and --std together.") }
        _ = try normalization()
    }

    private struct Report: Encodable {
        struct Region: Encodable {
            let top: Int
            let left: Int
            let height: Int
            let width: Int
        }

        let file: String
        let output: String
        let format: String
        /// As stored.
        let height: Int
        let width: Int
        let colourSpace: String
        let orientation: Int
        let shape: [Int]
        let type: String
        /// What the crop is of, in pixels of the image.
        var region: Region?
    }

    func run() throws {
        let limits = ImageLimits()
        let bytes = try ImageFiles.bytes(of: file, limits: limits)
        let header = try DatasetError.naming(file) { try ImageHeader(bytes) }
        let data: Data
        let shape: [Int]
        var region: CropRegion?
        if let view {
            let side = size ?? DataImages.defaultSide
            let (values, seen) = try rendered(view, side: side, limits: limits)
            shape = [channels, side, side]
            region = seen
            data = NumPyFile.bytes(of: values, shape: shape)
        } else {
            let decoder = ImageDecoder(limits: limits, appliesOrientation: exif)
            var buffer = PixelBuffer()
            try DatasetError.naming(file) {
                try decoder.decode(bytes, as: channels == 1 ? .grey : .rgb, into: &buffer)
            }
            shape = [buffer.height, buffer.width, buffer.channels]
            data = NumPyFile.bytes(of: buffer.pixels, shape: shape)
        }
        try AtomicFile.write(data, to: output)
        let report = Report(
            file: file, output: output, format: header.format.rawValue, height: header.height, width: header.width,
            colourSpace: header.colorSpace.rawValue, orientation: header.orientation.rawValue, shape: shape,
            type: view == nil ? "uint8" : "float32",
            region: region.map { .init(top: $0.top, left: $0.left, height: $0.height, width: $0.width) })
        if json { return print(String(decoding: try StoredJSON.encode(report), as: UTF8.self)) }
        print(
            "\(file): \(header.format.rawValue), \(header.width)×\(header.height), \(header.colorSpace.rawValue)\n"
                + (region.map { "crop of \($0.width)×\($0.height) at column \($0.left) and row \($0.top)\n" } ?? "")
                + "\(output): \(report.type) [\(shape.map(String.init).joined(separator: ", "))]")
    }

    /// What the engine gets, [channels, side, side], and for a crop of what part.
    private func rendered(
        _ view: View, side: Int, limits: ImageLimits
    ) throws -> (values: [Float], region: CropRegion?) {
        let path = file
        let files = ImageFiles(count: 1, limits: limits, appliesOrientation: exif, isFast: fast) { _ in path }
        let stored = ImageDataset(
            name: path, source: files, labels: nil, classCount: 0, normalization: DataImages.imageNet)
        var images = stored.shown(inChannels: channels) ?? stored
        if let given = try normalization() { images.normalization = given }
        images.view = EvaluationView(
            shortSide: shortSide ?? (side * 8 + 6) / 7, interpolation: interpolation ?? .bilinear)
        var renderer = ImageRenderer(images, size: side)
        let output = HostBuffer<Float>(count: channels * side * side)
        var region: CropRegion?
        switch view {
        case .eval: try renderer.render(0, into: output, slot: 0)
        case .crop:
            let defaults = RunConfiguration().data
            let crop = try RandomResizedCrop(scale: defaults.cropScale, aspect: defaults.cropAspect)
            try renderer.render(0, into: output, slot: 0) { size in
                var random = RandomStream(seed: seed ?? 0, purpose: .crop, epoch: 0, sample: 0)
                let chosen = crop.region(height: size.height, width: size.width, random: &random)
                region = chosen
                return chosen
            }
        }
        return ((0..<output.count).map { output[$0] }, region)
    }

    /// - Returns: None: ImageNet's.
    /// - Throws: `ValidationError` for what are not as many numbers as channels.
    private func normalization() throws -> Normalization? {
        guard let mean, let std else { return nil }
        func numbers(_ text: String, _ name: String, above least: Double) throws -> [Double] {
            let values = text.split(separator: ",").compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
            guard values.count == channels, values.allSatisfy({ $0.isFinite && $0 > least }) else {
                throw ValidationError(
                    "\(name) takes \(counted(channels, "number")) separated by commas"
                        + (least == 0 ? ", above 0" : "") + ", not “\(text)”.")
            }
            return values
        }
        return Normalization(
            mean: try numbers(mean, "--mean", above: -.infinity),
            standardDeviation: try numbers(std, "--std", above: 0))
    }
}

extension Interpolation: ExpressibleByArgument {}
