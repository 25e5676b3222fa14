import CKernels
import Kernels
import TensorCore

typealias Floats = UnsafeMutablePointer<Float>
typealias Narrow = UnsafeMutablePointer<UInt16>

/// A transformer block on bfloat16, group after group of sequences; the residual stream and all statistics are float32.
struct BF16Block {
    let block: BlockLayout
    let sizes: BF16Sizes
    let kernels: CBF16Table
    let input: BlockInput<CPUBackend>
    let parameters: Parameters<CPUBackend>
    let qkv, proj, fc1, fc2: PackedMatrix
    /// The packed forms, held while the block runs.
    private let weights: BF16Weights

    init(
        _ block: BlockLayout, _ input: BlockInput<CPUBackend>, _ parameters: Parameters<CPUBackend>,
        _ kernels: CBF16Table
    ) {
        self.block = block
        self.kernels = kernels
        self.input = input
        self.parameters = parameters
        sizes = BF16Sizes(block, input.shape)
        // Without packed copies they are made here, each time: for tests and single calls.
        let weights =
            parameters.packed
            ?? {
                let matrices = block.matrices.map { PackableMatrix(slot: $0, needsInputGradient: true) }
                let weights = BF16Weights(matrices, in: parameters.flat)
                weights.refresh(from: parameters.flat, range: 0..<parameters.flat.count, kernels)
                return weights
            }()
        self.weights = weights
        let matrix = { (slot: ParameterSlot) in
            guard let packed = weights.packed(at: parameters.flat.offset + slot.offset) else {
                preconditionFailure("a block's weight at \(slot.offset) has no packed copy")
            }
            return packed
        }
        (qkv, proj) = (matrix(block.qkv.weight), matrix(block.proj.weight))
        (fc1, fc2) = (matrix(block.fc1.weight), matrix(block.fc2.weight))
    }

    func values(_ slot: ParameterSlot) -> Floats { slot(parameters).hostPointer }

    var epsilon: Float { Float(BlockLayout.normEpsilon) }
    var ownTokens: Int { sizes.shape.ownTokens }
    var sharedTokens: Int { sizes.shape.sharedTokens }

    /// Calls `body` with the sequences of each group that goes through at once, in order.
    func forEachGroup(_ body: (Range<Int>) -> Void) {
        let count = sizes.shape.sequences
        for first in stride(from: 0, to: count, by: sizes.groupSequences) {
            body(first..<min(first + sizes.groupSequences, count))
        }
    }

    /// Rows of the output that belong to those sequences.
    func queryRows(_ sequences: Range<Int>) -> Range<Int> {
        switch input.queries {
        case .all: sequences.lowerBound * sizes.shape.tokens..<sequences.upperBound * sizes.shape.tokens
        case .last(let count): sequences.lowerBound * count..<sequences.upperBound * count
        case .chosen(_, let starts):
            Int(starts.hostPointer[sequences.lowerBound])..<Int(starts.hostPointer[sequences.upperBound])
        }
    }

    // MARK: Forward

    /// - Parameter kept: None: nothing is kept, and the memory for a group lies behind the scratch.
    func forward(kept: Floats?, scratch: Floats, to y: Floats) {
        let plan = BF16ForwardScratch(sizes, kernels)
        let shape = sizes.shape
        let whole = BF16Kept(sizes, sequences: shape.sequences, queryRows: shape.queryRows)
        let shared = kept.map { $0 + whole.elements } ?? scratch + plan.elements
        let sharedPlan = BF16Shared(sizes, goesBack: kept != nil)
        if let tokens = input.shared {
            normalizeShared(tokens.hostPointer, sharedPlan, shared, plan, scratch, goesBack: kept != nil)
        }
        forEachGroup { group in
            let rows = queryRows(group)
            if let kept {
                let pass = ForwardPass(
                    group: group, rows: rows, goesBack: true, firstSequence: 0, firstRow: 0, plan: whole, kept: kept,
                    sharedPlan: sharedPlan, shared: shared, scratchPlan: plan, scratch: scratch)
                forward(pass, to: y)
            } else {
                let pass = ForwardPass(
                    group: group, rows: rows, goesBack: false, firstSequence: group.lowerBound,
                    firstRow: rows.lowerBound,
                    plan: BF16Kept(sizes, sequences: group.count, queryRows: rows.count, goesBack: false),
                    kept: shared + sharedPlan.elements, sharedPlan: sharedPlan, shared: shared, scratchPlan: plan,
                    scratch: scratch)
                forward(pass, to: y)
            }
        }
    }

