import TensorCore

/// LayerNorm, queries, keys and values, and attention of a block in which some tokens are no queries or are shared.
struct SplitAttention<Backend: KernelBackend> {
    /// Of own tokens, [S, To, ..].
    let mean1, rstd1, y1: Tensor<Backend>
    /// LayerNorm's output for own tokens that are queries, [S, Q, D] or [R, D]; y1 itself if all are.
    let normalizedQueries: Tensor<Backend>
    /// Of shared tokens, [B, Kc, ..]; empty without any.
    let sharedMean1, sharedRstd1, sharedY1: Tensor<Backend>
    let operands: AttentionOperands<Backend>
    /// R·H·T.
    let probabilities: Tensor<Backend>

    init(_ cutter: inout MemoryCutter<Backend>, _ block: BlockLayout, _ input: BlockInput<Backend>) {
        let (shape, width) = (input.shape, block.width)
        let own = input.own.shape
        let shared = Shape(shape.images, shape.sharedTokens, width)
        (mean1, rstd1) = (cutter.take(Shape(own.rows)), cutter.take(Shape(own.rows)))
        y1 = cutter.take(own)
        var queryShape = own
        var starts: IndexTensor<Backend>?
        switch input.queries {
        case .all: break
        case .last(let count): queryShape = Shape(own[0], count, width)
        case .chosen(let rows, let of):
            queryShape = Shape(rows.count, width)
            starts = of
        }
        normalizedQueries = queryShape == own ? y1 : cutter.take(queryShape)
        (sharedMean1, sharedRstd1) = (cutter.take(Shape(shared.rows)), cutter.take(Shape(shared.rows)))
        sharedY1 = cutter.take(shared)
        var sharesQueries = false
        if case .all = input.queries { sharesQueries = true }
        let isShared = shape.sharedTokens > 0
        operands = AttentionOperands(
            queries: cutter.take(queryShape),
            keysAndValues: cutter.take(Shape(own[0], own[1], 2 * width)),
            sharedQueries: isShared && sharesQueries ? cutter.take(shared) : nil,
            sharedKeysAndValues: isShared ? cutter.take(Shape(shared[0], shared[1], 2 * width)) : nil, starts: starts)
        probabilities = cutter.take(Shape(shape.queryRows, block.heads, shape.tokens))
    }

    static func elements(_ block: BlockLayout, _ shape: BlockShape) -> Int {
        let own = shape.sequences * shape.ownTokens
        let shared = shape.images * shape.sharedTokens
        let queries = ownQueryRows(shape)
        return 2 * alignedElements(own) + alignedElements(own * block.width)
            + (queries == own ? 0 : alignedElements(queries * block.width))
            + 2 * alignedElements(shared) + alignedElements(shared * block.width)
            + operandElements(block, shape) + alignedElements(shape.queryRows * block.heads * shape.tokens)
    }

    static func backwardElements(_ block: BlockLayout, _ shape: BlockShape) -> Int {
        let own = shape.sequences * shape.ownTokens
        let queries = ownQueryRows(shape)
        return operandElements(block, shape) + alignedElements(2 * shape.tokens * shape.tokens)
            + alignedElements(own * block.width) + (queries == own ? 0 : alignedElements(queries * block.width))
            + alignedElements(shape.images * shape.sharedTokens * block.width)
    }

    /// Queries among own tokens; shared tokens are queries only where all tokens are.
    private static func ownQueryRows(_ shape: BlockShape) -> Int {
        sharesQueries(shape) ? shape.sequences * shape.ownTokens : shape.queryRows
    }

    private static func sharesQueries(_ shape: BlockShape) -> Bool {
        shape.sharedTokens > 0 && shape.queryRows == shape.sequences * shape.tokens
    }

    private static func operandElements(_ block: BlockLayout, _ shape: BlockShape) -> Int {
        let shared = shape.images * shape.sharedTokens * block.width
        return alignedElements(ownQueryRows(shape) * block.width)
            + alignedElements(2 * shape.sequences * shape.ownTokens * block.width)
            + (sharesQueries(shape) ? alignedElements(shared) : 0) + alignedElements(2 * shared)
    }
}

