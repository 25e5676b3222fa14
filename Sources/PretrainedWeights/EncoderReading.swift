import Networks
import TensorCore

/// Finds an encoder's sizes and tensors under the names of a scheme.
struct EncoderReading {
    let file: WeightFile
    let scheme: NameScheme
    let role: PretrainedEncoder.Role
    let hints: PretrainedWeights.Hints

    /// More than any vision transformer has, and little enough for products of two sizes.
    private static let widest = 1 << 16

    private func failure(_ tensor: String?, _ message: String, _ remedy: String) -> WeightError {
        WeightError(
            file: file.path, tensor: tensor.map { "tensor \"\($0)\"" }, message: message, remedy: remedy)
    }

    /// - Throws: `WeightError`, with the names that are missing and those that are left over.
    func encoder() throws -> PretrainedEncoder {
        if let objection = file.description?.objections.first {
            throw failure(
                nil, "its config.json describes another network: \(objection)", "give an encoder of I-JEPA's form")
        }
        var geometry = try sizes()
        let layout = geometry.layout
        let tensors = try NetworkTensors(
            file, of: layout, scheme: scheme, part: "encoder", known: [scheme.positions], isOptional: isOptional,
            remedy: remedy)
        let positions = try positions(width: geometry.width)
        addWhatIsSaid(to: &geometry, positions: positions)
        return PretrainedEncoder(
            file: file.path, role: role, geometry: geometry, remarks: remarks(geometry), tensors: tensors,
            storedPositions: positions)
    }

    // MARK: Sizes

    private func sizes() throws -> EncoderGeometry {
        let (patches, _) = try tensor("patch_embed.proj.weight")
        let name = scheme.names(of: "patch_embed.proj.weight")[0]
        guard patches.shape.count == 4, patches.shape[2] == patches.shape[3] else {
            throw failure(
                name, "has the shape \(patches.shape) instead of [width, channels, patch, patch]",
                "give an encoder with square patches of images")
        }
        let depth = file.blockCount(below: scheme.blockPrefix)
        let (hidden, _) = try tensor("blocks.0.mlp.fc1.weight")
        let geometry = EncoderGeometry(
            patchSize: patches.shape[2], channels: patches.shape[1], width: patches.shape[0], depth: depth,
            hiddenWidth: hidden.shape.first ?? 0)
        let limits = [
            (geometry.width, Self.widest), (geometry.hiddenWidth, 4 * Self.widest), (geometry.patchSize, 1024),
            (geometry.channels, 4096), (depth, 1024),
        ]
        guard limits.allSatisfy({ $0.0 >= 1 && $0.0 <= $0.1 }) else {
            throw failure(
                name,
                "makes an encoder of width \(geometry.width), \(geometry.hiddenWidth) hidden, depth \(depth), patches "
                    + "of \(geometry.channels)×\(geometry.patchSize)², which is none", WeightError.again)
        }
        return geometry
    }

    private func tensor(_ parameter: String) throws -> (StoredTensor, String) {
        let name = scheme.names(of: parameter)[0]
        guard let tensor = file.tensors[name] else {
            throw failure(name, "is not in the file", "give weights of a whole encoder")
        }
        return (tensor, name)
    }

    // MARK: Names

    /// Parts that an encoder may come with and that are not read.
    private static let optional = ["head.", "mask_token", "embeddings.mask_token", "pooler.", "classifier."]

    private func isOptional(_ name: String) -> Bool {
        let rest = name.dropFirst(scheme.prefix.count)
        return Self.optional.contains { rest.hasPrefix($0) }
            // Without a prefix, the predictor and its table lie beside the encoder.
            || (scheme.prefix.isEmpty && rest.hasPrefix("predictor_"))
    }

    /// Optional parts that are there, by the names that a reader knows.
    private var optionalParts: [String] {
        let rest = file.tensors.keys.filter { $0.hasPrefix(scheme.prefix) }.map { $0.dropFirst(scheme.prefix.count) }
        return Self.optional.filter { part in rest.contains { $0.hasPrefix(part) } }
            .map { $0.hasSuffix("mask_token") ? "mask token" : String($0.dropLast()) }
    }

    private func remedy(for differences: NameDifferences) -> String {
        let names = differences.leftOver
        if names.contains(where: { $0.hasSuffix("cls_token") || $0.hasSuffix("reg_token") }) {
            return "it was trained with a class token or registers, which this program's network does not have"
        }
        if names.contains(where: { $0.contains("fc_norm") }) {
            return "its last norm follows the pooling; make it in timm with fc_norm=False"
        }
        if names.contains(where: { $0.contains(".ls1.") || $0.contains("lambda1") }) {
            return "its blocks scale their outputs (LayerScale), which this program's do not"
        }
        return "give weights of a vision transformer as I-JEPA has it, whole and with nothing else"
    }

    // MARK: Positions and the rest

    private func positions(width: Int) throws -> StoredTensor? {
        guard let tensor = file.tensors[scheme.positions] else { return nil }
        let isTable = tensor.shape.count == 3 ? tensor.shape[0] == 1 : tensor.shape.count == 2
        guard isTable, tensor.shape.last == width, tensor.isFloatingPoint, tensor.count > 0 else {
            throw failure(
                scheme.positions, "has the shape \(tensor.shape) instead of [1, patches, \(width)]", WeightError.again)
        }
        return tensor
    }

    private func addWhatIsSaid(to geometry: inout EncoderGeometry, positions: StoredTensor?) {
        let description = file.description
        func number(_ key: String) -> Int? {
            file.metadata[key].flatMap { Int($0) }.flatMap { (1...1_000_000).contains($0) ? $0 : nil }
        }
        geometry.rows = hints.rows ?? number("rows") ?? description?.rows
        geometry.columns = hints.columns ?? number("columns") ?? description?.columns
        if geometry.rows == nil || geometry.columns == nil {
            (geometry.rows, geometry.columns) = (nil, nil)
            if let positions {
                let count = positions.count / geometry.width
                let side = Int(Double(count).squareRoot().rounded())
                if side * side == count { (geometry.rows, geometry.columns) = (side, side) }
            }
        }
        if let grid = geometry.grid, !EncoderGeometry.isGrid(grid.rows, grid.columns) {
            (geometry.rows, geometry.columns) = (nil, nil)
        }
        geometry.epsilon = description?.epsilon ?? file.metadata["layer_norm_eps"].flatMap { Double($0) }
        geometry.heads = hints.heads ?? number("heads") ?? description?.heads
        if geometry.heads == nil, let heads = EncoderGeometry.publicHeads[geometry.width] {
            geometry.heads = heads
            geometry.headsAreAssumed = true
        }
    }

    private func remarks(_ geometry: EncoderGeometry) -> [String] {
        var remarks: [String] = []
        if geometry.headsAreAssumed, let heads = geometry.heads {
            remarks.append(
                "heads are not in the file; \(heads) are assumed, as in the public sizes of width \(geometry.width)")
        }
        if let epsilon = geometry.epsilon, epsilon != 1e-6 {
            remarks.append(
                "its LayerNorms were made with epsilon \(epsilon); here it is 1e-06, so features may differ a little")
        }
        let parts = optionalParts
        if !parts.isEmpty { remarks.append("not used: \(parts.joined(separator: ", "))") }
        return remarks
    }
}
