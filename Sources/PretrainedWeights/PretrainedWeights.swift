import Safetensors

/// Weights of an encoder, perhaps with its moving average and a predictor, in any of the forms that are read here.
///
/// The public I-JEPA code's checkpoints, state dictionaries of PyTorch, transformers' IJepaModel, timm's vision transformers
/// without class token, and this program's own checkpoints and weights.
package struct PretrainedWeights: Sendable {
    package enum Format: String, Sendable, CaseIterable {
        /// facebookresearch/ijepa: encoder, predictor, target_encoder in a file of torch.save.
        case ijepa
        /// transformers' IJepaModel or IJepaForImageClassification.
        case huggingFace = "hf"
        /// timm's VisionTransformer, as safetensors.
        case timm
        /// A network's state_dict() in a file of torch.save.
        case stateDict = "state_dict"
        /// A checkpoint of a run of this program.
        case checkpoint
        /// Weights that this program has written.
        case own = "cjepa"
    }

    /// What the user says about a network because its file does not.
    package struct Hints: Sendable, Hashable {
        package var heads: Int?
        /// Patches in a column and in a row.
        package var rows: Int?
        package var columns: Int?

        package init(heads: Int? = nil, rows: Int? = nil, columns: Int? = nil) {
            self.heads = heads
            self.rows = rows
            self.columns = columns
        }
    }

    package let file: WeightFile
    package let format: Format
    /// Those that there are, and how their parameters are called.
    let schemes: [PretrainedEncoder.Role: NameScheme]
    let predictorScheme: NameScheme?
    private let hints: Hints

    /// Parts beside encoders and predictor that are known and not used: "head", "projector", "optimiser".
    package let otherParts: [String]

    package var path: String { file.path }
    /// The encoders that there are.
    package var roles: [PretrainedEncoder.Role] { PretrainedEncoder.Role.allCases.filter { schemes[$0] != nil } }
    package var hasPredictor: Bool { predictorScheme != nil }

    /// Metadata of files that this program writes for others than itself.
    package static let ownFormat = "cjepa-exp weights"
    static let checkpointFormat = "cjepa-exp checkpoint"

    /// Opens a file or a folder and finds out what it is; numbers are not read yet.
    ///
    /// - Throws: `WeightError` or `SafetensorsError` for what is damaged, is no encoder, or has names that are not known.
    package init(path: String, hints: Hints = Hints()) throws {
        try self.init(WeightFile(path: path), hints: hints)
    }

    /// - Throws: `WeightError` where the tensors make no encoder.
    package init(_ file: WeightFile, hints: Hints = Hints()) throws {
        let names = EncoderNames(file)
        self.file = file
        self.hints = hints
        schemes = names.encoders
        predictorScheme = names.predictor
        format = names.format
        guard !schemes.isEmpty else { throw names.noEncoder }
        otherParts = try names.checkRest()
    }

    /// An encoder of the file.
    ///
    /// - Parameter role: None: the target encoder where there is one, else the one that there is.
    /// - Throws: `WeightError` where there is none of that role, its tensors do not fit, or names are missing or unknown.
    package func encoder(_ role: PretrainedEncoder.Role? = nil) throws -> PretrainedEncoder {
        let chosen = role ?? [.target, .only, .context].first { schemes[$0] != nil } ?? .only
        guard let scheme = schemes[chosen] else {
            throw WeightError(
                file: path, message: "there is no \(chosen.rawValue) in the file",
                remedy: "it has: \(roles.map(\.rawValue).joined(separator: ", "))")
        }
        return try EncoderReading(file: file, scheme: scheme, role: chosen, hints: hints).encoder()
    }

    /// The predictor of the file; none where it has none.
    ///
    /// - Throws: `WeightError` where its tensors do not fit, or names are missing or unknown.
    package func predictor() throws -> PretrainedPredictor? {
        try predictorScheme.map { try PretrainedPredictor(file, scheme: $0) }
    }
}
