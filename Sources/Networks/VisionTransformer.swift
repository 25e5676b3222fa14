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
    private let stack: BlockStack
    private let patchEmbedding: AffineSlots
    private let norm: AffineSlots

    /// - Parameter recomputes: Whether blocks keep only their inputs and are run again in the backward pass.
    /// - Precondition: The grid is whole and the heads divide the width.
    package init(_ settings: Settings, recomputes: Bool = false) {
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
        stack = BlockStack(
            blocks: (0..<settings.depth).map {
                BlockLayout(
                    layout, name: "blocks.\($0)", width: settings.width, heads: settings.heads,
                    hidden: settings.hiddenWidth)
            }, recomputes: recomputes)
        patchEmbedding = AffineSlots(layout, "patch_embed.proj")
        norm = AffineSlots(layout, "norm")
    }

    /// The matrices that a back end may keep packed; `trained`: whether gradients flow through the encoder.
    package func matrices(trained: Bool) -> [PackableMatrix] {
        [PackableMatrix(slot: patchEmbedding.weight, needsInputGradient: false)]
            + stack.blocks.flatMap(\.matrices).map { PackableMatrix(slot: $0, needsInputGradient: trained) }
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
        let blocks: BlockStack.Activations<Backend>
        let mean, rstd: Tensor<Backend>
        /// The features, [B, K, D].
        package let output: Tensor<Backend>
    }

    /// Features with everything kept that `backward` needs.
    ///
    /// - Parameters:
    ///   - images: [B, C, S, S].
    ///   - indices: The patches to encode, [B, K]; none: all N.
    package func forward<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>?, parameters: Parameters<Backend>,
        positions: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let shape = tokenShape(images, indices)
        let patches = workspace.take(Shape(shape[0], shape[1], settings.patchElements))
        let x = workspace.take(shape)
        embed(images, indices: indices, parameters, positions, backend, patches: patches, to: x)
        let blocks = stack.forward(BlockInput(x), parameters: parameters, workspace: workspace)
        let rows = Shape(shape.rows)
        let (mean, rstd, output) = (workspace.take(rows), workspace.take(rows), workspace.take(shape))
        normalize(blocks.output, parameters.flat, backend, mean: mean, rstd: rstd, to: output)
        return Activations(patches: patches, blocks: blocks, mean: mean, rstd: rstd, output: output)
    }

    /// Features alone, [B, K, D]; what the blocks need is given back as soon as each is done.
    ///
    /// - Parameter visit: Called with the number (from 0) and the output, [B, K, D], of each block.
    package func features<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>? = nil, parameters: Parameters<Backend>,
        positions: Tensor<Backend>, workspace: Workspace<Backend>, visit: (Int, Tensor<Backend>) -> Void = { _, _ in }
    ) -> Tensor<Backend> {
        let backend = workspace.backend
        let shape = tokenShape(images, indices)
        let result = workspace.take(shape)
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let (x, last) = (workspace.take(shape), workspace.take(shape))
        let patchMark = workspace.mark
        let patches = workspace.take(Shape(shape[0], shape[1], settings.patchElements))
        embed(images, indices: indices, parameters, positions, backend, patches: patches, to: x)
        workspace.release(to: patchMark)
        stack.features(BlockInput(x), parameters: parameters, workspace: workspace, to: last, visit: visit)
        let rows = Shape(shape.rows)
        normalize(
            last, parameters.flat, backend, mean: workspace.take(rows), rstd: workspace.take(rows), to: result)
        return result
    }

    /// The final LayerNorm applied to the output of any block, [B, K, D].
    package func normalize<Backend: KernelBackend>(
        _ x: Tensor<Backend>, _ parameters: Tensor<Backend>, _ backend: Backend, mean: Tensor<Backend>,
        rstd: Tensor<Backend>, to y: Tensor<Backend>
    ) {
        backend.layerNorm(
            x, gamma: norm.weight(parameters), beta: norm.bias(parameters),
            epsilon: Backend.Scalar(BlockLayout.normEpsilon), mean: mean, rstd: rstd, to: y)
    }

    /// - Parameters:
    ///   - dy: Gradient of the features, [B, K, D].
    ///   - gradients: Flat, like `parameters`; accumulates. No gradient flows to the images.
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Parameters<Backend>,
        gradients: Tensor<Backend>, workspace: Workspace<Backend>
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let dx = workspace.takeZeroed(dy.shape)
        backend.layerNormBackward(
            saved.blocks.output, gamma: norm.weight(parameters), mean: saved.mean, rstd: saved.rstd, dy: dy, dx: dx,
            dGamma: norm.weight(gradients), dBeta: norm.bias(gradients))
        stack.backward(
            saved.blocks, dy: dx, parameters: parameters,
            gradients: BlockGradients(parameters: gradients, own: nil), workspace: workspace)
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
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>?, _ parameters: Parameters<Backend>,
        _ positions: Tensor<Backend>, _ backend: Backend, patches: Tensor<Backend>, to x: Tensor<Backend>
    ) {
        backend.patches(of: images, patchSize: settings.patchSize, indices: indices, to: patches)
        backend.linear(
            patches, weight: parameters.weight(patchEmbedding.weight), bias: patchEmbedding.bias(parameters), to: x)
        backend.addRows(of: positions, indices: indices, to: x)
    }
}

// MARK: - Memory

extension VisionTransformer {
    private func shape(images: Int, tokens: Int) -> BlockShape { BlockShape(sequences: images, tokens: tokens) }

    /// Workspace elements of `forward` on K tokens: those that stay taken, and those at its worst moment.
    package func forwardElements(images: Int, tokens: Int, on backend: some KernelBackend) -> (kept: Int, peak: Int) {
        let rows = images * tokens
        let blocks = stack.forwardElements(shape(images: images, tokens: tokens), on: backend)
        let embedding = alignedElements(rows * settings.patchElements) + alignedElements(rows * settings.width)
        let normalization = 2 * alignedElements(rows) + alignedElements(rows * settings.width)
        return (
            embedding + blocks.kept + normalization, embedding + blocks.kept + max(blocks.scratch, normalization)
        )
    }

    /// Workspace elements of `backward` beyond those of `forward`.
    package func backwardElements(images: Int, tokens: Int, on backend: some KernelBackend) -> Int {
        alignedElements(images * tokens * settings.width)
            + stack.backwardElements(shape(images: images, tokens: tokens), on: backend)
    }

    /// Workspace elements of `features` while it runs; its result is the only part that stays taken.
    package func featureElements(images: Int, tokens: Int, on backend: some KernelBackend) -> Int {
        let rows = images * tokens
        let blocks = stack.featureElements(shape(images: images, tokens: tokens), on: backend)
        return 3 * alignedElements(rows * settings.width)
            + max(blocks, alignedElements(rows * settings.patchElements), 2 * alignedElements(rows))
    }
}
