import CKernels
import Kernels
import TensorCore

extension BF16Block {
    /// What a backward pass works on.
    struct BackwardPass {
        let plan: BF16Kept
        let kept: Floats
        let sharedPlan: BF16Shared
        let shared: Floats
        let scratchPlan: BF16BackwardScratch
        let scratch: Floats
        let gradients: BlockGradients<CPUBackend>
        /// Gradient of the output; becomes that of what follows attention.
        let dy: Floats
        /// Gradient of the own tokens.
        let dOwn: Floats
    }

    func backward(kept: Floats, scratch: Floats, dy: Floats, gradients: BlockGradients<CPUBackend>) {
        let shape = sizes.shape
        let whole = BF16Kept(sizes, sequences: shape.sequences, queryRows: shape.queryRows)
        let pass = BackwardPass(
            plan: whole, kept: kept, sharedPlan: BF16Shared(sizes), shared: kept + whole.elements,
            scratchPlan: BF16BackwardScratch(sizes, kernels), scratch: scratch, gradients: gradients, dy: dy,
            dOwn: gradients.own?.hostPointer ?? dy)
        pass.scratchPlan.dBias(scratch).update(repeating: 0, count: 3 * sizes.width)
        pass.scratchPlan.dSharedSums(scratch).update(
            repeating: 0, count: shape.images * sharedTokens * 3 * sizes.width)
        if let dShared = gradients.shared { dShared.hostPointer.update(repeating: 0, count: dShared.count) }
        // Each of three parts goes over all groups before the next, so that another backward pass can follow this one at
        // the distance of a part; what a part reads again of what the one before it wrote is little.
        forEachGroup { backwardHidden(pass, queryRows($0)) }
        gradients.turn?.advance()
        forEachGroup { backwardMLPInput(pass, queryRows($0)) }
        gradients.turn?.advance()
        forEachGroup { group in
            let rows = queryRows(group)
            backwardAttention(pass, group, rows)
            backwardResidual(pass, group, rows)
            backwardQKV(
                pass, rows: group.count * ownTokens,
                normal: whole.normal1(kept) + group.lowerBound * ownTokens * sizes.narrowWidth,
                rstd: whole.rstd1(kept) + group.lowerBound * ownTokens,
                dx: pass.dOwn + group.lowerBound * ownTokens * sizes.width)
        }
        if input.shared != nil, let dShared = gradients.shared { backwardShared(pass, dShared.hostPointer) }
        // Softmax does not see a bias of all keys: what rounding leaves in place of its gradient must not reach AdamW.
        let (from, to) = (pass.scratchPlan.dBias(scratch), sums(pass, block.qkv.bias))
        for j in 0..<sizes.width {
            to[j] += from[j]
            to[sizes.width + j] = 0
            to[2 * sizes.width + j] += from[2 * sizes.width + j]
        }
    }

    private func sums(_ pass: BackwardPass, _ slot: ParameterSlot) -> Floats {
        slot(pass.gradients.parameters).hostPointer
    }

    /// dW += dyᵀ x and db += Σ dy.
    private func weightGradient(
        _ pass: BackwardPass, _ x: Narrow, inputs: Int, _ dy: Narrow, outputs: Int, rows: Int, _ weight: ParameterSlot,
        bias: Floats
    ) {
        kernels.weight_gradient(
            x, paddedColumns(inputs), dy, paddedColumns(outputs), rows, outputs, inputs, sums(pass, weight), bias,
            pass.scratchPlan.weightGradient(pass.scratch))
    }

    /// The output of a LayerNorm, from what it was before gain and bias.
    private func scale(_ normal: Narrow, rows: Int, _ norm: AffineSlots, to y: Narrow) {
        kernels.scale_normal(
            normal, rows, sizes.width, values(norm.weight), values(norm.bias), y, sizes.narrowWidth)
    }

    /// From the gradient of the output to that before GELU, which takes the place of what was kept there, and fc2's.
    private func backwardHidden(_ pass: BackwardPass, _ rows: Range<Int>) {
        let (width, hidden, count) = (sizes.width, sizes.hidden, rows.count)
        let dStream = pass.scratchPlan.dStream(pass.scratch)
        let activated = pass.scratchPlan.activated(pass.scratch)
        let pre = pass.plan.pre(pass.kept) + rows.lowerBound * sizes.hiddenWidth
        narrowStream(pass, rows, to: dStream)
        product(
            dStream, backwardForm(fc2), rows: count, depth: width, columns: hidden,
            .geluBackward(pre: pre, activated: activated, stride: sizes.hiddenWidth))
        weightGradient(
            pass, activated, inputs: hidden, dStream, outputs: width, rows: count, block.fc2.weight,
            bias: sums(pass, block.fc2.bias))
    }