    /// A group of sequences, and where what it leaves goes: row i to row i − firstRow.
    struct ForwardPass {
        let group: Range<Int>
        /// Of the output.
        let rows: Range<Int>
        /// Whether what a backward pass needs is kept.
        let goesBack: Bool
        let firstSequence, firstRow: Int
        let plan: BF16Kept
        let kept: Floats
        let sharedPlan: BF16Shared
        let shared: Floats
        let scratchPlan: BF16ForwardScratch
        let scratch: Floats
    }

    /// LayerNorm, queries, keys and values of the tokens that sequences share.
    private func normalizeShared(
        _ x: Floats, _ plan: BF16Shared, _ memory: Floats, _ scratchPlan: BF16ForwardScratch, _ scratch: Floats,
        goesBack: Bool
    ) {
        let rows = sizes.shape.images * sharedTokens
        for first in stride(from: 0, to: rows, by: sizes.groupRows) {
            let count = min(sizes.groupRows, rows - first)
            normalize(
                x + first * sizes.width, rows: count, block.norm1, rstd: plan.rstd(memory) + first,
                normal: goesBack ? plan.normal(memory) + first * sizes.narrowWidth : nil,
                to: scratchPlan.normalized(scratch))
            product(
                scratchPlan.normalized(scratch), qkv.forward, rows: count, depth: sizes.width,
                columns: 3 * sizes.width,
                .narrow(
                    to: plan.qkv(memory) + first * sizes.tripleWidth, stride: sizes.tripleWidth,
                    bias: values(block.qkv.bias)))
        }
    }

    private func forward(_ pass: ForwardPass, to y: Floats) {
        let (plan, kept, scratch) = (pass.plan, pass.kept, pass.scratch)
        let row = pass.rows.lowerBound - pass.firstRow
        let width = sizes.width
        let middle = pass.scratchPlan.middle(scratch)
        let attended = plan.attended(kept) + row * sizes.narrowWidth

        queriesKeysAndValues(pass)
        attention(pass)
        let residual = residual(pass, to: middle)
        product(
            attended, proj.forward, rows: pass.rows.count, depth: width, columns: width,
            .residual(residual, to: middle, stride: width, bias: values(block.proj.bias)))
        let (normalized, activated) = (pass.scratchPlan.normalized(scratch), pass.scratchPlan.activated(scratch))
        normalize(
            middle, rows: pass.rows.count, block.norm2, rstd: plan.rstd2(kept) + row,
            normal: pass.goesBack ? plan.normal2(kept) + row * sizes.narrowWidth : nil, to: normalized)
        product(
            normalized, fc1.forward, rows: pass.rows.count, depth: width, columns: sizes.hidden,
            .gelu(
                to: plan.pre(kept) + row * sizes.hiddenWidth, activated: activated, stride: sizes.hiddenWidth,
                bias: values(block.fc1.bias)))
        product(
            activated, fc2.forward, rows: pass.rows.count, depth: sizes.hidden, columns: width,
            .residual(
                middle, to: y + pass.rows.lowerBound * width, stride: width, bias: values(block.fc2.bias)))
    }

