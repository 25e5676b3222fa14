package import Datasets
import ExperimentSpec
import Foundation
package import Kernels
import Networks
package import Safetensors
import TensorCore

/// Where the last block of an encoder looks on whole images.
///
/// There is no class token whose attention could be shown, so a map is the mean over all queries: the share of the
/// attention that each patch gets. A map that is alike for every image shows an encoder that looks at places.
package struct AttentionMaps: Sendable {
    /// Patches along one side.
    package let grid: Int
    /// For each image, then each head: one number for each patch in raster order, summing to 1.
    package let heads: [[[Double]]]

    /// The mean over heads, for each image.
    package var means: [[Double]] {
        heads.map { heads in
            (heads.first ?? []).indices.map { patch in
                heads.reduce(0) { $0 + $1[patch] } / Double(heads.count)
            }
        }
    }
}

/// Target and context encoder of a checkpoint, to look at their attention.
package struct AttentionReader<Backend: KernelBackend> {
    private let settings: RunSettings
    private let state: TrainingState<Backend>
    private let backend: Backend
    private let extractor: FeatureExtractor<Backend>

    /// - Parameters:
    ///   - configuration: Resolved.
    ///   - tensors: Of its checkpoint.
    /// - Throws: `TrainingError` where they do not belong together, or the encoder has a single block; `MaskError`.
    package init(
        _ settings: RunSettings, tensors: [String: SafetensorsTensor], backend: Backend, threads: Int
    ) throws {
        guard settings.networks.encoder.settings.depth > 1 else {
            throw TrainingError(
                description: "the encoder has a single block; attention maps need two or more")
        }
        self.settings = settings
        self.backend = backend
        state = settings.initialState(on: backend)
        try state.load(tensors, moments: false, settings.networks, on: backend)
        extractor = FeatureExtractor(settings.networks.encoder, backend: backend, threads: threads)
    }

    /// Attention of the target encoder on some images.
    ///
    /// - Throws: `DatasetError` for an image that cannot be read.
    package func target(_ dataset: ImageDataset, _ indices: [Int]) throws -> AttentionMaps {
        try maps(dataset, indices, state.parameters(of: .target))
    }

    /// The same of the context encoder, which sees all patches here.
    package func context(_ dataset: ImageDataset, _ indices: [Int]) throws -> AttentionMaps {
        try maps(dataset, indices, state.parameters(of: .context))
    }

    private func maps(
        _ dataset: ImageDataset, _ indices: [Int], _ parameters: Parameters<Backend>
    ) throws -> AttentionMaps {
        let encoder = settings.networks.encoder
        let (width, patches) = (encoder.settings.width, encoder.settings.patchCount)
        let renderers = ImageRenderers(dataset, size: encoder.settings.imageSize)
        let inputs = try extractor.blockOutputs(
            count: indices.count, layer: encoder.settings.depth - 2, parameters: parameters
        ) { range, staging in
            try renderers.renderViews(range.map { indices[$0] }, into: staging)
        }.map { Double($0) }
        let layer = "blocks.\(encoder.settings.depth - 1)"
        let values = { (name: String) in
            backend.values(of: encoder.layout["\(layer).\(name)"](parameters.flat)).map { Double($0) }
        }
        let block = LastBlock(
            width: width, heads: encoder.settings.heads, gamma: values("norm1.weight"), beta: values("norm1.bias"),
            weight: values("attn.qkv.weight"), bias: values("attn.qkv.bias"))
        return AttentionMaps(
            grid: encoder.settings.grid,
            heads: indices.indices.map { image in
                block.received(Array(inputs[(image * patches * width)..<((image + 1) * patches * width)]))
            })
    }
}

/// The attention of one block, in Double: softmax(q kᵀ / √d) of LayerNorm(x).
struct LastBlock {
    let width: Int
    let heads: Int
    /// [D].
    let gamma: [Double]
    let beta: [Double]
    /// [3·D, D] and [3·D]: queries, keys, values.
    let weight: [Double]
    let bias: [Double]

    /// For each head the mean over queries of what each token receives.
    ///
    /// - Parameter x: Input of the block, [T, D].
    func received(_ x: [Double]) -> [[Double]] {
        let tokens = x.count / width
        let normalized = (0..<tokens).flatMap { norm(x[($0 * width)..<(($0 + 1) * width)]) }
        let headWidth = width / heads
        let projected = { (part: Int) in
            // Rows of the weight are outputs: D of queries, then D of keys.
            (0..<tokens).map { token in
                (0..<width).map { output in
                    let row = (part * width + output) * width
                    var sum = bias[part * width + output]
                    for j in 0..<width { sum += weight[row + j] * normalized[token * width + j] }
                    return sum
                }
            }
        }
        let (queries, keys) = (projected(0), projected(1))
        let scale = 1 / Double(headWidth).squareRoot()
        return (0..<heads).map { head in
            let part = (head * headWidth)..<((head + 1) * headWidth)
            var received = [Double](repeating: 0, count: tokens)
            for query in queries {
                let scores = keys.map { key in part.reduce(0) { $0 + query[$1] * key[$1] } * scale }
                let largest = scores.max() ?? 0
                let powers = scores.map { exp($0 - largest) }
                let sum = powers.reduce(0, +)
                for token in 0..<tokens { received[token] += powers[token] / sum / Double(tokens) }
            }
            return received
        }
    }

    private func norm(_ x: ArraySlice<Double>) -> [Double] {
        let mean = x.reduce(0, +) / Double(width)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
        // The epsilon of every LayerNorm with parameters.
        let rstd = 1 / (variance + 1e-6).squareRoot()
        return x.enumerated().map { ($1 - mean) * rstd * gamma[$0] + beta[$0] }
    }
}
