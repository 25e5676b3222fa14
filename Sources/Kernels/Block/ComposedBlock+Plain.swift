import TensorCore

/// LayerNorm, queries, keys and values, and attention of a plain block; R = S·T rows.
struct PlainAttention<Backend: KernelBackend> {
    let mean1, rstd1, y1, qkv, probabilities: Tensor<Backend>

    init(_ cutter: inout MemoryCutter<Backend>, _ block: BlockLayout, _ shape: BlockShape) {
        let (sequences, tokens) = (shape.sequences, shape.tokens)
        (mean1, rstd1) = (cutter.take(Shape(shape.queryRows)), cutter.take(Shape(shape.queryRows)))
        y1 = cutter.take(Shape(sequences, tokens, block.width))
        qkv = cutter.take(Shape(sequences, tokens, 3 * block.width))
        probabilities = cutter.take(Shape(sequences, block.heads, tokens, tokens))
    }

    static func elements(_ block: BlockLayout, _ shape: BlockShape) -> Int {
        let rows = shape.queryRows
        return 2 * alignedElements(rows) + alignedElements(rows * block.width) + alignedElements(3 * rows * block.width)
            + alignedElements(rows * block.heads * shape.tokens)
    }

    static func backwardElements(_ block: BlockLayout, _ shape: BlockShape) -> Int {
        alignedElements(3 * shape.queryRows * block.width) + alignedElements(2 * shape.tokens * shape.tokens)
    }
}

extension ComposedBlock {
    /// Up to `rest.middle`.
    func plainAttention(_ parameters: Parameters<Backend>, _ saved: PlainAttention<Backend>, _ rest: Rest) {
        backend.layerNorm(
            input.own, gamma: block.norm1.weight(parameters), beta: block.norm1.bias(parameters), epsilon: epsilon,
            mean: saved.mean1, rstd: saved.rstd1, to: saved.y1)
        backend.linear(
            saved.y1, weight: parameters.weight(block.qkv.weight), bias: block.qkv.bias(parameters), to: saved.qkv)
        backend.attention(
            qkv: saved.qkv, heads: block.heads, probabilities: saved.probabilities,
            to: rest.attended.reshaped(input.own.shape))
        backend.linear(
            rest.attended, weight: parameters.weight(block.proj.weight), bias: block.proj.bias(parameters),
            to: rest.middle)
        backend.add(input.own.reshaped(rest.middle.shape), times: 1, to: rest.middle)
    }

    func plainAttentionBackward(
        _ parameters: Parameters<Backend>, _ saved: PlainAttention<Backend>, dAttended: Tensor<Backend>,
        dMiddle: Tensor<Backend>, _ gradients: BlockGradients<Backend>, _ temporaries: inout MemoryCutter<Backend>
    ) {
        let sums = gradients.parameters
        let dQKV = temporaries.take(saved.qkv.shape)
        let scratch = temporaries.take(Shape(2, shape.tokens, shape.tokens))
        backend.attentionBackward(
            qkv: saved.qkv, heads: block.heads, probabilities: saved.probabilities,
            dy: dAttended.reshaped(input.own.shape), dQKV: dQKV, scratch: scratch)
        backend.linearBackwardWeight(
            saved.y1, dy: dQKV, dWeight: block.qkv.weight(sums), dBias: block.qkv.bias(sums))
        forgetKeyBias(sums)
        // The gradient of attention's output is used up; its memory takes that of LayerNorm's.
        let dY1 = dAttended.reshaped(input.own.shape)
        backend.linearBackwardInput(
            dy: dQKV, weight: parameters.weight(block.qkv.weight), dx: dY1, accumulate: false)
        let dx = gradients.own ?? dMiddle.reshaped(input.own.shape)
        if gradients.own != nil { backend.copy(dMiddle.reshaped(dx.shape), to: dx) }
        backend.layerNormBackward(
            input.own, gamma: block.norm1.weight(parameters), mean: saved.mean1, rstd: saved.rstd1, dy: dY1, dx: dx,
            dGamma: block.norm1.weight(sums), dBeta: block.norm1.bias(sums))
    }

    /// A bias of all keys shifts each row of scores by a constant, which softmax does not see. Its gradient is zero; what
    /// rounding leaves in its place AdamW would blow up to steps of full size.
    func forgetKeyBias(_ gradients: Tensor<Backend>) {
        backend.fill(block.qkv.bias(gradients).window(at: block.width, Shape(block.width)), with: 0)
    }
}
