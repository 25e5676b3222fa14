import Analysis
import ArgumentParser
import Datasets
import Declarations
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
            normalised with ImageNet's numbers unless others are given. With --spec the view has the spec's side, channels, \
            crop, decoder, interpolation and limits, and its normalisation, for which data.normalization: dataset reads the \
            spec's images.
            """)

    enum View: String, CaseIterable, ExpressibleByArgument {
        case crop, eval
    }

    @Argument(help: "A JPEG, PNG or WebP file; or a pack, with --image.", completion: .file())
    var file: String

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The .npy file to write.", valueName: "npy"),
        completion: .file(extensions: ["npy"]))
    var output: String

    @Option(
        help: ArgumentHelp(
            "Of a pack: the image, by the name of its file, or by split and number as train:3.", valueName: "name"))
    var image: String?

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

    @Option(
        help: ArgumentHelp("The spec whose view is meant; options beside it win.", valueName: "spec"),
        completion: ShellCompletion.spec)
    var spec: String?

    @Option(help: "Of --spec: the arm that is meant. (default: the baseline)")
    var arm: String?

    @Option(
        help: ArgumentHelp(
            "crop: smallest and largest share of the image's area. (default: \(Self.pair(RunConfiguration().data.cropScale)))",
            valueName: "s,s"))
    var cropScale: String?

    @Option(
        help: ArgumentHelp(
            "crop: smallest and largest ratio of width to height. (default: \(Self.pair(RunConfiguration().data.cropAspect)))",
            valueName: "r,r"))
    var cropAspect: String?

    @Option(help: ArgumentHelp("Means of the channels, 0…1.", valueName: "m,…"))
    var mean: String?

    @Option(help: ArgumentHelp("Standard deviations of the channels, 0…1.", valueName: "s,…"))
    var std: String?

    @Option(name: .customLong("channels"), help: "1: the luma of colours; 3: grey repeated. (default: 3)")
    var givenChannels: Int?

    @Flag(help: "Turn the image as EXIF says.")
    var exif = false

    @Flag(help: "Decode a JPEG at the fraction that the view needs.")
    var fast = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let givenChannels, ![1, 3].contains(givenChannels) {
            throw ValidationError("--channels takes 1 or 3, not \(givenChannels).")
        }
        try OptionBounds.check(size, "--size", in: 1...8192)
        try OptionBounds.check(shortSide, "--short-side", in: 1...65_536)
        let ofViews: [(String, Bool)] = [
            ("--size", size != nil), ("--seed", seed != nil), ("--mean", mean != nil), ("--std", std != nil),
            ("--fast", fast), ("--spec", spec != nil),
        ]
        if view == nil, let (name, _) = ofViews.first(where: \.1) {
            throw ValidationError("\(name) applies only to --view.")
        }
        if view != .eval, let name = shortSide != nil ? "--short-side" : interpolation != nil ? "--interpolation" : nil
        {
            throw ValidationError("\(name) applies only to --view eval.")
        }
        let ofCrops = [
            ("--seed", seed != nil), ("--crop-scale", cropScale != nil), ("--crop-aspect", cropAspect != nil),
        ]
        if view != .crop, let (name, _) = ofCrops.first(where: \.1) {
            throw ValidationError("\(name) applies only to --view crop.")
        }
        if spec == nil, arm != nil { throw ValidationError("--arm applies only to --spec.") }
        guard (mean == nil) == (std == nil) else { throw ValidationError("Give --mean and --std together.") }
        // A spec may say another number of channels, which is not read yet.
        if spec == nil || givenChannels != nil { _ = try normalization(channels: givenChannels ?? 3) }
        _ = try crop(of: RunConfiguration().data)
    }

    struct Report: Encodable {
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
        let settings = try viewSettings()
        let channels = settings.channels
        if image != nil || Pack.isPack(file) { return try runOnPack(settings) }
        var bytes: [UInt8] = []
        let count = try SingleFile(path: file).read(0, limit: settings.limits.bytes, into: &bytes)
        bytes.removeLast(bytes.count - count)
        let header = try DatasetError.naming(file) { try ImageHeader(bytes) }
        let data: Data
        let shape: [Int]
        var region: CropRegion?
        if let view {
            let side = settings.side
            var decoding = EncodedImages.Decoding()
            decoding.channels = channels
            decoding.appliesOrientation = settings.appliesOrientation
            decoding.isFast = settings.isFast
            decoding.maximumPixels = settings.limits.pixels
            decoding.maximumBytes = settings.limits.bytes
            let source = EncodedImages(file: file, decoding: decoding)
            let (values, seen) = try rendered(view, settings, of: source, image: 0)
            shape = [channels, side, side]
            region = seen
            data = NumPyFile.bytes(of: values, shape: shape)
        } else {
            let decoder = ImageDecoder(limits: settings.limits, appliesOrientation: exif)
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
        try show(report)
    }

    func show(_ report: Report) throws {
        if json { return print(String(decoding: try StoredJSON.encode(report), as: UTF8.self)) }
        print(
            "\(report.file): \(report.format), \(report.width)×\(report.height), \(report.colourSpace)\n"
                + (report.region.map { "crop of \($0.width)×\($0.height) at column \($0.left) and row \($0.top)\n" }
                    ?? "")
                + "\(output): \(report.type) [\(report.shape.map(String.init).joined(separator: ", "))]")
    }

    /// What the engine gets, [channels, side, side], and for a crop of what part.
    func rendered(
        _ view: View, _ settings: ViewSettings, of source: any ImageSource, image: Int
    ) throws -> (values: [Float], region: CropRegion?) {
        let (side, channels) = (settings.side, settings.channels)
        let stored = ImageDataset(
            name: file, source: source, labels: nil, classCount: 0,
            normalization: DataImages.imageNet.converted(toChannels: source.channels) ?? DataImages.imageNet)
        var images = stored.shown(inChannels: channels) ?? stored
        if let given = try normalization(channels: channels) ?? settings.normalization { images.normalization = given }
        images.view = settings.view
        var renderer = ImageRenderer(images, size: side)
        let output = HostBuffer<Float>(count: channels * side * side)
        var region: CropRegion?
        switch view {
        case .eval: try renderer.render(image, into: output, slot: 0)
        case .crop:
            let crop = settings.crop
            try renderer.render(image, into: output, slot: 0) { size in
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
    func normalization(channels: Int) throws -> Normalization? {
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
