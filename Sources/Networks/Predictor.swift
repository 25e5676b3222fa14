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
        /// Whether all tokens went through all blocks.
        let isPlain: Bool
        /// Of the mask tokens: the blocks' output, and its LayerNorm.
        let hidden, mean, rstd, normalized: Tensor<Backend>
        /// [M, B, Kp, D].
        package let output: Tensor<Backend>
    }

    /// - Parameters:
    ///   - context: Features of the context patches, [B, Kc, D].
    ///   - contextIndices: Their places, [B, Kc].
    ///   - blockIndices: Places of the target blocks, [M, B, Kp].
    ///   - work: Whether context tokens go through the first block once for each target block, and through the last at
    ///     all, which changes nothing but rounding.
    package func forward<Backend: KernelBackend>(
        context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
        parameters: Parameters<Backend>, positions: Tensor<Backend>, workspace: Workspace<Backend>,
        work: NetworkWork = .needed
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let (images, contextTokens) = (context.shape[0], context.shape[1])
        let (blockCount, blockTokens) = (blockIndices.shape[0], blockIndices.shape[2])
        let masked = Shape(blockCount * images, blockTokens, settings.width)
        let rows = Shape(masked.rows)
        let normalized = workspace.take(masked)
        let (mean, rstd) = (workspace.take(rows), workspace.take(rows))
        let output = workspace.take(Shape(blockCount, images, blockTokens, settings.encoderWidth))

        let embedded = workspace.take(Shape(images, contextTokens, settings.width))
        backend.linear(
            context, weight: parameters.weight(embedding.weight), bias: embedding.bias(parameters), to: embedded)
        backend.addRows(of: positions, indices: contextIndices, to: embedded)
        // The mask tokens, or in the plain form the context before them too.
        let isPlain = work == .everything
        let seen = isPlain ? contextTokens : 0
        let tokens = workspace.take(Shape(masked[0], seen + blockTokens, settings.width))
        backend.appendMaskTokens(
            context: embedded.window(at: 0, Shape(images, seen, settings.width)), maskToken: maskToken(parameters),
            table: positions, indices: blockIndices,
            to: tokens.reshaped(Shape(blockCount, images, seen + blockTokens, settings.width)))
        let input =
            isPlain
            ? BlockInput(tokens) : BlockInput(tokens, shared: embedded, queries: .last(blockTokens))
        let blocks = stack.forward(input, parameters: parameters, workspace: workspace)

        // LayerNorm and projection act on each token alone, so only the mask tokens need them.
        var hidden = blocks.output
        if isPlain {
            hidden = workspace.take(masked)
            backend.lastTokens(blocks.output, to: hidden)
        }
        backend.layerNorm(
            hidden, gamma: norm.weight(parameters), beta: norm.bias(parameters),
            epsilon: Backend.Scalar(BlockLayout.normEpsilon), mean: mean, rstd: rstd, to: normalized)
        backend.linear(
            normalized, weight: parameters.weight(projection.weight), bias: projection.bias(parameters), to: output)
        return Activations(
            context: context, blocks: blocks, isPlain: isPlain, hidden: hidden, mean: mean, rstd: rstd,
            normalized: normalized, output: output)
    }

    /// - Parameters:
    ///   - dy: Gradient of the predictions, [M, B, Kp, D].
    ///   - gradients: Flat, like `parameters`; accumulates.
    ///   - dContext: Gradient of the context features, [B, Kc, D]; overwritten.
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Parameters<Backend>,
        gradients: GradientSums<Backend>, workspace: Workspace<Backend>, dContext: Tensor<Backend>
    ) {
        let (backend, temporary) = (workspace.backend, workspace.temporary)
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let (blockCount, images, blockTokens) = (dy.shape[0], dy.shape[1], dy.shape[2])
        let contextTokens = saved.context.shape[1]

        backend.linearBackwardWeight(
            saved.normalized, dy: dy, weight: parameters.weight(projection.weight),
            dWeight: projection.weight(gradients), dBias: projection.bias(gradients))
        let dNormalized = temporary.take(saved.normalized.shape)
        backend.linearBackwardInput(
            dy: dy, weight: parameters.weight(projection.weight), dx: dNormalized, accumulate: false)
        let dHidden = temporary.takeZeroed(saved.hidden.shape)
        backend.layerNormBackward(
            saved.hidden, gamma: norm.weight(parameters), mean: saved.mean, rstd: saved.rstd, dy: dNormalized,
            dx: dHidden, dGamma: norm.weight(gradients), dBeta: norm.bias(gradients))

        let dEmbedded = temporary.take(Shape(images, contextTokens, settings.width))
        let seen = saved.isPlain ? contextTokens : 0
        let dTokens = temporary.take(Shape(blockCount * images, seen + blockTokens, settings.width))
        if saved.isPlain { backend.lastTokensBackward(dy: dHidden, dx: dTokens) }
        stack.backward(
            saved.blocks, dy: saved.isPlain ? dTokens : dHidden, parameters: parameters,
            gradients: BlockGradients(
                parameters: gradients.flat, own: saved.isPlain ? nil : dTokens,
                shared: saved.isPlain ? nil : dEmbedded, turn: gradients.turn), temporary: temporary)
        backend.appendMaskTokensBackward(
            dy: dTokens.reshaped(Shape(blockCount, images, seen + blockTokens, settings.width)),
            dContext: dEmbedded.window(at: 0, Shape(images, seen, settings.width)), dMaskToken: maskToken(gradients))
        backend.linearBackwardWeight(
            saved.context, dy: dEmbedded, weight: parameters.weight(embedding.weight),
            dWeight: embedding.weight(gradients), dBias: embedding.bias(gradients))
        backend.linearBackwardInput(
            dy: dEmbedded, weight: parameters.weight(embedding.weight), dx: dContext, accumulate: false)
        gradients.turn?.advance()
    }
}

/// How much a network does.
package enum NetworkWork: Sendable, Hashable {
    /// What its results depend on.
    case needed
    /// All that the definition says, also where nothing reads it; to compare with.
    case everything
}

// MARK: - Memory

extension Predictor {
    /// The stack's shape in the form that does what is needed.
    private func shape(images: Int, contextTokens: Int, blocks: Int, blockTokens: Int) -> BlockShape {
        BlockShape(
            sequences: blocks * images, tokens: contextTokens + blockTokens, queryRows: blocks * images * blockTokens,
            sharedTokens: contextTokens, images: images)
    }

    /// Workspace elements of `forward`: those that stay taken, and those that are soon given back.
    package func forwardElements(
        images: Int, contextTokens: Int, blocks blockCount: Int, blockTokens: Int, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int) {
        let maskRows = blockCount * images * blockTokens
        let blocks = stack.forwardElements(
            shape(images: images, contextTokens: contextTokens, blocks: blockCount, blockTokens: blockTokens),
            on: backend)
        let kept =
            alignedElements(images * contextTokens * settings.width) + 2 * alignedElements(maskRows * settings.width)
            + 2 * alignedElements(maskRows) + alignedElements(maskRows * settings.encoderWidth)
        return (kept + blocks.kept, blocks.scratch)
    }

    /// Elements of temporary memory of `backward`.
    package func backwardElements(
        images: Int, contextTokens: Int, blocks blockCount: Int, blockTokens: Int, on backend: some KernelBackend
    ) -> Int {
        let blocks = stack.backwardElements(
            shape(images: images, contextTokens: contextTokens, blocks: blockCount, blockTokens: blockTokens),
            on: backend)
        return 3 * alignedElements(blockCount * images * blockTokens * settings.width)
            + alignedElements(images * contextTokens * settings.width) + blocks
    }
}
