import TensorCore

/// A transformer block composed of a back end's single operations: the definition of `blockForward` and `blockBackward`.
///
/// A plain block (every token a query, none shared) has one product for queries, keys and values; otherwise they are two,
/// for the rows that need each.
package struct ComposedBlock<Backend: KernelBackend> {
    let block: BlockLayout
    let input: BlockInput<Backend>
    let shape: BlockShape
    let backend: Backend

    package init(_ block: BlockLayout, _ input: BlockInput<Backend>, on backend: Backend) {
        self.block = block
        self.input = input
        self.shape = input.shape
        self.backend = backend
    }

    var epsilon: Backend.Scalar { Backend.Scalar(BlockLayout.normEpsilon) }

    /// What follows attention, R rows.
    struct Rest {
        let attended, middle, mean2, rstd2, y2, pre, activated: Tensor<Backend>

        init(_ cutter: inout MemoryCutter<Backend>, rows: Int, _ block: BlockLayout) {
            attended = cutter.take(Shape(rows, block.width))
            middle = cutter.take(Shape(rows, block.width))
            (mean2, rstd2) = (cutter.take(Shape(rows)), cutter.take(Shape(rows)))
            y2 = cutter.take(Shape(rows, block.width))
            pre = cutter.take(Shape(rows, block.hidden))
            activated = cutter.take(Shape(rows, block.hidden))
        }

        static func elements(rows: Int, _ block: BlockLayout) -> Int {
            3 * alignedElements(rows * block.width) + 2 * alignedElements(rows)
                + 2 * alignedElements(rows * block.hidden)
        }
    }

    // MARK: Forward

    package func forward(
        _ parameters: Parameters<Backend>, kept: Tensor<Backend>?, scratch: Tensor<Backend>, to y: Tensor<Backend>
    ) {
        ShapeCheck.blockForward(
            block, input, memory: Self.memory(block, shape), kept: kept?.shape, scratch: scratch.shape, y: y.shape)
        var cutter = MemoryCutter(kept ?? scratch)
        let rest = Rest(&cutter, rows: shape.queryRows, block)
        if shape.isPlain {
            plainAttention(parameters, PlainAttention(&cutter, block, shape), rest)
        } else {
            splitAttention(parameters, SplitAttention(&cutter, block, input), rest)
        }
        backend.layerNorm(
            rest.middle, gamma: block.norm2.weight(parameters), beta: block.norm2.bias(parameters), epsilon: epsilon,
            mean: rest.mean2, rstd: rest.rstd2, to: rest.y2)
        backend.linearGELU(
            rest.y2, weight: block.fc1.weight(parameters), bias: block.fc1.bias(parameters), pre: rest.pre,
            to: rest.activated)
        let output = y.reshaped(Shape(shape.queryRows, block.width))
        backend.linear(
            rest.activated, weight: parameters.weight(block.fc2.weight), bias: block.fc2.bias(parameters), to: output)
        backend.add(rest.middle, times: 1, to: output)
    }

    // MARK: Backward

    package func backward(
        _ parameters: Parameters<Backend>, kept: Tensor<Backend>, scratch: Tensor<Backend>, dy: Tensor<Backend>,
        gradients: BlockGradients<Backend>
    ) {
        ShapeCheck.blockBackward(
            block, input, memory: Self.memory(block, shape), kept: kept.shape, scratch: scratch.shape, dy: dy.shape,
            gradients: gradients)
        var cutter = MemoryCutter(kept)
        let rest = Rest(&cutter, rows: shape.queryRows, block)
        var temporaries = MemoryCutter(scratch)
        let (rows, sums) = (shape.queryRows, gradients.parameters)
        let dNarrow = temporaries.take(Shape(rows, block.width))
        let dHidden = temporaries.take(Shape(rows, block.hidden))
        let dy = dy.reshaped(Shape(rows, block.width))

        backend.linearBackwardWeight(
            rest.activated, dy: dy, dWeight: block.fc2.weight(sums), dBias: block.fc2.bias(sums))
        backend.linearBackwardInput(
            dy: dy, weight: parameters.weight(block.fc2.weight), dx: dHidden, accumulate: false)
        backend.geluBackward(pre: rest.pre, dy: dHidden, dx: dHidden)
        backend.linearBackwardWeight(
            rest.y2, dy: dHidden, dWeight: block.fc1.weight(sums), dBias: block.fc1.bias(sums))
        backend.linearBackwardInput(
            dy: dHidden, weight: parameters.weight(block.fc1.weight), dx: dNarrow, accumulate: false)
        // From here on, dy is the gradient of what follows attention, the residual stream's part of the input's.
        backend.layerNormBackward(
            rest.middle, gamma: block.norm2.weight(parameters), mean: rest.mean2, rstd: rest.rstd2, dy: dNarrow, dx: dy,
            dGamma: block.norm2.weight(sums), dBeta: block.norm2.bias(sums))
        backend.linearBackwardWeight(
            rest.attended, dy: dy, dWeight: block.proj.weight(sums), dBias: block.proj.bias(sums))
        backend.linearBackwardInput(
            dy: dy, weight: parameters.weight(block.proj.weight), dx: dNarrow, accumulate: false)
        if shape.isPlain {
            plainAttentionBackward(
                parameters, PlainAttention(&cutter, block, shape), dAttended: dNarrow, dMiddle: dy, gradients,
                &temporaries)
        } else {
            splitAttentionBackward(
                parameters, SplitAttention(&cutter, block, input), dAttended: dNarrow, dMiddle: dy, gradients,
                &temporaries)
        }
    }

    // MARK: Memory

    package static func memory(_ block: BlockLayout, _ shape: BlockShape) -> BlockMemory {
        let rest = Rest.elements(rows: shape.queryRows, block)
        let attention =
            shape.isPlain
            ? PlainAttention<Backend>.elements(block, shape) : SplitAttention<Backend>.elements(block, shape)
        let backward =
            shape.isPlain
            ? PlainAttention<Backend>.backwardElements(block, shape)
            : SplitAttention<Backend>.backwardElements(block, shape)
        return BlockMemory(
            kept: rest + attention, forwardScratch: 0, inferenceScratch: rest + attention,
            backwardScratch: alignedElements(shape.queryRows * block.width)
                + alignedElements(shape.queryRows * block.hidden) + backward, needsInput: true)
    }
}
