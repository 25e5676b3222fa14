import ArgumentParser
import Foundation
import PretrainedWeights

/// What is written, and where; of `convert` and `export`.
struct WeightOutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Form to write: hf (folder for transformers), timm (folder), ijepa (.pth.tar of the public code), state_dict \
            (.pth of PyTorch), safetensors (of this program).
            """, valueName: "form"))
    var to: WeightExport.Form

    @Option(help: ArgumentHelp("File or folder to write.", valueName: "path"), completion: .file())
    var output: String

    @Option(
        help: ArgumentHelp(
            "Encoder of forms that hold one: target or context. (default: target, where there are two)",
            valueName: "encoder"))
    var encoder: EncoderChoice?

    @Option(
        help: ArgumentHelp(
            "Size of the images in pixels that positions are written for. (default: that of training)",
            valueName: "n|height×width"))
    var imageSize: String?

    @Option(help: ArgumentHelp("Licence for the model card, as SPDX has it.", valueName: "name"))
    var license = "unknown"

    @Flag(help: "Replace an existing output.")
    var force = false

    func validate() throws { _ = try imageSize.map { try WeightHints.pair($0, "--image-size") } }

    /// - Throws: `UnusableInput` where the output exists and is not to be replaced, or is of the other kind.
    func checkOutput() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: output, isDirectory: &isFolder) else { return }
        guard isFolder.boolValue == to.isFolder else {
            throw UnusableInput(
                place: output,
                problem: "is a \(isFolder.boolValue ? "folder" : "file"), where \(to.rawValue) is a "
                    + "\(to.isFolder ? "folder" : "file")", remedy: "name another output")
        }
        let isEmpty =
            isFolder.boolValue && (try? FileManager.default.contentsOfDirectory(atPath: output))?.isEmpty == true
        guard force || isEmpty else {
            throw UnusableInput(
                place: output, problem: "exists already", remedy: "name another output, or replace it with --force")
        }
    }

    /// - Throws: `WeightError`.
    func export(of weights: PretrainedWeights) throws -> WeightExport {
        let size = try imageSize.map { try WeightHints.pair($0, "--image-size") }
        let encoder = try weights.encoder(encoder?.role)
        let patch = encoder.geometry.patchSize
        if let size, !size.0.isMultiple(of: patch) || !size.1.isMultiple(of: patch) {
            throw UnusableInput(
                place: "--image-size", problem: "patches of \(patch) do not tile images of \(size.0)×\(size.1)",
                remedy: "give multiples of \(patch)")
        }
        return try WeightExport(
            weights, role: encoder.role, grid: size.map { (rows: $0.0 / patch, columns: $0.1 / patch) })
    }

    /// Writes, and says what: files on standard output, the rest on standard error.
    func write(_ export: WeightExport) throws {
        for remark in export.encoder.remarks { Console.note("note: \(remark)") }
        if !to.holdsAll { Console.note("writing the \(export.encoder.role.rawValue) of \(export.encoder.file)") }
        let broken = try export.encoder.values().nonFinite
        if !broken.isEmpty {
            Console.note("warning: numbers that are not finite in \(broken.joined(separator: ", "))")
        }
        for file in try export.write(to, to: output) { print(file) }
    }
}

/// `cjepa-exp weights convert`: from one form into another.
struct WeightsConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write weights in another form.",
        discussion: """
            Heads, norms and positions are kept as they are. Mean and deviation of the images are not in weights: they \
            are ImageNet's unless said otherwise.
            """)

    @Argument(help: "A file or folder of weights.", completion: .file())
    var weights: String

    @OptionGroup var output: WeightOutputOptions
    @OptionGroup var hints: WeightHints

    @Option(help: ArgumentHelp("Mean of each channel of images from 0 to 1.", valueName: "a,b,c"))
    var mean: String?

    @Option(help: ArgumentHelp("Standard deviation of each channel.", valueName: "a,b,c"))
    var std: String?

    func validate() throws {
        guard (mean == nil) == (std == nil) else { throw ValidationError("--mean and --std go together.") }
        for (text, name) in [(mean, "--mean"), (std, "--std")] {
            _ = try text.map { try ChannelNumbers.read($0, name, isDeviation: name == "--std") }
        }
    }

    func run() throws {
        try output.checkOutput()
        let place = try WeightPlace(weights, results: "results")
        Console.begin("reading \(place.path)")
        let opened = try place.open(hints.hints())
        var export = try output.export(of: opened)
        let channels = export.encoder.geometry.channels
        if let mean, let std {
            export.preprocessing = Preprocessing(
                mean: try ChannelNumbers.read(mean, "--mean", isDeviation: false, channels: channels),
                deviation: try ChannelNumbers.read(std, "--std", isDeviation: true, channels: channels))
        } else if channels != 3, output.to.isFolder {
            throw UnusableInput(
                place: weights, problem: "has images of \(channels) channels, for which there is no usual mean",
                remedy: "say --mean and --std")
        }
        var card = ModelCard(title: (weights as NSString).lastPathComponent)
        card.license = output.license
        card.provenance = [
            ("converted from", (weights as NSString).lastPathComponent), ("form", opened.format.rawValue),
            ("encoder", export.encoder.role.rawValue), ("program", "cjepa-exp \(CJEPAExp.configuration.version)"),
        ]
        export.card = card
        try output.write(export)
    }
}

/// "0.485,0.456,0.406".
enum ChannelNumbers {
    /// - Throws: `ValidationError` for what is no list of so many numbers.
    static func read(_ text: String, _ option: String, isDeviation: Bool, channels: Int? = nil) throws -> [Double] {
        let numbers = text.split(separator: ",").compactMap { Double($0) }
        guard numbers.count == text.split(separator: ",", omittingEmptySubsequences: false).count,
            numbers.allSatisfy({ $0.isFinite && (isDeviation ? $0 > 0 : true) }),
            channels ?? numbers.count == numbers.count
        else {
            let count = channels.map { "\($0) " } ?? ""
            throw ValidationError(
                "\(option) takes \(count)numbers\(isDeviation ? " above zero" : "") with commas between, not \"\(text)\"."
            )
        }
        return numbers
    }
}