    /// From the gradient before GELU through fc1 and LayerNorm 2 to that of the residual stream after attention, and the
    /// attention projection's.
    private func backwardMLPInput(_ pass: BackwardPass, _ rows: Range<Int>) {
        let (plan, kept, scratch) = (pass.plan, pass.kept, pass.scratch)
        let (width, hidden, count) = (sizes.width, sizes.hidden, rows.count)
        let dStream = pass.scratchPlan.dStream(scratch)
        let normalized = pass.scratchPlan.normalized(scratch)
        let dNormalized = pass.scratchPlan.dNormalized(scratch)
        let pre = plan.pre(kept) + rows.lowerBound * sizes.hiddenWidth
        let normal = plan.normal2(kept) + rows.lowerBound * sizes.narrowWidth
        scale(normal, rows: count, block.norm2, to: normalized)
        weightGradient(
            pass, normalized, inputs: width, pre, outputs: hidden, rows: count, block.fc1.weight,
            bias: sums(pass, block.fc1.bias))
        product(
            pre, backwardForm(fc1), rows: count, depth: hidden, columns: width,
            .narrow(to: dNormalized, stride: sizes.narrowWidth))
        kernels.layer_norm_backward(
            normal, count, width, values(block.norm2.weight), plan.rstd2(kept) + rows.lowerBound, dNormalized,
            pass.dy + rows.lowerBound * width, sums(pass, block.norm2.weight), sums(pass, block.norm2.bias), dStream,
            sizes.narrowWidth)
        weightGradient(
            pass, plan.attended(kept) + rows.lowerBound * sizes.narrowWidth, inputs: width, dStream, outputs: width,
            rows: count, block.proj.weight, bias: sums(pass, block.proj.bias))
    }

    /// The gradient of the residual stream, rounded.
    private func narrowStream(_ pass: BackwardPass, _ rows: Range<Int>, to narrow: Narrow) {
        let width = sizes.width
        kernels.narrow(pass.dy + rows.lowerBound * width, rows.count, width, width, narrow, sizes.narrowWidth)
    }

    func backwardForm(_ matrix: PackedMatrix) -> Narrow {
        guard let backward = matrix.backward else {
            preconditionFailure("a gradient goes through a weight that was packed for the forward pass alone")
        }
        return backward
    }

    private func backwardAttention(_ pass: BackwardPass, _ group: Range<Int>, _ rows: Range<Int>) {
        let (plan, kept, scratch) = (pass.plan, pass.kept, pass.scratch)
        let (width, triple, heads) = (sizes.width, sizes.tripleWidth, sizes.heads)
        let dAttended = pass.scratchPlan.dNormalized(scratch)
        let dStream = pass.scratchPlan.dStream(scratch)
        let dQKV = pass.scratchPlan.dQKV(scratch)
        let dShared = pass.scratchPlan.dSharedQKV(scratch)
        narrowStream(pass, rows, to: dStream)
        product(
            dStream, backwardForm(proj), rows: rows.count, depth: width, columns: width,
            .narrow(to: dAttended, stride: sizes.narrowWidth))
        // Padding, and the queries of tokens that are none.
        if triple > 3 * width || !sizes.allAreQueries {
            dQKV.update(repeating: 0, count: group.count * ownTokens * triple)
            dShared.update(repeating: 0, count: sharedTokens * triple)
        }
        for (index, sequence) in group.enumerated() {
            let ofSequence = queryRows(sequence..<sequence + 1)
            let sources = sequenceRows(
                sequence, plan, kept, firstSequence: 0, place: ofSequence.lowerBound, queries: ofSequence.count,
                shared: pass.sharedPlan.qkv(pass.shared))
            let own = dQKV + index * ownTokens * triple
            let leading = sizes.allAreQueries ? 0 : ownTokens - ofSequence.count
            let results = SequenceRows(
                sharedQKV: sharedTokens > 0 ? dShared : nil, ownQKV: own,
                queries: sizes.allAreQueries ? nil : own + leading * triple, queryStride: triple,
                queryCount: ofSequence.count)
            let place = ofSequence.lowerBound - rows.lowerBound
            for head in 0..<heads {
                let column = head * sizes.headWidth
                kernels.attention_backward(
                    queryRows(sources, head), keyRows(sources, head, part: 1), keyRows(sources, head, part: 2),
                    sizes.headWidth, plan.attended(kept) + ofSequence.lowerBound * sizes.narrowWidth + column,
                    dAttended + place * sizes.narrowWidth + column, sizes.narrowWidth,
                    plan.logSums(kept) + ofSequence.lowerBound * heads + head * ofSequence.count,
                    queryRows(results, head).mutable, keyRows(results, head, part: 1).mutable,
                    keyRows(results, head, part: 2).mutable, pass.scratchPlan.attention(scratch))
            }
            if sharedTokens > 0 {
                let image = sequence % sizes.shape.images
                kernels.widen(
                    dShared, sharedTokens, 3 * width, triple,
                    pass.scratchPlan.dSharedSums(scratch) + image * sharedTokens * 3 * width, 3 * width, 1)
            }
        }
    }

