import CKernels
import Kernels
import TensorCore

/// A transformer block in float32 that keeps little and passes over memory seldom.
///
/// Kept: the statistics of both LayerNorms, queries, keys and values, two numbers of each row of attention weights, the
/// attention's output, the residual stream after it, and the MLP before GELU. What follows from these at the price of one
/// pass is computed again: outputs of LayerNorm, attention weights, GELU.
struct FusedBlock {
    typealias Floats = UnsafeMutablePointer<Float>

    let block: BlockLayout
    let input: BlockInput<CPUBackend>
    let shape: BlockShape
    let backend: CPUBackend

    init(_ block: BlockLayout, _ input: BlockInput<CPUBackend>, on backend: CPUBackend) {
        self.block = block
        self.input = input
        self.shape = input.shape
        self.backend = backend
    }

    /// Rows of the MLP at once, forward: what lies between its two products stays in the second or third cache, and each
    /// product is still large against packing its weights.
    private static let mlpRows = 512
    /// The same, backward, where more rows mean fewer trips to the sums of weight gradients.
    static let mlpBackwardRows = 2048

    var kernels: KernelTable { backend.kernels }
    var width: Int { block.width }
    /// R.
    var queryRows: Int { shape.queryRows }
    /// Own tokens of all sequences, and different shared ones.
    var ownRows: Int { shape.sequences * shape.ownTokens }
    var sharedRows: Int { shape.images * shape.sharedTokens }

    /// Whether queries, keys and values are one product: every token is a query.
    static func isWhole(_ shape: BlockShape) -> Bool { shape.queryRows == shape.sequences * shape.tokens }
    var isWhole: Bool { Self.isWhole(shape) }
    /// Numbers that one row of the product of keys and values has; queries are in front if it is whole.
    static func keyColumns(_ shape: BlockShape, _ width: Int) -> Int { isWhole(shape) ? 3 * width : 2 * width }
    var keyColumns: Int { Self.keyColumns(shape, width) }

    // MARK: Memory

    /// What the forward pass leaves.
    struct Kept {
        /// Of LayerNorm 1, own tokens before shared ones; of LayerNorm 2.
        let mean1, rstd1, mean2, rstd2: Tensor<CPUBackend>
        /// [own rows, 3D or 2D], [shared rows, 3D or 2D]; [R, D], empty where every token is a query.
        let own, shared, queries: Tensor<CPUBackend>
        /// [R · H, 2].
        let weights: Tensor<CPUBackend>
        /// [R, D] each.
        let attended, middle: Tensor<CPUBackend>

        init(_ cutter: inout MemoryCutter<CPUBackend>, _ block: BlockLayout, _ shape: BlockShape) {
            let (own, shared) = (shape.sequences * shape.ownTokens, shape.images * shape.sharedTokens)
            let (rows, width) = (shape.queryRows, block.width)
            let columns = FusedBlock.keyColumns(shape, width)
            (mean1, rstd1) = (cutter.take(Shape(own + shared)), cutter.take(Shape(own + shared)))
            (mean2, rstd2) = (cutter.take(Shape(rows)), cutter.take(Shape(rows)))
            self.own = cutter.take(Shape(own, columns))
            self.shared = cutter.take(Shape(shared, columns))
            queries = cutter.take(Shape(FusedBlock.isWhole(shape) ? 0 : rows, width))
            weights = cutter.take(Shape(rows * block.heads, 2))
            attended = cutter.take(Shape(rows, width))
            middle = cutter.take(Shape(rows, width))
        }

        static func elements(_ block: BlockLayout, _ shape: BlockShape) -> Int {
            let (own, shared) = (shape.sequences * shape.ownTokens, shape.images * shape.sharedTokens)
            let (rows, width) = (shape.queryRows, block.width)
            let columns = FusedBlock.keyColumns(shape, width)
            return 2 * alignedElements(own + shared) + 2 * alignedElements(rows) + alignedElements(own * columns)
                + alignedElements(shared * columns) + alignedElements(FusedBlock.isWhole(shape) ? 0 : rows * width)
                + alignedElements(2 * rows * block.heads) + 2 * alignedElements(rows * width)
        }
    }

