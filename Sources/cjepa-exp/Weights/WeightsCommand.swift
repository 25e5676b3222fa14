import ArgumentParser
import PretrainedWeights

/// `cjepa-exp weights`: encoders in and out of the forms of other programs.
struct WeightsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights",
        abstract: "Look at weights of encoders, compare them, and write them for other programs.",
        discussion: """
            Weights are a run, a checkpoint of one, or a file or folder of the public I-JEPA code (.pth.tar), of PyTorch \
            (a state dictionary), of transformers (IJepaModel) or of timm (a vision transformer without class token).
            """,
        subcommands: [
            WeightsShowCommand.self, WeightsConvertCommand.self, WeightsExportCommand.self, WeightsCompareCommand.self,
        ])
}

/// The encoder that is meant, of files that hold two.
enum EncoderChoice: String, CaseIterable, ExpressibleByArgument {
    case target
    case context

    /// "target_encoder" and "encoder", as files call them, too.
    init?(argument: String) {
        switch argument {
        case "target", "target_encoder": self = .target
        case "context", "encoder", "context_encoder": self = .context
        default: return nil
        }
    }

    var role: PretrainedEncoder.Role { self == .target ? .target : .context }
}

extension WeightExport.Form: ExpressibleByArgument {
    /// "huggingface" and "transformers" too.
    package init?(argument: String) {
        switch argument {
        case "huggingface", "transformers": self = .huggingFace
        default: self.init(rawValue: argument)
        }
    }
}

/// What the user says of weights whose file does not tell.
struct WeightHints: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Heads of the encoder, where the file does not tell. (default: those of the public size of its width)",
            valueName: "n"))
    var heads: Int?

    @Option(
        help: ArgumentHelp(
            "Patches in a column and in a row of the images that it was trained on, where the file does not tell.",
            valueName: "n|rows×columns"))
    var grid: String?

    func validate() throws {
        try OptionBounds.check(heads, "--heads", in: 1...1024)
        _ = try grid.map { try Self.pair($0, "--grid") }
    }

    func hints() throws -> PretrainedWeights.Hints {
        let sides = try grid.map { try Self.pair($0, "--grid") }
        return PretrainedWeights.Hints(heads: heads, rows: sides?.0, columns: sides?.1)
    }

    /// "14", or "14x20": height and width.
    ///
    /// - Throws: `ValidationError` for all else.
    static func pair(_ text: String, _ option: String) throws -> (Int, Int) {
        let parts = text.split(whereSeparator: { "x×".contains($0) }).map { Int($0) }
        guard (1...2).contains(parts.count), let first = parts[0], let last = parts[parts.count - 1],
            (1...65_536).contains(first), (1...65_536).contains(last)
        else { throw ValidationError("\(option) takes a number, or two as in 14x20, not \"\(text)\".") }
        return (first, last)
    }
}
