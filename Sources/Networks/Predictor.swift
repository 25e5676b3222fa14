package import Kernels
import TensorCore

/// The predictor: from context features to the features of hidden blocks.
///
/// D → P, positions of the context; then for each target block mask tokens at its positions are appended, transformer
/// blocks run over Kc + Kp tokens, and the last Kp go through a LayerNorm and P → D.
package struct Predictor: Sendable {
    package struct Settings: Sendable, Hashable {
        /// D: width of the encoder.
        package var encoderWidth: Int
        /// P.
        package var width: Int
        package var depth: Int
        package var heads: Int
        package var mlpRatio: Double
        /// Patches along one side of the image.
        package var grid: Int

        package init(
            encoderWidth: Int, width: Int, depth: Int, heads: Int, mlpRatio: Double = 4, grid: Int
        ) {
            self.encoderWidth = encoderWidth
            self.width = width
            self.depth = depth
            self.heads = heads
            self.mlpRatio = mlpRatio
            self.grid = grid
        }

        package var hiddenWidth: Int { Int(Double(width) * mlpRatio) }
    }

    package let settings: Settings
    package let layout: ParameterLayout
    private let stack: BlockStack
    private let embedding: AffineSlots
    private let norm: AffineSlots
    private let projection: AffineSlots
    private let maskToken: ParameterSlot

    /// - Parameter recomputes: Whether blocks keep only their inputs and are run again in the backward pass.
    package init(_ settings: Settings, recomputes: Bool = false) {
        var builder = ParameterLayout.Builder()
        builder.addLinear("predictor_embed", input: settings.encoderWidth, output: settings.width)
        builder.add(
            "mask_token", Shape(settings.width), decays: true, .token, storedAs: [1, 1, settings.width])
        for layer in 0..<settings.depth {
            TransformerBlock.declare(
                in: &builder, name: "predictor_blocks.\(layer)", width: settings.width, hidden: settings.hiddenWidth,
                layer: layer + 1)
        }
        builder.addNorm("predictor_norm", width: settings.width)
        builder.addLinear("predictor_proj", input: settings.width, output: settings.encoderWidth)
        let layout = builder.build()
        self.settings = settings
        self.layout = layout
        stack = BlockStack(
            blocks: (0..<settings.depth).map {
                BlockLayout(
                    layout, name: "predictor_blocks.\($0)", width: settings.width, heads: settings.heads,
                    hidden: settings.hiddenWidth)
            }, recomputes: recomputes)
        embedding = AffineSlots(layout, "predictor_embed")
        norm = AffineSlots(layout, "predictor_norm")
        projection = AffineSlots(layout, "predictor_proj")
        maskToken = layout["mask_token"]
    }

    /// The matrices that a back end may keep packed.
    package var matrices: [PackableMatrix] {
        ([embedding.weight] + stack.blocks.flatMap(\.matrices) + [projection.weight]).map {
            PackableMatrix(slot: $0, needsInputGradient: true)
        }
    }

    /// The position table on the back end, [N, P].
    package func positions<Backend: KernelBackend>(on backend: Backend) -> Tensor<Backend> {
        backend.constant(
            PositionEmbedding.table(width: settings.width, rows: settings.grid, columns: settings.grid),
            Shape(settings.grid * settings.grid, settings.width))
    }

    /// What the backward pass needs.
    package struct Activations<Backend: KernelBackend>: Sendable {
        let context: Tensor<Backend>
        let blocks: BlockStack.Activations<Backend>
        let hidden, mean, rstd, normalized: Tensor<Backend>
        /// [M, B, Kp, D].
        package let output: Tensor<Backend>
    }

    /// - Parameters:
    ///   - context: Features of the context patches, [B, Kc, D].
    ///   - contextIndices: Their places, [B, Kc].
    ///   - blockIndices: Places of the target blocks, [M, B, Kp].
    package func forward<Backend: KernelBackend>(
        context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
        parameters: Parameters<Backend>, positions: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let (images, contextTokens) = (context.shape[0], context.shape[1])
        let (blockCount, blockTokens) = (blockIndices.shape[0], blockIndices.shape[2])
        let sequences = blockCount * images
        let tokens = contextTokens + blockTokens

        let embedded = workspace.take(Shape(images, contextTokens, settings.width))
        backend.linear(
            context, weight: parameters.weight(embedding.weight), bias: embedding.bias(parameters), to: embedded)
        backend.addRows(of: positions, indices: contextIndices, to: embedded)
        let shape = Shape(sequences, tokens, settings.width)
        let x = workspace.take(shape)
        backend.appendMaskTokens(
            context: embedded, maskToken: maskToken(parameters), table: positions, indices: blockIndices,
            to: x.reshaped(Shape(blockCount, images, tokens, settings.width)))
        let blocks = stack.forward(BlockInput(x), parameters: parameters, workspace: workspace)
        // LayerNorm and projection act on each token alone, so only the mask tokens need them.
        let masked = Shape(sequences, blockTokens, settings.width)
        let (hidden, normalized) = (workspace.take(masked), workspace.take(masked))
        let rows = Shape(masked.rows)
        let (mean, rstd) = (workspace.take(rows), workspace.take(rows))
        backend.lastTokens(blocks.output, to: hidden)
        backend.layerNorm(
            hidden, gamma: norm.weight(parameters), beta: norm.bias(parameters),
            epsilon: Backend.Scalar(BlockLayout.normEpsilon), mean: mean, rstd: rstd, to: normalized)
        let output = workspace.take(Shape(blockCount, images, blockTokens, settings.encoderWidth))
        backend.linear(
            normalized, weight: parameters.weight(projection.weight), bias: projection.bias(parameters), to: output)
        return Activations(
            context: context, blocks: blocks, hidden: hidden, mean: mean, rstd: rstd, normalized: normalized,
            output: output)
    }

    /// - Parameters:
    ///   - dy: Gradient of the predictions, [M, B, Kp, D].
    ///   - gradients: Flat, like `parameters`; accumulates.
    ///   - dContext: Gradient of the context features, [B, Kc, D]; overwritten.
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Parameters<Backend>, gradients: Tensor<Backend>,
        workspace: Workspace<Backend>, dContext: Tensor<Backend>
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let (blockCount, images, blockTokens) = (dy.shape[0], dy.shape[1], dy.shape[2])
        let tokens = saved.context.shape[1] + blockTokens

        backend.linearBackwardWeight(
            saved.normalized, dy: dy, dWeight: projection.weight(gradients), dBias: projection.bias(gradients))
        let dNormalized = workspace.take(saved.normalized.shape)
        backend.linearBackwardInput(
            dy: dy, weight: parameters.weight(projection.weight), dx: dNormalized, accumulate: false)
        let dHidden = workspace.takeZeroed(saved.hidden.shape)
        backend.layerNormBackward(
            saved.hidden, gamma: norm.weight(parameters), mean: saved.mean, rstd: saved.rstd, dy: dNormalized,
            dx: dHidden, dGamma: norm.weight(gradients), dBeta: norm.bias(gradients))
        let dx = workspace.take(Shape(blockCount * images, tokens, settings.width))
        backend.lastTokensBackward(dy: dHidden, dx: dx)
        stack.backward(
            saved.blocks, dy: dx, parameters: parameters,
            gradients: BlockGradients(parameters: gradients, own: nil), workspace: workspace)
        let dEmbedded = workspace.take(Shape(images, saved.context.shape[1], settings.width))
        backend.appendMaskTokensBackward(
            dy: dx.reshaped(Shape(blockCount, images, tokens, settings.width)), dContext: dEmbedded,
            dMaskToken: maskToken(gradients))
        backend.linearBackwardWeight(
            saved.context, dy: dEmbedded, dWeight: embedding.weight(gradients), dBias: embedding.bias(gradients))
        backend.linearBackwardInput(
            dy: dEmbedded, weight: parameters.weight(embedding.weight), dx: dContext, accumulate: false)
    }
}