    /// Up to what attention reads.
    private func queriesKeysAndValues(_ pass: ForwardPass) {
        let (plan, kept) = (pass.plan, pass.kept)
        let (width, triple) = (sizes.width, sizes.tripleWidth)
        let own = pass.group.lowerBound * ownTokens..<pass.group.upperBound * ownTokens
        let place = own.lowerBound - pass.firstSequence * ownTokens
        let normalized = pass.scratchPlan.normalized(pass.scratch)
        let bias = values(block.qkv.bias)
        normalize(
            input.own.hostPointer + own.lowerBound * width, rows: own.count, block.norm1,
            rstd: plan.rstd1(kept) + place,
            normal: pass.goesBack ? plan.normal1(kept) + place * sizes.narrowWidth : nil, to: normalized)
        let all = plan.qkv(kept) + place * triple
        if sizes.allAreQueries || !sizes.splitsQueries {
            product(
                normalized, qkv.forward, rows: own.count, depth: width, columns: 3 * width,
                .narrow(to: all, stride: triple, bias: bias))
        } else {
            product(
                normalized, qkv.forward + width * sizes.narrowWidth, rows: own.count, depth: width, columns: 2 * width,
                .narrow(to: all + width, stride: triple, bias: bias + width))
        }
        guard !sizes.allAreQueries else { return }
        let queries = pass.scratchPlan.normalizedQueries(pass.scratch)
        gatherQueries(pass, of: normalized, stride: sizes.narrowWidth, to: queries)
        product(
            queries, qkv.forward, rows: pass.rows.count, depth: width, columns: width,
            .narrow(
                to: plan.queries(kept) + (pass.rows.lowerBound - pass.firstRow) * sizes.narrowWidth,
                stride: sizes.narrowWidth, bias: bias))
    }

    /// The rows of a group's own tokens that are queries.
    private func gatherQueries<Element>(
        _ pass: ForwardPass, of x: UnsafeMutablePointer<Element>, stride: Int, to y: UnsafeMutablePointer<Element>
    ) {
        switch input.queries {
        case .all: break
        case .last(let count):
            for (index, _) in pass.group.enumerated() {
                (y + index * count * stride).update(
                    from: x + ((index + 1) * ownTokens - count) * stride, count: count * stride)
            }
        case .chosen(let rows, _):
            let first = pass.group.lowerBound * ownTokens
            for (index, row) in pass.rows.enumerated() {
                (y + index * stride).update(
                    from: x + (Int(rows.hostPointer[row]) - first) * stride, count: stride)
            }
        }
    }

    /// The residual stream of a group's queries: where the input has it in one piece there, else copied to `middle`.
    private func residual(_ pass: ForwardPass, to middle: Floats) -> Floats {
        let width = sizes.width
        let own = input.own.hostPointer + pass.group.lowerBound * ownTokens * width
        guard !sizes.shape.isPlain else { return own }
        if let shared = input.shared, sizes.allAreQueries {
            for (index, sequence) in pass.group.enumerated() {
                let out = middle + index * sizes.shape.tokens * width
                let image = sequence % sizes.shape.images
                out.update(
                    from: shared.hostPointer + image * sharedTokens * width, count: sharedTokens * width)
                (out + sharedTokens * width).update(from: own + index * ownTokens * width, count: ownTokens * width)
            }
        } else {
            gatherQueries(pass, of: own, stride: width, to: middle)
        }
        return middle
    }

    // MARK: Attention

    /// Where queries, keys and values, or their gradients, of one sequence lie.
    struct SequenceRows {
        let sharedQKV: Narrow?
        let ownQKV: Narrow
        /// Queries apart from keys, and their stride.
        let queries: Narrow?
        let queryStride: Int
        let queryCount: Int
    }

    private func attention(_ pass: ForwardPass) {
        let (plan, kept, heads) = (pass.plan, pass.kept, sizes.heads)
        let row = pass.rows.lowerBound - pass.firstRow
        let attended = plan.attended(kept) + row * sizes.narrowWidth
        if sizes.narrowWidth > sizes.width {
            attended.update(repeating: 0, count: pass.rows.count * sizes.narrowWidth)
        }
        for sequence in pass.group {
            let rows = queryRows(sequence..<sequence + 1)
            let place = rows.lowerBound - pass.firstRow
            let sources = sequenceRows(
                sequence, plan, kept, firstSequence: pass.firstSequence, place: place, queries: rows.count,
                shared: pass.sharedPlan.qkv(pass.shared))
            for head in 0..<heads {
                kernels.attention(
                    queryRows(sources, head), keyRows(sources, head, part: 1), keyRows(sources, head, part: 2),
                    sizes.headWidth, plan.attended(kept) + place * sizes.narrowWidth + head * sizes.headWidth,
                    sizes.narrowWidth, plan.logSums(kept) + place * heads + head * rows.count,
                    pass.scratchPlan.attention(pass.scratch))
            }
        }
    }

