import Foundation

/// Which networks the names of a file's tensors belong to.
struct EncoderNames {
    let file: WeightFile
    private(set) var encoders: [PretrainedEncoder.Role: NameScheme] = [:]
    private(set) var predictor: NameScheme?
    private(set) var format: PretrainedWeights.Format
    /// Prefixes of encoders that are neither of the two, sorted.
    private var others: [String] = []

    private static let patches = "patch_embed.proj.weight"
    private static let facePatches = "embeddings.patch_embeddings.projection.weight"

    init(_ file: WeightFile) {
        self.file = file
        format =
            switch file.metadata["format"] {
            case PretrainedWeights.checkpointFormat: .checkpoint
            case PretrainedWeights.ownFormat: .own
            default: [.torch, .oldTorch].contains(file.container) ? .stateDict : .timm
            }
        for name in file.tensors.keys.sorted() {
            if name.hasSuffix(Self.facePatches) {
                format = .huggingFace
                add(NameScheme(style: .huggingFace, prefix: String(name.dropLast(Self.facePatches.count))), .only)
            } else if name.hasSuffix(Self.patches), !Self.isMoment(name) {
                let prefix = String(name.dropLast(Self.patches.count))
                add(NameScheme(style: .plain, prefix: prefix), Self.role(prefix))
            } else if name.hasSuffix("predictor_embed.weight"), !Self.isMoment(name) {
                let prefix = String(name.dropLast("predictor_embed.weight".count))
                if predictor == nil { predictor = NameScheme(style: .plain, prefix: prefix) }
            }
        }
        if format == .stateDict, encoders.keys.contains(where: { $0 != .only }), !isTimmTraining { format = .ijepa }
    }

    private mutating func add(_ scheme: NameScheme, _ role: PretrainedEncoder.Role) {
        if encoders[role] == nil { encoders[role] = scheme } else { others.append(scheme.prefix) }
    }

    /// timm's training keeps the weights under `state_dict` and their average under `state_dict_ema`.
    private var isTimmTraining: Bool { encoders[.context]?.prefix.hasPrefix("state_dict.") ?? true }

    private static func isMoment(_ name: String) -> Bool { name.hasPrefix("adam_m.") || name.hasPrefix("adam_v.") }

    private static func role(_ prefix: String) -> PretrainedEncoder.Role {
        switch prefix.split(separator: ".").first {
        case "target_encoder", "state_dict_ema", "model_ema": .target
        case "encoder": .context
        default: .only
        }
    }

    /// What is wrong with a file without an encoder.
    var noEncoder: WeightError {
        let names = file.tensors.keys.sorted()
        let beginning = names.prefix(5).joined(separator: ", ")
        return WeightError(
            file: file.path,
            message: names.isEmpty
                ? "has no tensors"
                : "has no vision transformer's patch embedding among its \(names.count) tensors (\(beginning), …)",
            remedy: "give weights of I-JEPA, of timm's vision transformers, of IJepaModel, or of this program")
    }

    // MARK: What else there is

    /// Looks at all tensors that belong to none of the networks.
    ///
    /// - Returns: The known parts among them.
    /// - Throws: `WeightError` where there are others.
    func checkRest() throws -> [String] {
        guard others.isEmpty else {
            throw WeightError(
                file: file.path,
                message:
                    "has several encoders: \((encoders.values.map(\.prefix) + others).sorted().joined(separator: ", "))",
                remedy: "write the one that is meant to a file of its own")
        }
        let prefixes = encoders.values.map(\.prefix) + (predictor.map { [$0.prefix] } ?? [])
        var parts: Set<String> = Set(file.steppedOver)
        var unknown: [String] = []
        for name in file.tensors.keys {
            // Names below the prefix of a network are judged with it.
            if prefixes.contains(where: { !$0.isEmpty && name.hasPrefix($0) }) { continue }
            if let part = knownPart(name) {
                parts.insert(part)
            } else if !prefixes.contains("") {
                unknown.append(name)
            }
        }
        guard unknown.isEmpty else {
            throw WeightError(
                file: file.path, message: NameDifferences(missing: [], leftOver: unknown.sorted()).text,
                remedy: "remove what is no part of the network, and write the file again")
        }
        return parts.sorted()
    }

    /// The part that a tensor beside the networks belongs to.
    private func knownPart(_ name: String) -> String? {
        if format == .checkpoint || format == .own {
            if Self.isMoment(name) { return "optimiser" }
            // Maps in front of regularisers have names of their terms.
            return "projector (\(name.split(separator: ".").first ?? ""))"
        }
        if format == .huggingFace, name.hasPrefix("classifier.") { return "head" }
        return nil
    }
}