// MARK: - Memory

extension Predictor {
    /// Workspace elements of `forward`: those that stay taken, and those at its worst moment.
    package func forwardElements(
        images: Int, contextTokens: Int, blocks blockCount: Int, blockTokens: Int, on backend: some KernelBackend
    ) -> (kept: Int, peak: Int) {
        let sequences = blockCount * images
        let rows = sequences * (contextTokens + blockTokens)
        let maskRows = sequences * blockTokens
        let blocks = stack.forwardElements(
            BlockShape(sequences: sequences, tokens: contextTokens + blockTokens), on: backend)
        let embedding =
            alignedElements(images * contextTokens * settings.width) + alignedElements(rows * settings.width)
        let rest =
            2 * alignedElements(maskRows * settings.width) + 2 * alignedElements(maskRows)
            + alignedElements(maskRows * settings.encoderWidth)
        return (embedding + blocks.kept + rest, embedding + blocks.kept + max(blocks.scratch, rest))
    }

    /// Workspace elements of `backward` beyond those of `forward`.
    package func backwardElements(
        images: Int, contextTokens: Int, blocks blockCount: Int, blockTokens: Int, on backend: some KernelBackend
    ) -> Int {
        let sequences = blockCount * images
        let tokens = contextTokens + blockTokens
        let blocks = stack.backwardElements(BlockShape(sequences: sequences, tokens: tokens), on: backend)
        let dEmbedded = alignedElements(images * contextTokens * settings.width)
        return 2 * alignedElements(sequences * blockTokens * settings.width)
            + alignedElements(sequences * tokens * settings.width) + max(blocks, dEmbedded)
    }
}
