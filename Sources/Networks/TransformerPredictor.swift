package import Declarations
package import Kernels
import TensorCore

/// A narrow transformer, as in I-JEPA.
///
/// D → P, positions of the context; then for each target block mask tokens at its positions are appended, transformer
/// blocks run over Kc + Kp tokens, and the last Kp go through a LayerNorm and P → D.
package struct TransformerPredictor: FeaturePredictor {
    package static let name = "transformer"
    package static let summary = "blocks over the context and mask tokens, for each target block"
    package static let keys = [
        DeclaredKey(
            "width", default: 384, "Predictor width P.", limits: .between(1, 65_536),
            synonyms: "pred_emb_dim pred_dim predictor_dim predictor_width predictor_embed_dim",
            isIdentityAtDefault: true),
        DeclaredKey(
            "depth", default: 6, "Predictor blocks.", limits: .between(1, 1024),
            synonyms: "pred_depth predictor_depth", isIdentityAtDefault: true),
        DeclaredKey(
            "heads", default: Int?.none, "Predictor heads; none: as many as the encoder.", limits: .between(1, 1024),
            synonyms: "pred_heads predictor_heads", isIdentityAtDefault: true, follows: "model.heads"),
    ]

    package struct Sizes: Sendable, Hashable {
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

    package let sizes: Sizes
    package let layout: ParameterLayout
    private let recomputes: Bool
    private let stack: BlockStack
    private let embedding: AffineSlots
    private let norm: AffineSlots
    private let projection: AffineSlots
    private let maskToken: ParameterSlot

    package init(_ settings: Settings, _ encoder: EncoderSummary, recomputes: Bool) {
        self.init(
            Sizes(
                encoderWidth: encoder.width, width: settings["width"], depth: settings["depth"],
                heads: settings["heads", as: Int?.self] ?? encoder.heads, mlpRatio: encoder.mlpRatio, grid: encoder.grid
            ),
            recomputes: recomputes)
    }

    package static func findings(_ settings: Settings, _ encoder: EncoderSummary) -> [SpecFinding] {
        let heads: Int = settings["heads", as: Int?.self] ?? encoder.heads
        // Heads taken over from the encoder are wrong once, not twice.
        guard heads != encoder.heads || encoder.width % encoder.heads == 0 else { return [] }
        return BlockCosts.findings(
            width: settings["width"], heads: heads, widthKey: "\(Predictors.group).width",
            headsKey: "\(Predictors.group).heads")
    }

    /// - Parameter recomputes: Whether blocks keep only their inputs and are run again in the backward pass.
    package init(_ sizes: Sizes, recomputes: Bool = false) {
        var builder = ParameterLayout.Builder()
        builder.addLinear("predictor_embed", input: sizes.encoderWidth, output: sizes.width)
        builder.add(
            "mask_token", Shape(sizes.width), decays: true, .token, storedAs: [1, 1, sizes.width])
        for layer in 0..<sizes.depth {
            TransformerBlock.declare(
                in: &builder, name: "predictor_blocks.\(layer)", width: sizes.width, hidden: sizes.hiddenWidth,
                layer: layer + 1)
        }
        builder.addNorm("predictor_norm", width: sizes.width)
        builder.addLinear("predictor_proj", input: sizes.width, output: sizes.encoderWidth)
        let layout = builder.build()
        self.sizes = sizes
        self.recomputes = recomputes
        self.layout = layout
        stack = BlockStack(
            blocks: (0..<sizes.depth).map {
                BlockLayout(
                    layout, name: "predictor_blocks.\($0)", width: sizes.width, heads: sizes.heads,
                    hidden: sizes.hiddenWidth)
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

    /// The position table, [N, P].
    package func constants<Backend: KernelBackend>(on backend: Backend) -> [Tensor<Backend>] {
        [
            backend.constant(
                PositionEmbedding.table(width: sizes.width, rows: sizes.grid, columns: sizes.grid),
                Shape(sizes.grid * sizes.grid, sizes.width))
        ]
    }

    package func passes<Backend: KernelBackend>(_ constants: [Tensor<Backend>]) -> any PredictorPasses<Backend> {
        Passes(predictor: self, positions: constants[0])
    }

    private final class Passes<Backend: KernelBackend>: PredictorPasses {
        private let predictor: TransformerPredictor
        private let positions: Tensor<Backend>
        /// Of the last forward pass.
        private var saved: Activations<Backend>?

        init(predictor: TransformerPredictor, positions: Tensor<Backend>) {
            self.predictor = predictor
            self.positions = positions
        }

        func forward(
            context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
            parameters: Parameters<Backend>, workspace: Workspace<Backend>, work: NetworkWork
        ) -> Tensor<Backend> {
            let pass = predictor.forward(
                context: context, contextIndices: contextIndices, blockIndices: blockIndices, parameters: parameters,
                positions: positions, workspace: workspace, work: work)
            saved = pass
            return pass.output
        }

        func backward(
            dy: Tensor<Backend>, parameters: Parameters<Backend>, gradients: GradientSums<Backend>,
            workspace: Workspace<Backend>, dContext: Tensor<Backend>
        ) {
            guard let saved else { preconditionFailure("backward without forward") }
            predictor.backward(
                saved, dy: dy, parameters: parameters, gradients: gradients, workspace: workspace, dContext: dContext)
            self.saved = nil
        }
    }

    /// What the backward pass needs.
    private struct Activations<Backend: KernelBackend>: Sendable {
        let context: Tensor<Backend>
        let blocks: BlockStack.Activations<Backend>
        /// Whether all tokens went through all blocks.
        let isPlain: Bool
        /// Of the mask tokens: the blocks' output, and its LayerNorm.
        let hidden, mean, rstd, normalized: Tensor<Backend>
        /// [M, B, Kp, D].
        let output: Tensor<Backend>
    }

    /// - Parameters:
    ///   - context: Features of the context patches, [B, Kc, D].
    ///   - contextIndices: Their places, [B, Kc].
    ///   - blockIndices: Places of the target blocks, [M, B, Kp].
    ///   - work: Whether context tokens go through the first block once for each target block, and through the last at
    ///     all, which changes nothing but rounding.
    private func forward<Backend: KernelBackend>(
        context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
        parameters: Parameters<Backend>, positions: Tensor<Backend>, workspace: Workspace<Backend>,
        work: NetworkWork
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let (images, contextTokens) = (context.shape[0], context.shape[1])
        let (blockCount, blockTokens) = (blockIndices.shape[0], blockIndices.shape[2])
        let masked = Shape(blockCount * images, blockTokens, sizes.width)
        let rows = Shape(masked.rows)
        let normalized = workspace.take(masked)
        let (mean, rstd) = (workspace.take(rows), workspace.take(rows))
        let output = workspace.take(Shape(blockCount, images, blockTokens, sizes.encoderWidth))

        let embedded = workspace.take(Shape(images, contextTokens, sizes.width))
        backend.linear(
            context, weight: parameters.weight(embedding.weight), bias: embedding.bias(parameters), to: embedded)
        backend.addRows(of: positions, indices: contextIndices, to: embedded)
        // The mask tokens, or in the plain form the context before them too.
        let isPlain = work == .everything
        let seen = isPlain ? contextTokens : 0
        let tokens = workspace.take(Shape(masked[0], seen + blockTokens, sizes.width))
        backend.appendMaskTokens(
            context: embedded.window(at: 0, Shape(images, seen, sizes.width)), maskToken: maskToken(parameters),
            table: positions, indices: blockIndices,
            to: tokens.reshaped(Shape(blockCount, images, seen + blockTokens, sizes.width)))
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
    private func backward<Backend: KernelBackend>(
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

        let dEmbedded = temporary.take(Shape(images, contextTokens, sizes.width))
        let seen = saved.isPlain ? contextTokens : 0
        let dTokens = temporary.take(Shape(blockCount * images, seen + blockTokens, sizes.width))
        if saved.isPlain { backend.lastTokensBackward(dy: dHidden, dx: dTokens) }
        stack.backward(
            saved.blocks, dy: saved.isPlain ? dTokens : dHidden, parameters: parameters,
            gradients: BlockGradients(
                parameters: gradients.flat, own: saved.isPlain ? nil : dTokens,
                shared: saved.isPlain ? nil : dEmbedded, turn: gradients.turn), temporary: temporary)
        backend.appendMaskTokensBackward(
            dy: dTokens.reshaped(Shape(blockCount, images, seen + blockTokens, sizes.width)),
            dContext: dEmbedded.window(at: 0, Shape(images, seen, sizes.width)), dMaskToken: maskToken(gradients))
        backend.linearBackwardWeight(
            saved.context, dy: dEmbedded, weight: parameters.weight(embedding.weight),
            dWeight: embedding.weight(gradients), dBias: embedding.bias(gradients))
        backend.linearBackwardInput(
            dy: dEmbedded, weight: parameters.weight(embedding.weight), dx: dContext, accumulate: false)
        gradients.turn?.advance()
    }
}

// MARK: - Memory and costs

extension TransformerPredictor {
    /// The stack's shape in the form that does what is needed.
    private func blockShape(_ shape: PredictionShape) -> BlockShape {
        let sequences = shape.blocks * shape.images
        return BlockShape(
            sequences: sequences, tokens: shape.contextTokens + shape.blockTokens,
            queryRows: sequences * shape.blockTokens, sharedTokens: shape.contextTokens, images: shape.images)
    }

    package func forwardElements(
        _ shape: PredictionShape, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int) {
        let maskRows = shape.blocks * shape.images * shape.blockTokens
        let blocks = stack.forwardElements(blockShape(shape), on: backend)
        let kept =
            alignedElements(shape.images * shape.contextTokens * sizes.width)
            + 2 * alignedElements(maskRows * sizes.width)
            + 2 * alignedElements(maskRows) + alignedElements(maskRows * sizes.encoderWidth)
        return (kept + blocks.kept, blocks.scratch)
    }

    package func backwardElements(_ shape: PredictionShape, on backend: some KernelBackend) -> Int {
        3 * alignedElements(shape.blocks * shape.images * shape.blockTokens * sizes.width)
            + alignedElements(shape.images * shape.contextTokens * sizes.width)
            + stack.backwardElements(blockShape(shape), on: backend)
    }

    /// Its input map over Kc once, every block over M sequences of Kc + Kp tokens, its output map over M · Kp.
    package func forwardFlops(context: Double, target: Double, blocks: Double) -> Double {
        let costs = BlockCosts(mlpRatio: sizes.mlpRatio)
        let maps = 2 * Double(sizes.encoderWidth * sizes.width)
        return maps * context
            + blocks
            * (Double(sizes.depth) * costs.flops(sizes.width, tokens: context + target) + maps * target)
    }

    /// M sequences of Kc + Kp tokens of each image, with a backward pass.
    package func values(_ shape: PredictionShape, isNarrow: Bool) -> PassValues {
        let costs = BlockCosts(mlpRatio: sizes.mlpRatio, isNarrow: isNarrow, recomputes: recomputes)
        let (width, images, context) = (sizes.width, shape.images, shape.contextTokens)
        let (sequences, tokens) = (shape.blocks * images, context + shape.blockTokens)
        let (rows, maskRows) = (sequences * tokens, sequences * shape.blockTokens)
        let streams = costs.streams(sizes.depth)
        var values = PassValues(
            kept: images * context * width + maskRows * (3 * width + 2 + sizes.encoderWidth)
                + streams.kept * rows * width,
            temporary: 0)
        var backward = 0
        for layer in 0..<sizes.depth {
            var block = BlockTokens(sequences: sequences, tokens: tokens, rows: rows)
            if layer == 0 { (block.shared, block.images) = (context, images) }
            if layer == sizes.depth - 1 { block.rows = maskRows }
            let part = costs.trainedValues(block, width, heads: sizes.heads)
            values.kept += part.kept
            values.temporary = max(values.temporary, part.forward + streams.turning * rows * width)
            backward = max(backward, part.backward)
        }
        let stream = sizes.depth > 1 ? rows * width : 0
        values.temporary = max(
            values.temporary, maskRows * 3 * width + images * context * width + stream + backward)
        return values
    }
}