    func sequenceRows(
        _ sequence: Int, _ plan: BF16Kept, _ kept: Floats, firstSequence: Int, place: Int, queries: Int,
        shared: Narrow
    ) -> SequenceRows {
        let image = sequence % sizes.shape.images
        return SequenceRows(
            sharedQKV: sharedTokens > 0 ? shared + image * sharedTokens * sizes.tripleWidth : nil,
            ownQKV: plan.qkv(kept) + (sequence - firstSequence) * ownTokens * sizes.tripleWidth,
            queries: sizes.allAreQueries ? nil : plan.queries(kept) + place * sizes.narrowWidth,
            queryStride: sizes.narrowWidth, queryCount: queries)
    }

    func queryRows(_ rows: SequenceRows, _ head: Int) -> CBF16Rows {
        if let queries = rows.queries {
            return CBF16Rows(
                first: queries + head * sizes.headWidth, first_count: rows.queryCount, second: nil, second_count: 0,
                stride: rows.queryStride)
        }
        return keyRows(rows, head, part: 0)
    }

    /// Part 0: queries, 1: keys, 2: values; those of shared tokens first.
    func keyRows(_ rows: SequenceRows, _ head: Int, part: Int) -> CBF16Rows {
        let column = part * sizes.width + head * sizes.headWidth
        return CBF16Rows(
            first: rows.sharedQKV.map { UnsafePointer($0 + column) }, first_count: sharedTokens,
            second: rows.ownQKV + column, second_count: ownTokens, stride: sizes.tripleWidth)
    }

    // MARK: Single kernels

    func normalize(_ x: Floats, rows: Int, _ norm: AffineSlots, rstd: Floats, normal: Narrow?, to y: Narrow) {
        kernels.layer_norm(
            x, rows, sizes.width, values(norm.weight), values(norm.bias), epsilon, rstd, normal, y, sizes.narrowWidth)
    }

    func product(_ a: Narrow, _ b: Narrow, rows: Int, depth: Int, columns: Int, _ output: CBF16Output) {
        kernels.product(a, paddedColumns(depth), b, rows, depth, columns, output)
    }
}

extension CBF16Output {
    static func narrow(to y: Narrow, stride: Int, bias: Floats? = nil) -> CBF16Output {
        var output = CBF16Output()
        (output.finish, output.narrow, output.narrow_stride) = (.narrow, y, stride)
        output.bias = bias.map { UnsafePointer($0) }
        return output
    }

    static func residual(_ residual: Floats, to y: Floats, stride: Int, bias: Floats) -> CBF16Output {
        var output = CBF16Output()
        (output.finish, output.bias) = (.residual, UnsafePointer(bias))
        (output.residual, output.residual_stride) = (UnsafePointer(residual), stride)
        (output.wide, output.wide_stride) = (y, stride)
        return output
    }

    static func gelu(to pre: Narrow, activated: Narrow, stride: Int, bias: Floats) -> CBF16Output {
        var output = CBF16Output()
        (output.finish, output.bias) = (.GELU, UnsafePointer(bias))
        (output.narrow, output.narrow_stride) = (pre, stride)
        (output.activated, output.activated_stride) = (activated, stride)
        return output
    }

    /// The gradient takes the place of `pre`.
    static func geluBackward(pre: Narrow, activated: Narrow, stride: Int) -> CBF16Output {
        var output = CBF16Output()
        (output.finish, output.pre, output.pre_stride) = (.geluBackward, UnsafePointer(pre), stride)
        (output.narrow, output.narrow_stride) = (pre, stride)
        (output.activated, output.activated_stride) = (activated, stride)
        return output
    }

    /// y = acc + bias, or y += acc.
    static func store(to y: Floats, stride: Int, bias: Floats? = nil, accumulate: Bool = false) -> CBF16Output {
        var output = CBF16Output()
        output.finish = accumulate ? .accumulate : .store
        (output.wide, output.wide_stride, output.bias) = (y, stride, bias.map { UnsafePointer($0) })
        return output
    }
}
