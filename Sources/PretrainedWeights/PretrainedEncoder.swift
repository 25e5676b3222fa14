import Kernels
package import Networks
import Safetensors
import TensorCore

/// An encoder in a file of weights: its sizes, and its parameters when they are asked for.
package struct PretrainedEncoder: Sendable {
    /// Which of a file's encoders.
    package enum Role: String, Sendable, CaseIterable {
        /// The one that is trained.
        case context = "encoder"
        /// Its moving average, which the papers evaluate.
        case target = "target_encoder"
        /// The file has one, and does not say.
        case only = "the only encoder"
    }

    package let file: String
    package let role: Role
    package internal(set) var geometry: EncoderGeometry
    /// What is worth knowing before its features are used: another epsilon, heads that were assumed.
    package internal(set) var remarks: [String]
    let tensors: NetworkTensors
    let storedPositions: StoredTensor?

    /// Its parameters in the order of `VisionTransformer.layout`.
    package struct Values: Sendable {
        /// One flat vector, gaps included.
        package let parameters: [Float]
        /// Names of tensors that hold a number that is not finite, sorted.
        package let nonFinite: [String]
    }

    /// The network's layout, which no image size changes.
    package var layout: ParameterLayout {
        // Heads and images are no matter of parameters.
        VisionTransformer(
            VisionTransformer.Settings(
                imageSize: geometry.patchSize, patchSize: geometry.patchSize, channels: geometry.channels,
                width: geometry.width, depth: geometry.depth, heads: 1, mlpRatio: geometry.mlpRatio)
        ).layout
    }

    /// Reads all parameters.
    ///
    /// - Throws: `WeightError`, for a storage whose checksum is wrong.
    package func values() throws -> Values { try tensors.values(layout) }

    /// Positions for a grid of patches: those of the file for its own grid, else as `PositionGrid.fitted`; computed where
    /// the file has none.
    ///
    /// - Throws: `WeightError` where the file has positions of a grid that is not known, or the storage is damaged.
    package func positions(rows: Int, columns: Int) throws -> PositionGrid {
        if let stored = try positions() { return stored.fitted(rows: rows, columns: columns) }
        guard geometry.width.isMultiple(of: 4) else {
            throw WeightError(
                file: file,
                message: "has no positions, and the sine-cosine table has none for the width \(geometry.width)",
                remedy: "give weights with positions")
        }
        let table = PositionEmbedding.table(width: geometry.width, rows: rows, columns: columns)
        return PositionGrid(rows: rows, columns: columns, width: geometry.width, values: table.map { Float($0) })
    }

    /// The positions that the file has.
    ///
    /// - Throws: `WeightError` where their grid is not known.
    package func positions() throws -> PositionGrid? {
        guard let storedPositions else { return nil }
        let count = storedPositions.count / geometry.width
        guard let rows = geometry.rows, let columns = geometry.columns, multiplied(rows, columns) == count else {
            throw WeightError(
                file: file, tensor: "positions",
                message: geometry.rows.map {
                    "there are \(count) positions, but images of \($0)×\(geometry.columns ?? 0) patches are meant"
                } ?? "\(count) positions make no square grid",
                remedy: "say the grid that it was trained on")
        }
        return PositionGrid(
            rows: rows, columns: columns, width: geometry.width,
            values: try WeightError.naming(file, "positions") { try storedPositions.floats() })
    }
}

/// Where the parameters of a network lie in a file: for each the tensors that make it up, one below the other.
struct NetworkTensors: Sendable {
    let file: String
    let sources: [String: [StoredTensor]]

    /// One flat vector in the order of a layout whose names are all there, in the right shapes.
    func values(_ layout: ParameterLayout) throws -> PretrainedEncoder.Values {
        var flat = [Float](repeating: 0, count: layout.count)
        var nonFinite: [String] = []
        for entry in layout.entries {
            let values = try self.values(of: entry.name)
            guard values.count == entry.slot.shape.count else {
                throw WeightError(
                    file: file, tensor: entry.name,
                    message: "has \(values.count) elements instead of "
                        + "\(entry.slot.shape.count)", remedy: WeightError.again)
            }
            flat.replaceSubrange(entry.slot.offset..<(entry.slot.offset + values.count), with: values)
            if !values.allSatisfy(\.isFinite) { nonFinite.append(entry.name) }
        }
        return PretrainedEncoder.Values(parameters: flat, nonFinite: nonFinite.sorted())
    }

    /// The values of one parameter, row-major.
    func values(of name: String) throws -> [Float] {
        try WeightError.naming(file, name) { try (sources[name] ?? []).flatMap { try $0.floats() } }
    }

    /// - Throws: `WeightError` where a parameter has another shape than the layout says.
    func check(_ layout: ParameterLayout, scheme: NameScheme) throws {
        for entry in layout.entries {
            let parts = sources[entry.name] ?? []
            for (part, name) in zip(parts, scheme.names(of: entry.name)) {
                var expected = entry.storedShape
                if let first = expected.first { expected[0] = first / max(parts.count, 1) }
                guard part.shape == expected else {
                    throw WeightError(
                        file: file, tensor: "tensor \"\(name)\"",
                        message: "has the shape \(part.shape) instead of \(expected)",
                        remedy: "the other tensors make a network in which it must have that one")
                }
                guard part.isFloatingPoint else {
                    throw WeightError(
                        file: file, tensor: "tensor \"\(name)\"",
                        message: "holds \(part.type.rawValue) instead of floating-point numbers",
                        remedy: "give weights that are not quantised")
                }
            }
        }
    }
}

extension WeightError {
    /// Gives errors that name no file theirs.
    static func naming<Result>(_ file: String, _ name: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var error as WeightError where error.file.isEmpty {
            error.file = file
            error.tensor = "tensor \"\(name)\""
            throw error
        }
    }
}
