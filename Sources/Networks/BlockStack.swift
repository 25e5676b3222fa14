import Kernels
import TensorCore

/// The transformer blocks of a network, one after the other.
///
/// The first block may have tokens that sequences share, and the last may have fewer queries than tokens; the blocks
/// between are plain. With a single block both are the same.
struct BlockStack: Sendable {
    /// At least one.
    let blocks: [BlockLayout]
    /// Whether blocks keep only their inputs and are run again before their backward passes, with the same result.
    var recomputes = false

    /// What the backward pass needs.
    struct Activations<Backend: KernelBackend>: Sendable {
        let input: BlockInput<Backend>
        /// What the blocks keep, one after the other.
        let kept: Tensor<Backend>
        /// Outputs of all blocks but the last, one after the other; where no block reads its input again, two places whose
        /// contents are lost.
        let stream: Tensor<Backend>
        /// Of `input.outputShape`.
        let output: Tensor<Backend>
    }

    /// The input of block `layer`, which is x for all but the first.
    private func input<Backend>(
        _ layer: Int, of whole: BlockInput<Backend>, _ stream: Tensor<Backend>, turns: Int
    ) -> BlockInput<Backend> {
        let isLast = layer == blocks.count - 1
        guard layer > 0 else { return isLast ? whole : BlockInput(whole.own, shared: whole.shared) }
        return BlockInput(element((layer - 1) % turns, of: stream, whole), queries: isLast ? whole.queries : .all)
    }

    /// One output of the stream.
    private func element<Backend>(
        _ index: Int, of stream: Tensor<Backend>, _ whole: BlockInput<Backend>
    ) -> Tensor<Backend> {
        let shape = Self.streamShape(whole.shape, width: whole.own.shape[2])
        return stream.window(at: index * alignedElements(shape.count), shape)
    }

    /// Of all tokens, shared ones in every sequence.
    private static func streamShape(_ shape: BlockShape, width: Int) -> Shape {
        Shape(shape.sequences, shape.tokens, width)
    }

    /// The shape of block `layer` where the whole stack has `shape`.
    private func shape(_ layer: Int, of whole: BlockShape) -> BlockShape {
        let isLast = layer == blocks.count - 1
        var shape = BlockShape(
            sequences: whole.sequences, tokens: whole.tokens, queryRows: isLast ? whole.queryRows : nil)
        if layer == 0 { (shape.sharedTokens, shape.images) = (whole.sharedTokens, whole.images) }
        return shape
    }

    /// Outputs that are held at once in a pass that keeps, or one that does not.
    private func turns(_ shape: BlockShape, keeps: Bool, on backend: some KernelBackend) -> Int {
        guard blocks.count > 1 else { return 1 }
        let reads =
            keeps
            && (recomputes
                || blocks.indices.contains { backend.blockMemory(blocks[$0], self.shape($0, of: shape)).needsInput })
        return reads ? blocks.count - 1 : min(2, blocks.count - 1)
    }

    /// Whether the place of an output is used again in the same pass: then no backward pass reads the outputs.
    private func takeTurns(_ turns: Int) -> Bool { turns < blocks.count - 1 }

    // MARK: Passes

    /// - Parameter input: Of the first block; its queries are those of the last.
    func forward<Backend: KernelBackend>(
        _ input: BlockInput<Backend>, parameters: Parameters<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let whole = input.shape
        let turns = turns(whole, keeps: true, on: backend)
        let kept = workspace.take(Shape(keptElements(whole, on: backend)))
        // Outputs that take turns are gone when the pass is over.
        let streamShape = Shape(streamElements(whole, width: input.own.shape[2], turns: turns))
        let keptStream = takeTurns(turns) ? nil : workspace.take(streamShape)
        let output = workspace.take(input.outputShape)
        let temporary = workspace.temporary
        let streamMark = temporary.mark
        defer { temporary.release(to: streamMark) }
        let stream = keptStream ?? temporary.take(streamShape)
        let mark = temporary.mark
        var start = 0
        for layer in blocks.indices {
            let block = blocks[layer]
            let memory = backend.blockMemory(block, shape(layer, of: whole))
            backend.blockForward(
                block, self.input(layer, of: input, stream, turns: turns), parameters: parameters,
                kept: recomputes ? nil : kept.window(at: start, Shape(memory.kept)),
                scratch: temporary.take(Shape(recomputes ? memory.inferenceScratch : memory.forwardScratch)),
                to: layer == blocks.count - 1 ? output : element(layer % turns, of: stream, input))
            temporary.release(to: mark)
            if !recomputes { start += memory.kept }
        }
        return Activations(input: input, kept: kept, stream: stream, output: output)
    }

    /// The output alone, of `input.outputShape`, in memory that the caller took.
    ///
    /// - Parameter visit: Called with the number (from 0) and the output of each block.
    func features<Backend: KernelBackend>(
        _ input: BlockInput<Backend>, parameters: Parameters<Backend>, temporary: Workspace<Backend>,
        to output: Tensor<Backend>, visit: (Int, Tensor<Backend>) -> Void
    ) {
        let backend = temporary.backend
        let whole = input.shape
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let turns = turns(whole, keeps: false, on: backend)
        let stream = temporary.take(Shape(streamElements(whole, width: input.own.shape[2], turns: turns)))
        let blockMark = temporary.mark
        for layer in blocks.indices {
            let block = blocks[layer]
            let memory = backend.blockMemory(block, shape(layer, of: whole))
            let y = layer == blocks.count - 1 ? output : element(layer % turns, of: stream, input)
            backend.blockForward(
                block, self.input(layer, of: input, stream, turns: turns), parameters: parameters, kept: nil,
                scratch: temporary.take(Shape(memory.inferenceScratch)), to: y)
            temporary.release(to: blockMark)
            visit(layer, y)
        }
    }