extension ComposedBlock {
    /// The part of the qkv map that makes queries.
    private func queryMap(_ flat: Tensor<Backend>) -> (weight: Tensor<Backend>, bias: Tensor<Backend>) {
        let width = block.width
        return (
            block.qkv.weight(flat).window(at: 0, Shape(width, width)), block.qkv.bias(flat).window(at: 0, Shape(width))
        )
    }

    /// The part of the qkv map that makes keys and values.
    private func keyMap(_ flat: Tensor<Backend>) -> (weight: Tensor<Backend>, bias: Tensor<Backend>) {
        let width = block.width
        return (
            block.qkv.weight(flat).window(at: width * width, Shape(2 * width, width)),
            block.qkv.bias(flat).window(at: width, Shape(2 * width))
        )
    }

    /// Up to `rest.middle`.
    func splitAttention(_ parameters: Parameters<Backend>, _ saved: SplitAttention<Backend>, _ rest: Rest) {
        let (gamma, beta) = (block.norm1.weight(parameters), block.norm1.bias(parameters))
        let (queries, keys) = (queryMap(parameters.flat), keyMap(parameters.flat))
        let operands = saved.operands
        backend.layerNorm(
            input.own, gamma: gamma, beta: beta, epsilon: epsilon, mean: saved.mean1, rstd: saved.rstd1, to: saved.y1)
        takeQueries(of: saved.y1, to: saved.normalizedQueries)
        backend.linear(
            saved.normalizedQueries, weight: queries.weight, bias: queries.bias, to: operands.queries)
        backend.linear(saved.y1, weight: keys.weight, bias: keys.bias, to: operands.keysAndValues)
        if let shared = input.shared, let sharedKeys = operands.sharedKeysAndValues {
            backend.layerNorm(
                shared, gamma: gamma, beta: beta, epsilon: epsilon, mean: saved.sharedMean1, rstd: saved.sharedRstd1,
                to: saved.sharedY1)
            backend.linear(saved.sharedY1, weight: keys.weight, bias: keys.bias, to: sharedKeys)
            if let sharedQueries = operands.sharedQueries {
                backend.linear(saved.sharedY1, weight: queries.weight, bias: queries.bias, to: sharedQueries)
            }
        }
        backend.attention(
            operands, heads: block.heads, probabilities: saved.probabilities, to: rest.attended)
        // The residual stream of the queries lies where their LayerNorm's output will be.
        residual(to: rest.y2.reshaped(input.outputShape))
        backend.linear(
            rest.attended, weight: parameters.weight(block.proj.weight), bias: block.proj.bias(parameters),
            to: rest.middle)
        backend.add(rest.y2, times: 1, to: rest.middle)
    }

    /// The rows of own tokens that are queries; nothing to do where all are.
    private func takeQueries(of x: Tensor<Backend>, to y: Tensor<Backend>) {
        switch input.queries {
        case .all: break
        case .last(let count): if count != x.shape[1] { backend.lastTokens(x, to: y) }
        case .chosen(let rows, _): backend.gather(x, rows: rows, to: y)
        }
    }

    /// The input's rows of the tokens that are queries.
    private func residual(to y: Tensor<Backend>) {
        switch input.queries {
        case .all:
            guard let shared = input.shared else { preconditionFailure("a plain block's residual needs no copy") }
            backend.joinTokens(shared: shared, own: input.own, to: y)
        case .last: backend.lastTokens(input.own, to: y)
        case .chosen(let rows, _): backend.gather(input.own, rows: rows, to: y)
        }
    }

