package import ExperimentSpec
import Kernels
package import Networks
import Objectives
package import Safetensors

/// An encoder with its weights, wherever these come from: what it takes to compute features.
package struct EncoderWeights: Sendable {
    package let settings: VisionTransformer.Settings
    /// Flat, in the order of the layout of `VisionTransformer`, gaps included.
    let parameters: [Float]
    /// Of the patches in raster order, [N, D]; none: the sine-cosine table.
    let positions: [Float]?

    /// - Throws: `TrainingError` where they are not as many as such an encoder has.
    package init(_ settings: VisionTransformer.Settings, parameters: [Float], positions: [Float]? = nil) throws {
        let expected = VisionTransformer(settings).layout.count
        guard parameters.count == expected else {
            throw TrainingError(description: "\(parameters.count) parameters for an encoder of \(expected)")
        }
        let numbers = settings.patchCount * settings.width
        guard positions.map({ $0.count == numbers }) ?? true else {
            throw TrainingError(
                description: "\(positions?.count ?? 0) numbers of positions for an encoder that needs \(numbers)")
        }
        (self.settings, self.parameters, self.positions) = (settings, parameters, positions)
    }

    /// An encoder of a checkpoint.
    ///
    /// - Parameter encoder: The target encoder is the context encoder where a run has only one.
    /// - Throws: `TrainingError` for a tensor that is missing or has another shape; `SafetensorsError`.
    package init(
        _ configuration: RunConfiguration, tensors: [String: SafetensorsTensor],
        encoder: EvaluationConfiguration.Encoder
    ) throws {
        let network = MethodNetworks(configuration).encoder
        let isSeparate = encoder == .target && configuration.targetEncoderRule.hasOwnParameters
        var flat = [Float](repeating: 0, count: network.layout.count)
        for entry in network.layout.entries {
            let name = (isSeparate ? "target_encoder." : "encoder.") + entry.name
            guard let tensor = tensors[name] else { throw TrainingError.missingTensor(name) }
            guard tensor.shape == entry.storedShape else {
                throw TrainingError.wrongShape(name, expected: entry.storedShape, found: tensor.shape)
            }
            let values = try tensor.floats()
            flat.replaceSubrange(entry.slot.offset..<(entry.slot.offset + values.count), with: values)
        }
        try self.init(network.settings, parameters: flat)
    }

    /// Side of its images, pixels.
    package var imageSize: Int { settings.imageSize }
    package var patchSize: Int { settings.patchSize }
    package var channels: Int { settings.channels }
    package var width: Int { settings.width }
    /// Blocks.
    package var depth: Int { settings.depth }
    package var heads: Int { settings.heads }

    /// Extents of one image's features.
    package func shape(of output: EncoderOutput) -> [Int] { output.shape(of: settings) }

    /// 16 hexadecimal digits over sizes and weights.
    package var fingerprint: String {
        var hash = XXH64()
        let sizes = [
            imageSize, patchSize, channels, width, depth, heads, settings.hiddenWidth, positions == nil ? 0 : 1,
        ]
        sizes.map { Int64($0).littleEndian }.withUnsafeBytes { hash.append($0) }
        for values in [parameters, positions ?? []] { values.withUnsafeBytes { hash.append($0) } }
        return XXH64.digits(hash.value)
    }
}
