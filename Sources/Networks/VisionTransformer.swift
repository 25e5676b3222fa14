package import Kernels
import TensorCore

/// The encoder: patch embedding, fixed positions, transformer blocks, a final LayerNorm; no class token.
///
/// A network is a description; its parameters are a flat vector that is passed in, so that the context encoder, the
/// target encoder and their gradients share it.
package struct VisionTransformer: Sendable {
    package struct Settings: Sendable, Hashable {
        package var imageSize: Int
        package var patchSize: Int
        package var channels: Int
        package var width: Int
        package var depth: Int
        package var heads: Int
        package var mlpRatio: Double

        package init(
            imageSize: Int, patchSize: Int, channels: Int, width: Int, depth: Int, heads: Int, mlpRatio: Double = 4
        ) {
            self.imageSize = imageSize
            self.patchSize = patchSize
            self.channels = channels
            self.width = width
            self.depth = depth
            self.heads = heads
            self.mlpRatio = mlpRatio
        }

        /// Patches along one side.
        package var grid: Int { imageSize / patchSize }
        /// N: patches of an image.
        package var patchCount: Int { grid * grid }
        package var hiddenWidth: Int { Int(Double(width) * mlpRatio) }
        /// Numbers of one patch, C·p·p.
        package var patchElements: Int { channels * patchSize * patchSize }
    }

    package let settings: Settings
    package let layout: ParameterLayout
    private let blocks: [TransformerBlock]
    private let patchEmbedding: TransformerBlock.Affine
    private let norm: TransformerBlock.Affine

    /// - Precondition: The grid is whole and the heads divide the width.
    package init(_ settings: Settings) {
        precondition(
            settings.imageSize % settings.patchSize == 0,
            "patches of \(settings.patchSize) do not tile images of \(settings.imageSize)")
        var builder = ParameterLayout.Builder()
        builder.add(
            "patch_embed.proj.weight", Shape(settings.width, settings.patchElements), decays: true,
            .linear(rescaledByLayer: nil),
            storedAs: [settings.width, settings.channels, settings.patchSize, settings.patchSize])
        builder.add("patch_embed.proj.bias", Shape(settings.width), decays: false, .zeros)
        for layer in 0..<settings.depth {
            TransformerBlock.declare(
                in: &builder, name: "blocks.\(layer)", width: settings.width, hidden: settings.hiddenWidth,
                layer: layer + 1)
        }
        builder.addNorm("norm", width: settings.width)
        let layout = builder.build()
        self.settings = settings
        self.layout = layout
        blocks = (0..<settings.depth).map {
            TransformerBlock(
                layout, name: "blocks.\($0)", width: settings.width, heads: settings.heads,
                hidden: settings.hiddenWidth)
        }
        patchEmbedding = TransformerBlock.Affine(layout, "patch_embed.proj")
        norm = TransformerBlock.Affine(layout, "norm")
    }

    /// The position table on the back end, [N, D].
    package func positions<Backend: KernelBackend>(on backend: Backend) -> Tensor<Backend> {
        backend.constant(
            PositionEmbedding.table(width: settings.width, rows: settings.grid, columns: settings.grid),
            Shape(settings.patchCount, settings.width))
    }

    /// What the backward pass needs.
    package struct Activations<Backend: KernelBackend>: Sendable {
        let patches: Tensor<Backend>
        let blocks: [TransformerBlock.Activations<Backend>]
        let last, mean, rstd: Tensor<Backend>
        /// The features, [B, K, D].
        package let output: Tensor<Backend>
    }

    /// Features with everything kept that `backward` needs.
    ///
    /// - Parameters:
    ///   - images: [B, C, S, S].
    ///   - indices: The patches to encode, [B, K]; none: all N.
    package func forward<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>?, parameters: Tensor<Backend>,
        positions: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let shape = tokenShape(images, indices)
        let patches = workspace.take(Shape(shape[0], shape[1], settings.patchElements))
        var x = workspace.take(shape)
        embed(images, indices: indices, parameters, positions, backend, patches: patches, to: x)
        var saved: [TransformerBlock.Activations<Backend>] = []
        saved.reserveCapacity(blocks.count)
        for block in blocks {
            let output = workspace.take(shape)
            saved.append(block.forward(x, parameters: parameters, workspace: workspace, output: output))
            x = output
        }
        let rows = Shape(shape.rows)
        let (mean, rstd, output) = (workspace.take(rows), workspace.take(rows), workspace.take(shape))
        normalize(x, parameters, backend, mean: mean, rstd: rstd, to: output)
        return Activations(patches: patches, blocks: saved, last: x, mean: mean, rstd: rstd, output: output)
    }

    /// Features alone, [B, K, D]; what the blocks need is given back as soon as each is done.
    ///
    /// - Parameter visit: Called with the number (from 0) and the output, [B, K, D], of each block.
    package func features<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>? = nil, parameters: Tensor<Backend>,
        positions: Tensor<Backend>, workspace: Workspace<Backend>, visit: (Int, Tensor<Backend>) -> Void = { _, _ in }
    ) -> Tensor<Backend> {
        let backend = workspace.backend
        let shape = tokenShape(images, indices)
        let result = workspace.take(shape)
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        var (x, next) = (workspace.take(shape), workspace.take(shape))
        let patchMark = workspace.mark
        let patches = workspace.take(Shape(shape[0], shape[1], settings.patchElements))
        embed(images, indices: indices, parameters, positions, backend, patches: patches, to: x)
        workspace.release(to: patchMark)
        for (layer, block) in blocks.enumerated() {
            let blockMark = workspace.mark
            _ = block.forward(x, parameters: parameters, workspace: workspace, output: next)
            workspace.release(to: blockMark)
            swap(&x, &next)
            visit(layer, x)
        }
        let rows = Shape(shape.rows)
        normalize(x, parameters, backend, mean: workspace.take(rows), rstd: workspace.take(rows), to: result)
        return result
    }

    /// The final LayerNorm applied to the output of any block, [B, K, D].
    package func normalize<Backend: KernelBackend>(
        _ x: Tensor<Backend>, _ parameters: Tensor<Backend>, _ backend: Backend, mean: Tensor<Backend>,
        rstd: Tensor<Backend>, to y: Tensor<Backend>
    ) {
        backend.layerNorm(
            x, gamma: norm.weight(parameters), beta: norm.bias(parameters),
            epsilon: Backend.Scalar(TransformerBlock.normEpsilon), mean: mean, rstd: rstd, to: y)
    }

    /// - Parameters:
    ///   - dy: Gradient of the features, [B, K, D].
    ///   - gradients: Flat, like `parameters`; accumulates. No gradient flows to the images.
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Tensor<Backend>, gradients: Tensor<Backend>,
        workspace: Workspace<Backend>
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let dx = workspace.takeZeroed(dy.shape)
        backend.layerNormBackward(
            saved.last, gamma: norm.weight(parameters), mean: saved.mean, rstd: saved.rstd, dy: dy, dx: dx,
            dGamma: norm.weight(gradients), dBeta: norm.bias(gradients))
        for (block, activations) in zip(blocks, saved.blocks).reversed() {
            block.backward(activations, parameters: parameters, gradients: gradients, workspace: workspace, dx: dx)
        }
        backend.linearBackwardWeight(
            saved.patches, dy: dx, dWeight: patchEmbedding.weight(gradients), dBias: patchEmbedding.bias(gradients))
    }

    private func tokenShape<Backend>(_ images: Tensor<Backend>, _ indices: IndexTensor<Backend>?) -> Shape {
        precondition(
            images.shape.dimensions.dropFirst() == [settings.channels, settings.imageSize, settings.imageSize],
            "images \(images.shape) for an encoder of \(settings.channels)×\(settings.imageSize)²")
        return Shape(images.shape[0], indices?.shape[1] ?? settings.patchCount, settings.width)
    }

    private func embed<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>?, _ parameters: Tensor<Backend>,
        _ positions: Tensor<Backend>, _ backend: Backend, patches: Tensor<Backend>, to x: Tensor<Backend>
    ) {
        backend.patches(of: images, patchSize: settings.patchSize, indices: indices, to: patches)
        backend.linear(
            patches, weight: patchEmbedding.weight(parameters), bias: patchEmbedding.bias(parameters), to: x)
        backend.addRows(of: positions, indices: indices, to: x)
    }
}

// MARK: - Memory

extension VisionTransformer {
    /// Workspace elements of `forward` on K tokens.
    package func forwardElements(images: Int, tokens: Int) -> Int {
        let rows = images * tokens
        let perBlock = blocks.first.map { $0.keptElements(images: images, tokens: tokens) } ?? 0
        return alignedElements(rows * settings.patchElements) + blocks.count * perBlock
            + (blocks.count + 2) * alignedElements(rows * settings.width) + 2 * alignedElements(rows)
    }

    /// Workspace elements of `backward` beyond those of `forward`.
    package func backwardElements(images: Int, tokens: Int) -> Int {
        let perBlock = blocks.first.map { $0.backwardElements(images: images, tokens: tokens) } ?? 0
        return alignedElements(images * tokens * settings.width) + perBlock
    }

    /// Workspace elements of `features` while it runs; its result is the only part that stays taken.
    package func featureElements(images: Int, tokens: Int) -> Int {
        let rows = images * tokens
        let perBlock = blocks.first.map { $0.keptElements(images: images, tokens: tokens) } ?? 0
        return 3 * alignedElements(rows * settings.width)
            + max(perBlock, alignedElements(rows * settings.patchElements), 2 * alignedElements(rows))
    }
}
