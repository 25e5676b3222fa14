import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    package func attention(
        _ operands: AttentionOperands<CPUBackend>, heads: Int, probabilities: Tensor<CPUBackend>,
        to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.attention(operands, heads: heads, probabilities: probabilities.shape, y: y.shape)
        let p = probabilities.hostPointer
        for sequence in 0..<operands.sequences {
            let (first, count) = operands.rows(ofSequence: sequence)
            var parts = operands.parts(ofSequence: sequence, first: first, count: count, heads: heads)
            kernels.attend(
                &parts, p + first * heads * operands.tokens, count * operands.tokens, nil,
                y.hostPointer + first * operands.width)
        }
    }

    package func attentionBackward(
        _ operands: AttentionOperands<CPUBackend>, heads: Int, probabilities: Tensor<CPUBackend>,
        dy: Tensor<CPUBackend>, gradients: AttentionOperands<CPUBackend>, scratch: Tensor<CPUBackend>
    ) {
        ShapeCheck.attentionBackward(
            operands, heads: heads, probabilities: probabilities.shape, dy: dy.shape, gradients: gradients,
            scratch: scratch.shape)
        if let shared = gradients.sharedQueries { fill(shared, with: 0) }
        if let shared = gradients.sharedKeysAndValues { fill(shared, with: 0) }
        for sequence in 0..<operands.sequences {
            let (first, count) = operands.rows(ofSequence: sequence)
            var parts = operands.parts(ofSequence: sequence, first: first, count: count, heads: heads)
            var to = gradients.gradientParts(ofSequence: sequence, first: first)
            kernels.attend_backward(
                &parts, probabilities.hostPointer + first * heads * operands.tokens, count * operands.tokens, nil,
                dy.hostPointer + first * operands.width, &to, scratch.hostPointer)
        }
    }

    package func joinTokens(shared: Tensor<CPUBackend>, own: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        reference.joinTokens(shared: shared.onReference, own: own.onReference, to: y.onReference)
    }

    /// dShared[b] = Σ dy[s, 0..<Kc] over s mod B = b; dOwn[s] = dy[s, Kc...].
    package func joinTokensBackward(
        dy: Tensor<CPUBackend>, dShared: Tensor<CPUBackend>, dOwn: Tensor<CPUBackend>
    ) {
        ShapeCheck.joinTokens(shared: dShared.shape, own: dOwn.shape, y: dy.shape, "joinTokensBackward")
        let (common, single) = (dShared.shape[1] * dShared.shape[2], dOwn.shape[1] * dOwn.shape[2])
        fill(dShared, with: 0)
        for s in 0..<dOwn.shape[0] {
            let from = dy.hostPointer + s * (common + single)
            kernels.add(from, 1, dShared.hostPointer + s % dShared.shape[0] * common, common)
            (dOwn.hostPointer + s * single).update(from: from + common, count: single)
        }
    }
}

extension AttentionOperands where Backend == CPUBackend {
    /// The first row of a sequence's queries among all, and their number.
    fileprivate func rows(ofSequence sequence: Int) -> (first: Int, count: Int) {
        guard let starts else {
            let count = leadingQueries + ownQueries
            return (sequence * count, count)
        }
        let (first, end) = (Int(starts.hostPointer[sequence]), Int(starts.hostPointer[sequence + 1]))
        precondition(
            first >= 0 && first <= end && end <= queries.shape.rows,
            "attention: queries \(first)..<\(end) of sequence \(sequence) of \(queries.shape)")
        return (first, end - first)
    }

    /// The row of a sequence's own queries in `queries`.
    private func ownRow(_ sequence: Int, first: Int) -> Int { starts == nil ? sequence * ownQueries : first }

    fileprivate func parts(ofSequence sequence: Int, first: Int, count: Int, heads: Int) -> CAttentionParts {
        let image = sequence % images * sharedTokens
        return CAttentionParts(
            q_shared: sharedQueries.map { UnsafePointer($0.hostPointer + image * width) },
            q_own: UnsafePointer(queries.hostPointer + ownRow(sequence, first: first) * width),
            k_shared: sharedKeysAndValues.map { UnsafePointer($0.hostPointer + image * 2 * width) },
            k_own: UnsafePointer(keysAndValues.hostPointer + sequence * ownTokens * 2 * width),
            shared_queries: leadingQueries, own_queries: count - leadingQueries, shared_keys: sharedTokens,
            own_keys: ownTokens, q_stride: width, k_stride: 2 * width, heads: heads, width: width / heads)
    }

    fileprivate func gradientParts(ofSequence sequence: Int, first: Int) -> CAttentionGradients {
        let image = sequence % images * sharedTokens
        return CAttentionGradients(
            q_shared: sharedQueries.map { $0.hostPointer + image * width },
            q_own: queries.hostPointer + ownRow(sequence, first: first) * width,
            k_shared: sharedKeysAndValues.map { $0.hostPointer + image * 2 * width },
            k_own: keysAndValues.hostPointer + sequence * ownTokens * 2 * width)
    }
}
