package import TensorCore

extension ShapeCheck {
    /// Operands as in `AttentionOperands`; probabilities of R·H·T elements, y of R rows.
    package static func attention<Backend>(
        _ operands: AttentionOperands<Backend>, heads: Int, probabilities: Shape, y: Shape,
        _ operation: StaticString = "attention"
    ) {
        let (queries, own, width) = (operands.queries.shape, operands.keysAndValues.shape, operands.width)
        require(own, rank: 3, "keysAndValues", operation)
        precondition(
            heads > 0 && width % heads == 0 && own[2] == 2 * width,
            "\(operation): queries \(queries) with \(heads) heads do not fit keys and values \(own)")
        if let shared = operands.sharedKeysAndValues?.shape {
            require(shared, rank: 3, "sharedKeysAndValues", operation)
            precondition(
                shared[2] == own[2] && shared[0] > 0 && own[0] % shared[0] == 0,
                "\(operation): shared tokens \(shared) do not fit sequences \(own)")
        }
        if let shared = operands.sharedQueries?.shape {
            let expected = Shape(operands.images, operands.sharedTokens, width)
            require(shared, is: expected, "sharedQueries", for: own, operation)
        }
        if let starts = operands.starts?.shape {
            require(starts, is: Shape(own[0] + 1), "starts", for: own, operation)
            precondition(operands.sharedKeysAndValues == nil, "\(operation): chosen queries with shared tokens")
        } else {
            require(queries, rank: 3, "queries", operation)
            precondition(queries[0] == own[0], "\(operation): queries \(queries) are not of the sequences of \(own)")
        }
        precondition(
            probabilities.count == operands.queryRows * heads * operands.tokens,
            "\(operation): probabilities \(probabilities) are not \(heads) rows of \(operands.tokens) for each of "
                + "\(operands.queryRows) queries")
        precondition(
            y.rows == operands.queryRows && y.columns == width,
            "\(operation): y \(y) has not \(operands.queryRows) rows of \(width)")
    }

    /// As `attention` with dy in the place of y, gradients shaped as the operands, scratch of at least [2, T, T].
    package static func attentionBackward<Backend>(
        _ operands: AttentionOperands<Backend>, heads: Int, probabilities: Shape, dy: Shape,
        gradients: AttentionOperands<Backend>, scratch: Shape
    ) {
        let operation: StaticString = "attentionBackward"
        attention(operands, heads: heads, probabilities: probabilities, y: dy, operation)
        precondition(operands.starts == nil, "\(operation): chosen queries have no backward pass")
        same(operands.queries.shape, gradients.queries.shape, operation)
        same(operands.keysAndValues.shape, gradients.keysAndValues.shape, operation)
        precondition(
            operands.sharedQueries?.shape == gradients.sharedQueries?.shape
                && operands.sharedKeysAndValues?.shape == gradients.sharedKeysAndValues?.shape,
            "\(operation): shared operands and their gradients differ in shape")
        precondition(
            scratch.count >= 2 * operands.tokens * operands.tokens,
            "\(operation): scratch \(scratch) is less than [2, T, T] for T = \(operands.tokens)")
    }

    /// shared [B, Kc, D], own [S, To, D] with S a multiple of B, y [S, Kc+To, D]; also for gradients.
    package static func joinTokens(
        shared: Shape, own: Shape, y: Shape, _ operation: StaticString = "joinTokens"
    ) {
        require(shared, rank: 3, "shared", operation)
        require(own, rank: 3, "own", operation)
        precondition(
            shared[0] > 0 && own[0] % shared[0] == 0 && own[2] == shared[2],
            "\(operation): shared tokens \(shared) do not fit sequences \(own)")
        require(y, is: Shape(own[0], shared[1] + own[1], own[2]), "y", for: own, operation)
    }

    /// The tensors of a block's forward pass.
    package static func blockForward<Backend>(
        _ block: BlockLayout, _ input: BlockInput<Backend>, memory: BlockMemory, kept: Shape?, scratch: Shape, y: Shape
    ) {
        let operation: StaticString = "blockForward"
        blockInput(block, input, operation)
        require(y, is: input.outputShape, "y", for: input.own.shape, operation)
        let needed = kept == nil ? memory.inferenceScratch : memory.forwardScratch
        precondition(
            (kept?.count ?? memory.kept) >= memory.kept && scratch.count >= needed,
            "\(operation): memory \(kept?.count ?? 0) and \(scratch.count) is less than \(memory)")
    }

    /// The tensors of a block's backward pass.
    package static func blockBackward<Backend>(
        _ block: BlockLayout, _ input: BlockInput<Backend>, memory: BlockMemory, kept: Shape, scratch: Shape, dy: Shape,
        gradients: BlockGradients<Backend>
    ) {
        let operation: StaticString = "blockBackward"
        blockInput(block, input, operation)
        if case .chosen = input.queries { preconditionFailure("\(operation): chosen queries have no backward pass") }
        require(dy, is: input.outputShape, "dy", for: input.own.shape, operation)
        if let own = gradients.own {
            require(own.shape, is: input.own.shape, "the gradient", for: input.own.shape, operation)
        } else {
            precondition(input.shape.isPlain, "\(operation): only a plain block's gradient is in place")
        }
        precondition(
            gradients.shared?.shape == input.shared?.shape, "\(operation): shared tokens and their gradient differ")
        precondition(
            kept.count >= memory.kept && scratch.count >= memory.backwardScratch,
            "\(operation): memory \(kept.count) and \(scratch.count) is less than \(memory)")
    }

    private static func blockInput<Backend>(
        _ block: BlockLayout, _ input: BlockInput<Backend>, _ operation: StaticString
    ) {
        let own = input.own.shape
        require(own, rank: 3, "own", operation)
        precondition(own[2] == block.width, "\(operation): tokens \(own) for a block of width \(block.width)")
        if let shared = input.shared?.shape {
            require(shared, rank: 3, "shared", operation)
            precondition(
                shared[0] > 0 && own[0] % shared[0] == 0 && shared[2] == own[2],
                "\(operation): shared tokens \(shared) do not fit sequences \(own)")
        }
        switch input.queries {
        case .all: break
        case .last(let count):
            precondition(count > 0 && count <= own[1], "\(operation): the last \(count) of tokens \(own)")
        case .chosen(_, let starts):
            precondition(input.shared == nil, "\(operation): chosen queries with shared tokens")
            require(starts.shape, is: Shape(own[0] + 1), "starts", for: own, operation)
        }
    }
}