    static func memory(_ block: BlockLayout, _ shape: BlockShape) -> BlockMemory {
        let (rows, width) = (shape.queryRows, block.width)
        let inputRows = shape.inputRows
        let isWhole = isWhole(shape)
        let normalized = alignedElements(max(inputRows, rows) * width)
        let queries = isWhole ? 0 : alignedElements(rows * width)
        // A sequence may have as many queries as tokens.
        let weights = alignedElements(shape.tokens * shape.tokens)
        let pre = alignedElements(rows * block.hidden)
        let keptWithoutPre = Kept.elements(block, shape)
        let chunk = alignedElements(min(rows, mlpRows) * block.hidden)
        let forward = normalized + queries + max(weights, chunk)
        let columns = keyColumns(shape, width)
        let attentionBackward =
            2 * weights + alignedElements(shape.sequences * shape.ownTokens * columns)
            + alignedElements(shape.images * shape.sharedTokens * columns) + normalized + 3 * queries
        let mlpBackward = 2 * alignedElements(min(rows, mlpBackwardRows) * block.hidden)
        return BlockMemory(
            kept: keptWithoutPre + pre, forwardScratch: forward,
            inferenceScratch: keptWithoutPre + normalized + queries + max(weights, 2 * chunk),
            backwardScratch: normalized + alignedElements(rows * width) + max(attentionBackward, mlpBackward),
            needsInput: true)
    }

    // MARK: Forward

    func forward(
        _ parameters: Tensor<CPUBackend>, kept: Tensor<CPUBackend>?, scratch: Tensor<CPUBackend>,
        to y: Tensor<CPUBackend>
    ) {
        var (cutter, temporaries) = (MemoryCutter(kept ?? scratch), MemoryCutter(scratch))
        let saved = Kept(&cutter, block, shape)
        if kept == nil { temporaries = cutter }
        let normalized = temporaries.take(Shape(max(shape.inputRows, queryRows), width)).hostPointer
        let queryScratch = temporaries.take(Shape(isWhole ? 0 : queryRows, width)).hostPointer
        projectTokens(parameters, saved, normalized: normalized, queries: queryScratch)
        attend(saved, scratch: temporaries.rest.hostPointer)

        // m = attended · Wᵀ + b + x and LayerNorm 2 of it, in one pass after the product.
        let output = y.hostPointer
        let (middle, y2) = (saved.middle.hostPointer, normalized)
        product(saved.attended.hostPointer, queryRows, block.proj.weight(parameters), to: middle)
        let residual = residualRows(scratch: output)
        kernels.add_then_layer_norm(
            residual, queryRows, width, block.proj.bias(parameters).hostPointer,
            block.norm2.weight(parameters).hostPointer, block.norm2.bias(parameters).hostPointer,
            Float(BlockLayout.normEpsilon), middle, saved.mean2.hostPointer, saved.rstd2.hostPointer, y2)

        let pre = kept == nil ? nil : cutter.take(Shape(queryRows, block.hidden)).hostPointer
        var row = 0
        while row < queryRows {
            let rows = min(Self.mlpRows, queryRows - row)
            var chunk = temporaries
            let activated = chunk.take(Shape(rows, block.hidden)).hostPointer
            let before = pre.map { $0 + row * block.hidden } ?? chunk.take(Shape(rows, block.hidden)).hostPointer
            product(y2 + row * width, rows, block.fc1.weight(parameters), to: before)
            kernels.bias_gelu(
                before, rows, block.hidden, block.fc1.bias(parameters).hostPointer, activated)
            product(activated, rows, block.fc2.weight(parameters), to: output + row * width)
            kernels.add_with_bias(
                middle + row * width, rows, width, block.fc2.bias(parameters).hostPointer, output + row * width)
            row += rows
        }
    }

    /// LayerNorm 1, then queries, keys and values.
    private func projectTokens(
        _ parameters: Tensor<CPUBackend>, _ saved: Kept, normalized: Floats, queries scratch: Floats
    ) {
        let (gamma, beta) = (block.norm1.weight(parameters).hostPointer, block.norm1.bias(parameters).hostPointer)
        let (mean, rstd) = (saved.mean1.hostPointer, saved.rstd1.hostPointer)
        let epsilon = Float(BlockLayout.normEpsilon)
        kernels.layer_norm(
            input.own.hostPointer, ownRows, width, gamma, beta, epsilon, mean, rstd, normalized)
        let sharedNormalized = normalized + ownRows * width
        if let shared = input.shared {
            kernels.layer_norm(
                shared.hostPointer, sharedRows, width, gamma, beta, epsilon, mean + ownRows, rstd + ownRows,
                sharedNormalized)
        }
        let (weight, bias) = keyMap(parameters)
        backend.linearRows(normalized, ownRows, weight: weight, bias: bias, to: saved.own.hostPointer)
        backend.linearRows(sharedNormalized, sharedRows, weight: weight, bias: bias, to: saved.shared.hostPointer)
        if !isWhole {
            let map = queryMap(parameters)
            backend.linearRows(
                queryRowsOf(normalized, scratch: scratch), queryRows, weight: map.weight, bias: map.bias,
                to: saved.queries.hostPointer)
        }
    }