    func splitAttentionBackward(
        _ parameters: Parameters<Backend>, _ saved: SplitAttention<Backend>, dAttended: Tensor<Backend>,
        dMiddle: Tensor<Backend>, _ gradients: BlockGradients<Backend>, _ temporaries: inout MemoryCutter<Backend>
    ) {
        guard let dOwn = gradients.own else { preconditionFailure("only a plain block's gradient is in place") }
        let (operands, sums) = (saved.operands, gradients.parameters)
        let (queries, keys) = (queryMap(parameters.flat), keyMap(parameters.flat))
        let (dQueryMap, dKeyMap) = (queryMap(sums), keyMap(sums))
        let dOperands = AttentionOperands(
            queries: temporaries.take(operands.queries.shape),
            keysAndValues: temporaries.take(operands.keysAndValues.shape),
            sharedQueries: operands.sharedQueries.map { temporaries.take($0.shape) },
            sharedKeysAndValues: operands.sharedKeysAndValues.map { temporaries.take($0.shape) })
        backend.attentionBackward(
            operands, heads: block.heads, probabilities: saved.probabilities, dy: dAttended, gradients: dOperands,
            scratch: temporaries.take(Shape(2, shape.tokens, shape.tokens)))
        residualBackward(dMiddle.reshaped(input.outputShape), dOwn: dOwn, dShared: gradients.shared)

        backend.linearBackwardWeight(
            saved.normalizedQueries, dy: dOperands.queries, dWeight: dQueryMap.weight, dBias: dQueryMap.bias)
        backend.linearBackwardWeight(
            saved.y1, dy: dOperands.keysAndValues, dWeight: dKeyMap.weight, dBias: dKeyMap.bias)
        let dY1 = temporaries.take(saved.y1.shape)
        if operands.queries.shape == dY1.shape {
            backend.linearBackwardInput(
                dy: dOperands.queries, weight: queries.weight, dx: dY1, accumulate: false)
        } else {
            let dQueries = temporaries.take(operands.queries.shape)
            backend.linearBackwardInput(
                dy: dOperands.queries, weight: queries.weight, dx: dQueries, accumulate: false)
            backend.lastTokensBackward(dy: dQueries, dx: dY1)
        }
        backend.linearBackwardInput(
            dy: dOperands.keysAndValues, weight: keys.weight, dx: dY1, accumulate: true)
        let gamma = block.norm1.weight(parameters)
        backend.layerNormBackward(
            input.own, gamma: gamma, mean: saved.mean1, rstd: saved.rstd1, dy: dY1, dx: dOwn,
            dGamma: block.norm1.weight(sums), dBeta: block.norm1.bias(sums))

        if let shared = input.shared, let dShared = gradients.shared, let dKeys = dOperands.sharedKeysAndValues {
            let dSharedY1 = temporaries.take(saved.sharedY1.shape)
            backend.linearBackwardWeight(
                saved.sharedY1, dy: dKeys, dWeight: dKeyMap.weight, dBias: dKeyMap.bias)
            backend.linearBackwardInput(dy: dKeys, weight: keys.weight, dx: dSharedY1, accumulate: false)
            if let dQueries = dOperands.sharedQueries {
                backend.linearBackwardWeight(
                    saved.sharedY1, dy: dQueries, dWeight: dQueryMap.weight, dBias: dQueryMap.bias)
                backend.linearBackwardInput(
                    dy: dQueries, weight: queries.weight, dx: dSharedY1, accumulate: true)
            }
            backend.layerNormBackward(
                shared, gamma: gamma, mean: saved.sharedMean1, rstd: saved.sharedRstd1, dy: dSharedY1, dx: dShared,
                dGamma: block.norm1.weight(sums), dBeta: block.norm1.bias(sums))
        }
        forgetKeyBias(sums)
    }

    /// The residual stream's part of the input's gradient.
    private func residualBackward(_ dMiddle: Tensor<Backend>, dOwn: Tensor<Backend>, dShared: Tensor<Backend>?) {
        switch input.queries {
        case .all:
            guard let dShared else { preconditionFailure("a plain block in the split form") }
            backend.joinTokensBackward(dy: dMiddle, dShared: dShared, dOwn: dOwn)
        case .last:
            backend.lastTokensBackward(dy: dMiddle, dx: dOwn)
            if let dShared { backend.fill(dShared, with: 0) }
        case .chosen:
            preconditionFailure("chosen queries have no backward pass")
        }
    }
}

extension KernelBackend {
    /// y[i, :] = x[rows[i], :] of x seen as rows.
    func gather(_ x: Tensor<Self>, rows: IndexTensor<Self>, to y: Tensor<Self>) {
        gatherBlocks(
            x.reshaped(Shape(1, x.shape.rows, x.shape.columns)), indices: rows.window(at: 0, Shape(1, 1, rows.count)),
            to: y.reshaped(Shape(1, 1, rows.count, x.shape.columns)))
    }
}