    /// The part of the residual stream in the gradient of the input.
    private func backwardResidual(_ pass: BackwardPass, _ group: Range<Int>, _ rows: Range<Int>) {
        let width = sizes.width
        let dMiddle = pass.dy + rows.lowerBound * width
        let dOwn = pass.dOwn + group.lowerBound * ownTokens * width
        guard !sizes.shape.isPlain else {
            if pass.gradients.own != nil { dOwn.update(from: dMiddle, count: rows.count * width) }
            return
        }
        let queries = rows.count / group.count
        let leading = sizes.allAreQueries ? sharedTokens : 0
        let ownQueries = queries - leading
        for (index, sequence) in group.enumerated() {
            let from = dMiddle + index * queries * width
            let to = dOwn + index * ownTokens * width
            to.update(repeating: 0, count: (ownTokens - ownQueries) * width)
            (to + (ownTokens - ownQueries) * width).update(from: from + leading * width, count: ownQueries * width)
            if leading > 0, let dShared = pass.gradients.shared {
                let out = dShared.hostPointer + sequence % sizes.shape.images * sharedTokens * width
                for j in 0..<leading * width { out[j] += from[j] }
            }
        }
    }

    /// From the gradient of queries, keys and values of some rows to that of the tokens.
    private func backwardQKV(_ pass: BackwardPass, rows: Int, normal: Narrow, rstd: Floats, dx: Floats) {
        let (scratch, width) = (pass.scratch, sizes.width)
        let (dQKV, normalized) = (pass.scratchPlan.dQKV(scratch), pass.scratchPlan.normalized(scratch))
        let dNormalized = pass.scratchPlan.dNormalized(scratch)
        scale(normal, rows: rows, block.norm1, to: normalized)
        weightGradient(
            pass, normalized, inputs: width, dQKV, outputs: 3 * width, rows: rows, block.qkv.weight,
            bias: pass.scratchPlan.dBias(scratch))
        product(
            dQKV, backwardForm(qkv), rows: rows, depth: 3 * width, columns: width,
            .narrow(to: dNormalized, stride: sizes.narrowWidth))
        kernels.layer_norm_backward(
            normal, rows, width, values(block.norm1.weight), rstd, dNormalized, dx, sums(pass, block.norm1.weight),
            sums(pass, block.norm1.bias), nil, sizes.narrowWidth)
    }

    private func backwardShared(_ pass: BackwardPass, _ dx: Floats) {
        let (plan, scratch, width) = (pass.sharedPlan, pass.scratch, sizes.width)
        let rows = sizes.shape.images * sharedTokens
        for first in stride(from: 0, to: rows, by: sizes.groupRows) {
            let count = min(sizes.groupRows, rows - first)
            kernels.narrow(
                pass.scratchPlan.dSharedSums(scratch) + first * 3 * width, count, 3 * width, 3 * width,
                pass.scratchPlan.dQKV(scratch), sizes.tripleWidth)
            backwardQKV(
                pass, rows: count, normal: plan.normal(pass.shared) + first * sizes.narrowWidth,
                rstd: plan.rstd(pass.shared) + first, dx: dx + first * width)
        }
    }
}

extension CBF16Rows {
    /// The same rows, to be written.
    fileprivate var mutable: CBF16MutableRows {
        CBF16MutableRows(
            first: UnsafeMutablePointer(mutating: first), first_count: first_count,
            second: UnsafeMutablePointer(mutating: second), second_count: second_count, stride: stride)
    }
}