    private func attend(_ saved: Kept, scratch: Floats) {
        let p = scratch
        for sequence in 0..<shape.sequences {
            let (first, count) = rows(ofSequence: sequence)
            guard count > 0 else { continue }
            var parts = parts(ofSequence: sequence, first: first, count: count, saved)
            kernels.attend(
                &parts, p, 0, saved.weights.hostPointer + first * block.heads * 2,
                saved.attended.hostPointer + first * width)
        }
    }

    // MARK: Which rows

    /// The part of the qkv map that makes keys and values, with queries where every token is one.
    func keyMap(_ flat: Tensor<CPUBackend>) -> (weight: Tensor<CPUBackend>, bias: Tensor<CPUBackend>) {
        let start = isWhole ? 0 : width
        return (
            block.qkv.weight(flat).window(at: start * width, Shape(keyColumns, width)),
            block.qkv.bias(flat).window(at: start, Shape(keyColumns))
        )
    }

    /// The part that makes queries.
    func queryMap(_ flat: Tensor<CPUBackend>) -> (weight: Tensor<CPUBackend>, bias: Tensor<CPUBackend>) {
        (block.qkv.weight(flat).window(at: 0, Shape(width, width)), block.qkv.bias(flat).window(at: 0, Shape(width)))
    }

    /// The first row of a sequence's queries among all, and their number.
    func rows(ofSequence sequence: Int) -> (first: Int, count: Int) {
        guard case .chosen(let chosen, let starts) = input.queries else {
            let count = queryRows / shape.sequences
            return (sequence * count, count)
        }
        let (first, end) = (Int(starts.hostPointer[sequence]), Int(starts.hostPointer[sequence + 1]))
        precondition(
            first >= 0 && first <= end && end <= chosen.count,
            "blockForward: queries \(first)..<\(end) of sequence \(sequence) of \(chosen.shape)")
        return (first, end - first)
    }

    /// The rows of own tokens that are queries: x itself where all are, else gathered into the scratch.
    func queryRowsOf(_ x: Floats, scratch: Floats) -> Floats {
        switch input.queries {
        case .all: return x
        case .last(let count):
            if count == shape.ownTokens { return x }
            for s in 0..<shape.sequences {
                (scratch + s * count * width).update(
                    from: x + ((s + 1) * shape.ownTokens - count) * width, count: count * width)
            }
        case .chosen(let rows, _):
            rows.checkRange(below: ownRows, "blockForward")
            for i in 0..<rows.count {
                (scratch + i * width).update(from: x + Int(rows.hostPointer[i]) * width, count: width)
            }
        }
        return scratch
    }

    /// The residual stream of all queries, [R, D]: the input itself, or put together in the scratch.
    private func residualRows(scratch: Floats) -> Floats {
        guard case .all = input.queries, let shared = input.shared else {
            return queryRowsOf(input.own.hostPointer, scratch: scratch)
        }
        let (common, single) = (shape.sharedTokens * width, shape.ownTokens * width)
        for s in 0..<shape.sequences {
            let out = scratch + s * (common + single)
            out.update(from: shared.hostPointer + s % shape.images * common, count: common)
            (out + common).update(from: input.own.hostPointer + s * single, count: single)
        }
        return scratch
    }

    func parts(ofSequence sequence: Int, first: Int, count: Int, _ saved: Kept) -> CAttentionParts {
        let (tokens, image) = (sequence * shape.ownTokens, sequence % shape.images * shape.sharedTokens)
        let keys = isWhole ? width : 0
        let hasShared = shape.sharedTokens > 0
        let own = saved.own.hostPointer + tokens * keyColumns
        let shared = saved.shared.hostPointer + image * keyColumns
        return CAttentionParts(
            q_shared: hasShared && isWhole ? UnsafePointer(shared) : nil,
            q_own: UnsafePointer(isWhole ? own : saved.queries.hostPointer + first * width),
            k_shared: hasShared ? UnsafePointer(shared + keys) : nil, k_own: UnsafePointer(own + keys),
            shared_queries: isWhole ? shape.sharedTokens : 0,
            own_queries: isWhole ? shape.ownTokens : count, shared_keys: shape.sharedTokens,
            own_keys: shape.ownTokens, q_stride: isWhole ? keyColumns : width, k_stride: keyColumns,
            heads: block.heads, width: width / block.heads)
    }

    /// x · Wᵀ without bias.
    func product(_ x: Floats, _ rows: Int, _ weight: Tensor<CPUBackend>, to y: Floats) {
        backend.linearRows(x, rows, weight: weight, bias: nil, to: y)
    }
}
