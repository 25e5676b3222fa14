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
        /// The input, which the backward pass reads again.
        let images: Tensor<Backend>
        let indices: IndexTensor<Backend>?
        let blocks: BlockStack.Activations<Backend>
        let mean, rstd: Tensor<Backend>
        /// The features, [B, K, D].
        package let output: Tensor<Backend>
    }

    /// Features with everything kept that `backward` needs.
    ///
    /// - Parameters:
    ///   - images: [B, C, S, S]; left as they are until `backward`, which reads them again.
    ///   - indices: The patches to encode, [B, K]; none: all N.
    package func forward<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>?, parameters: Parameters<Backend>,
        positions: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let shape = tokenShape(images, indices)
        let (x, rows) = (workspace.take(shape), Shape(shape.rows))
        let (mean, rstd, output) = (workspace.take(rows), workspace.take(rows), workspace.take(shape))
        embed(images, indices: indices, parameters, positions, temporary: workspace.temporary, to: x)
        let blocks = stack.forward(BlockInput(x), parameters: parameters, workspace: workspace)
        normalize(blocks.output, parameters.flat, workspace.backend, mean: mean, rstd: rstd, to: output)
        return Activations(
            images: images, indices: indices, blocks: blocks, mean: mean, rstd: rstd, output: output)
    }

    /// Features alone; what the blocks need is given back as soon as each is done.
    ///
    /// - Parameters:
    ///   - queries: The tokens whose features are wanted.
    ///   - visit: Called with the number (from 0) and the output of each block, [B, K, D] but for the last. (It has no
    ///     default, which would be made anew in each call.)
    /// - Returns: [B, K, D], or [R, D] of chosen tokens.
    package func features<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>? = nil, queries: BlockInput<Backend>.Queries = .all,
        parameters: Parameters<Backend>, positions: Tensor<Backend>, workspace: Workspace<Backend>,
        visit: (Int, Tensor<Backend>) -> Void
    ) -> Tensor<Backend> {
        let shape = tokenShape(images, indices)
        let resultShape: Shape
        if case .chosen(let rows, _) = queries {
            resultShape = Shape(rows.count, settings.width)
        } else {
            resultShape = shape
        }
        let result = workspace.take(resultShape)
        let temporary = workspace.temporary
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let x = temporary.take(shape)
        embed(images, indices: indices, parameters, positions, temporary: temporary, to: x)
        let last = temporary.take(resultShape)
        stack.features(
            BlockInput(x, queries: queries), parameters: parameters, temporary: temporary, to: last, visit: visit)
        let rows = Shape(resultShape.rows)
        normalize(
            last, parameters.flat, temporary.backend, mean: temporary.take(rows), rstd: temporary.take(rows),
            to: result)
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
        gradients: GradientSums<Backend>, workspace: Workspace<Backend>
    ) {
        let (backend, temporary) = (workspace.backend, workspace.temporary)
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let dx = temporary.takeZeroed(dy.shape)
        backend.layerNormBackward(
            saved.blocks.output, gamma: norm.weight(parameters), mean: saved.mean, rstd: saved.rstd, dy: dy, dx: dx,
            dGamma: norm.weight(gradients), dBeta: norm.bias(gradients))
        stack.backward(
            saved.blocks, dy: dx, parameters: parameters,
            gradients: BlockGradients(parameters: gradients.flat, own: nil, turn: gradients.turn),
            temporary: temporary)
        let scratch = backend.patchScratch(patchShape(images: dx.shape[0], tokens: dx.shape[1])).backward
        backend.embedPatchesBackward(
            PatchInput(saved.images, patchSize: settings.patchSize, indices: saved.indices), dy: dx,
            weight: parameters.weight(patchEmbedding.weight), scratch: temporary.take(Shape(scratch)),
            dWeight: patchEmbedding.weight(gradients), dBias: patchEmbedding.bias(gradients))
    }

    private func tokenShape<Backend>(_ images: Tensor<Backend>, _ indices: IndexTensor<Backend>?) -> Shape {
        precondition(
            images.shape == Shape(images.shape[0], settings.channels, settings.imageSize, settings.imageSize),
            "images \(images.shape) for an encoder of \(settings.channels)×\(settings.imageSize)²")
        return Shape(images.shape[0], indices?.shape[1] ?? settings.patchCount, settings.width)
    }

    private func embed<Backend: KernelBackend>(
        _ images: Tensor<Backend>, indices: IndexTensor<Backend>?, _ parameters: Parameters<Backend>,
        _ positions: Tensor<Backend>, temporary: Workspace<Backend>, to x: Tensor<Backend>
    ) {
        let backend = temporary.backend
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let scratch = backend.patchScratch(patchShape(images: x.shape[0], tokens: x.shape[1])).forward
        backend.embedPatches(
            PatchInput(images, patchSize: settings.patchSize, indices: indices),
            weight: parameters.weight(patchEmbedding.weight), bias: patchEmbedding.bias(parameters),
            positions: positions, scratch: temporary.take(Shape(scratch)), to: x)
    }

    private func patchShape(images: Int, tokens: Int) -> PatchShape {
        PatchShape(images: images, tokens: tokens, elements: settings.patchElements, width: settings.width)
    }
}

// MARK: - Memory

extension VisionTransformer {
    /// Workspace elements of `forward` on K tokens: those that stay taken, and those that are soon given back.
    package func forwardElements(
        images: Int, tokens: Int, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int) {
        let rows = images * tokens
        let blocks = stack.forwardElements(BlockShape(sequences: images, tokens: tokens), on: backend)
        let embedding = backend.patchScratch(patchShape(images: images, tokens: tokens))
        return (
            2 * alignedElements(rows * settings.width) + 2 * alignedElements(rows) + blocks.kept,
            max(blocks.scratch, alignedElements(embedding.forward))
        )
    }

    /// Elements of temporary memory of `backward`.
    package func backwardElements(images: Int, tokens: Int, on backend: some KernelBackend) -> Int {
        let rows = images * tokens
        let blocks = stack.backwardElements(BlockShape(sequences: images, tokens: tokens), on: backend)
        let embedding = backend.patchScratch(patchShape(images: images, tokens: tokens))
        return alignedElements(rows * settings.width) + max(blocks, alignedElements(embedding.backward))
    }

    /// Workspace elements of `features`: its result, and what is soon given back.
    ///
    /// - Parameter chosen: The most tokens of all images whose features are wanted; none: all of them are, always.
    package func featureElements(
        images: Int, tokens: Int, chosen: Int? = nil, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int) {
        let rows = images * tokens
        let outputs = chosen ?? rows
        var blocks = stack.featureElements(
            BlockShape(sequences: images, tokens: tokens, queryRows: outputs), on: backend)
        if chosen == rows {
            // A block in which all tokens but one are queries may need more than one in which all are.
            blocks = max(
                blocks,
                stack.featureElements(
                    BlockShape(sequences: images, tokens: tokens, queryRows: rows - 1), on: backend))
        }
        let output = alignedElements(outputs * settings.width)
        let embedding = alignedElements(backend.patchScratch(patchShape(images: images, tokens: tokens)).forward)
        return (
            output,
            alignedElements(rows * settings.width)
                + max(embedding, output + max(blocks, 2 * alignedElements(outputs)))
        )
    }
}
