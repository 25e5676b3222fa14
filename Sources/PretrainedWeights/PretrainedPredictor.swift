package import Networks
import TensorCore

/// A predictor in a file of weights, as in I-JEPA: a narrow transformer.
package struct PretrainedPredictor: Sendable {
    package let file: String
    /// D, the width of the encoder.
    package let encoderWidth: Int
    /// P.
    package let width: Int
    package let depth: Int
    package let hiddenWidth: Int
    let tensors: NetworkTensors
    /// Its table of positions, [1, N, P], which this program computes.
    let storedPositions: StoredTensor?

    /// Names of its table of positions in the public code.
    static let positionsName = "predictor_pos_embed"

    /// The predictor as a network of this program.
    ///
    /// - Parameters:
    ///   - heads: The public code gives it as many as the encoder.
    ///   - grid: Patches along one side of the image.
    package func sizes(heads: Int, grid: Int) -> TransformerPredictor.Sizes {
        TransformerPredictor.Sizes(
            encoderWidth: encoderWidth, width: width, depth: depth, heads: heads,
            mlpRatio: ratio(of: hiddenWidth, to: width), grid: grid)
    }

    /// Where its parameters lie in a flat vector; neither heads nor the grid matter.
    package var layout: ParameterLayout { TransformerPredictor(sizes(heads: 1, grid: 1)).layout }
    /// Parameters, without positions.
    package var parameterCount: Int { layout.parameterCount }

    /// Reads all parameters, in the order of `TransformerPredictor.layout`.
    ///
    /// - Throws: `WeightError`, for a storage whose checksum is wrong.
    package func values() throws -> PretrainedValues { try tensors.values(layout) }

    /// The values of one parameter by its name in `layout`, row-major.
    ///
    /// - Throws: As `values`.
    package func values(of name: String) throws -> [Float] { try tensors.values(of: name) }

    /// Its positions for a grid of patches, as those of an encoder.
    ///
    /// - Parameter trained: The grid that it was trained on, which the encoder tells.
    /// - Throws: `WeightError` where they are of another grid than that, or cannot be computed.
    func positions(of trained: (rows: Int, columns: Int)?, rows: Int, columns: Int) throws -> PositionGrid {
        guard let stored = storedPositions else {
            guard width.isMultiple(of: 4) else {
                throw WeightError(
                    file: file, tensor: "predictor",
                    message: "has no positions, and the sine-cosine table has none for the width \(width)",
                    remedy: "write a form without the predictor")
            }
            return .sineCosine(rows: rows, columns: columns, width: width)
        }
        guard let trained, multiplied(trained.rows, trained.columns).flatMap({ multiplied($0, width) }) == stored.count
        else {
            throw WeightError(
                file: file, tensor: "predictor", message: "has positions of another grid than the encoder",
                remedy: "say the size of the images that it was trained on")
        }
        let values = try WeightError.naming(file, Self.positionsName) { try stored.floats() }
        return PositionGrid(rows: trained.rows, columns: trained.columns, width: width, values: values)
            .fitted(rows: rows, columns: columns)
    }

    /// - Throws: `WeightError` where it is not whole, or no predictor of this program.
    init(_ file: WeightFile, scheme: NameScheme) throws {
        func tensor(_ name: String) throws -> StoredTensor {
            guard let tensor = file.tensors[scheme.prefix + name], tensor.shape.count == 2 else {
                throw WeightError(
                    file: file.path, tensor: "tensor \"\(scheme.prefix + name)\"",
                    message: "is not in the file, or no matrix", remedy: "give weights with a whole predictor")
            }
            return tensor
        }
        let embedding = try tensor("predictor_embed.weight")
        (width, encoderWidth) = (embedding.shape[0], embedding.shape[1])
        depth = file.blockCount(below: scheme.prefix + "predictor_blocks.")
        hiddenWidth = depth == 0 ? 1 : try tensor("predictor_blocks.0.mlp.fc1.weight").shape[0]
        let limits = [(width, 1 << 16), (encoderWidth, 1 << 16), (hiddenWidth, 1 << 18), (depth + 1, 1024)]
        guard limits.allSatisfy({ $0.0 >= 1 && $0.0 <= $0.1 }) else {
            throw WeightError(
                file: file.path, tensor: "predictor",
                message: "has the width \(width), \(hiddenWidth) hidden, depth \(depth), which is none",
                remedy: WeightError.again)
        }
        self.file = file.path
        let positions = scheme.prefix + Self.positionsName
        storedPositions = file.tensors[positions]
        let sizes = TransformerPredictor.Sizes(
            encoderWidth: encoderWidth, width: width, depth: depth, heads: 1,
            mlpRatio: ratio(of: hiddenWidth, to: width), grid: 1)
        tensors = try NetworkTensors(
            file, of: TransformerPredictor(sizes).layout, scheme: scheme, part: "predictor", known: [positions],
            // Without a prefix, the encoder lies beside it.
            isOptional: { scheme.prefix.isEmpty && !$0.hasPrefix("predictor_") },
            remedy: { _ in "give weights of a predictor as I-JEPA has it, whole and with nothing else" })
    }
}