    /// - Parameters:
    ///   - dy: Gradient of the output; its contents are lost.
    ///   - gradients: Of all parameters and of the input; `own` may be none where all blocks are plain. Blocks are stages
    ///     of its turn.
    func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Parameters<Backend>,
        gradients: BlockGradients<Backend>, temporary: Workspace<Backend>
    ) {
        let backend = temporary.backend
        let whole = saved.input.shape
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let turns = turns(whole, keeps: true, on: backend)
        // The stream's gradient, where it cannot be in the place of the output's.
        let width = saved.input.own.shape[2]
        var dx = dy
        let last = blocks.count - 1
        if needsStreamGradient(whole) { dx = temporary.take(Self.streamShape(whole, width: width)) }
        var start = saved.kept.count
        let blockMark = temporary.mark
        for layer in blocks.indices.reversed() {
            let (block, shape) = (blocks[layer], shape(layer, of: whole))
            let memory = backend.blockMemory(block, shape)
            let own = input(layer, of: saved.input, saved.stream, turns: turns)
            let kept: Tensor<Backend>
            if recomputes {
                kept = temporary.take(Shape(memory.kept))
                repeatForward(block, own, memory, parameters: parameters, kept: kept, temporary)
            } else {
                start -= memory.kept
                kept = saved.kept.window(at: start, Shape(memory.kept))
            }
            let part =
                layer == 0
                ? gradients
                : BlockGradients(
                    parameters: gradients.parameters, own: shape.isPlain ? nil : dx, turn: gradients.turn)
            backend.blockBackward(
                block, own, parameters: parameters, kept: kept,
                scratch: temporary.take(Shape(memory.backwardScratch)), dy: layer == last ? dy : dx, gradients: part)
            temporary.release(to: blockMark)
            gradients.turn?.advance()
        }
    }

    /// Fills `kept` as the forward pass would have.
    private func repeatForward<Backend: KernelBackend>(
        _ block: BlockLayout, _ input: BlockInput<Backend>, _ memory: BlockMemory, parameters: Parameters<Backend>,
        kept: Tensor<Backend>, _ temporary: Workspace<Backend>
    ) {
        let mark = temporary.mark
        defer { temporary.release(to: mark) }
        let output = temporary.take(input.outputShape)
        temporary.backend.blockForward(
            block, input, parameters: parameters, kept: kept,
            scratch: temporary.take(Shape(memory.forwardScratch)), to: output)
    }

    // MARK: Memory

    /// Whether the last of several blocks has fewer queries than tokens.
    private func needsStreamGradient(_ whole: BlockShape) -> Bool {
        blocks.count > 1 && whole.queryRows != whole.sequences * whole.tokens
    }

    private func keptElements(_ whole: BlockShape, on backend: some KernelBackend) -> Int {
        guard !recomputes else { return 0 }
        return blocks.indices.reduce(0) { $0 + backend.blockMemory(blocks[$1], shape($1, of: whole)).kept }
    }

    private func streamElements(_ whole: BlockShape, width: Int, turns: Int) -> Int {
        blocks.count > 1 ? turns * alignedElements(Self.streamShape(whole, width: width).count) : 0
    }

    private func largest(
        _ part: KeyPath<BlockMemory, Int>, _ whole: BlockShape, on backend: some KernelBackend
    ) -> Int {
        blocks.indices.reduce(0) { max($0, backend.blockMemory(blocks[$1], shape($1, of: whole))[keyPath: part]) }
    }

    private var width: Int { blocks.first?.width ?? 0 }

    /// Workspace elements of `forward`: those that stay, and those needed besides while it runs.
    func forwardElements(_ whole: BlockShape, on backend: some KernelBackend) -> (kept: Int, scratch: Int) {
        let turns = turns(whole, keeps: true, on: backend)
        let stream = streamElements(whole, width: width, turns: turns)
        let kept =
            alignedElements(keptElements(whole, on: backend)) + (takeTurns(turns) ? 0 : stream)
            + alignedElements(whole.queryRows * width)
        let scratch = largest(recomputes ? \.inferenceScratch : \.forwardScratch, whole, on: backend)
        return (kept, alignedElements(scratch) + (takeTurns(turns) ? stream : 0))
    }

    /// Workspace elements of `features`, its output not counted.
    func featureElements(_ whole: BlockShape, on backend: some KernelBackend) -> Int {
        streamElements(whole, width: width, turns: turns(whole, keeps: false, on: backend))
            + alignedElements(largest(\.inferenceScratch, whole, on: backend))
    }

    /// Workspace elements of `backward`.
    func backwardElements(_ whole: BlockShape, on backend: some KernelBackend) -> Int {
        (needsStreamGradient(whole) ? alignedElements(whole.sequences * whole.tokens * width) : 0)
            + (recomputes
                ? repeatingElements(whole, on: backend)
                : alignedElements(largest(\.backwardScratch, whole, on: backend)))
    }

    /// What one block's repeated forward pass and its backward pass need, of the block that needs most.
    private func repeatingElements(_ whole: BlockShape, on backend: some KernelBackend) -> Int {
        blocks.indices.map { layer in
            let shape = shape(layer, of: whole)
            let memory = backend.blockMemory(blocks[layer], shape)
            let repeated = alignedElements(shape.queryRows * width) + alignedElements(memory.forwardScratch)
            return alignedElements(memory.kept) + max(repeated, alignedElements(memory.backwardScratch))
        }.max() ?? 0
    }
}
