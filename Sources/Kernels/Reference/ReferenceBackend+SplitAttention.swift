import TensorCore

extension ReferenceBackend {
    /// For each sequence, query and head: p = softmax(q kᵀ / √(D/H)) over the shared, then the own keys; y = p v.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func attention(
        _ operands: AttentionOperands<Self>, heads: Int, probabilities: Tensor<Self>, to y: Tensor<Self>
    ) {
        ShapeCheck.attention(operands, heads: heads, probabilities: probabilities.shape, y: y.shape)
        let (tokens, width) = (operands.tokens, operands.width)
        let headWidth = width / heads
        let scale = 1 / Scalar(headWidth).squareRoot()
        for sequence in 0..<operands.sequences {
            let (first, count) = operands.rows(ofSequence: sequence)
            for head in 0..<heads {
                let column = head * headWidth
                let p = probabilities.hostPointer + (first * heads + head * count) * tokens
                for i in 0..<count {
                    let (row, q) = (p + i * tokens, operands.query(i, ofSequence: sequence) + column)
                    for s in 0..<tokens {
                        row[s] =
                            scale * dotProduct(q, operands.key(s, ofSequence: sequence) + column, count: headWidth)
                    }
                    softmax(row, count: tokens)
                    let out = y.hostPointer + (first + i) * width + column
                    out.update(repeating: 0, count: headWidth)
                    for s in 0..<tokens {
                        let v = operands.key(s, ofSequence: sequence) + width + column
                        addScaled(v, times: row[s], to: out, count: headWidth)
                    }
                }
            }
        }
    }

    /// As `attentionBackward` of a plain block, with the gradients of shared operands summed over sequences.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func attentionBackward(
        _ operands: AttentionOperands<Self>, heads: Int, probabilities: Tensor<Self>, dy: Tensor<Self>,
        gradients: AttentionOperands<Self>, scratch: Tensor<Self>
    ) {
        ShapeCheck.attentionBackward(
            operands, heads: heads, probabilities: probabilities.shape, dy: dy.shape, gradients: gradients,
            scratch: scratch.shape)
        let (tokens, width) = (operands.tokens, operands.width)
        let headWidth = width / heads
        let scale = 1 / Scalar(headWidth).squareRoot()
        for gradient in [
            gradients.queries, gradients.keysAndValues, gradients.sharedQueries, gradients.sharedKeysAndValues,
        ] {
            if let gradient { gradient.hostPointer.update(repeating: 0, count: gradient.count) }
        }
        let dRow = scratch.hostPointer
        for sequence in 0..<operands.sequences {
            let (first, count) = operands.rows(ofSequence: sequence)
            for head in 0..<heads {
                let column = head * headWidth
                let p = probabilities.hostPointer + (first * heads + head * count) * tokens
                for i in 0..<count {
                    let (row, dOut) = (p + i * tokens, dy.hostPointer + (first + i) * width + column)
                    let q = operands.query(i, ofSequence: sequence) + column
                    let dq = gradients.query(i, ofSequence: sequence) + column
                    var projection = 0.0
                    for s in 0..<tokens {
                        let v = operands.key(s, ofSequence: sequence) + width + column
                        let dv = gradients.key(s, ofSequence: sequence) + width + column
                        dRow[s] = dotProduct(dOut, v, count: headWidth)
                        projection += Double(row[s]) * Double(dRow[s])
                        addScaled(dOut, times: row[s], to: dv, count: headWidth)
                    }
                    for s in 0..<tokens {
                        let dScore = scale * row[s] * (dRow[s] - Scalar(projection))
                        let (k, dk) = (operands.key(s, ofSequence: sequence), gradients.key(s, ofSequence: sequence))
                        addScaled(k + column, times: dScore, to: dq, count: headWidth)
                        addScaled(q, times: dScore, to: dk + column, count: headWidth)
                    }
                }
            }
        }
    }

    /// y[s] = shared[s mod B], then own[s].
    package func joinTokens(shared: Tensor<Self>, own: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.joinTokens(shared: shared.shape, own: own.shape, y: y.shape)
        let (common, single) = (shared.shape[1] * shared.shape[2], own.shape[1] * own.shape[2])
        for s in 0..<own.shape[0] {
            let out = y.hostPointer + s * (common + single)
            out.update(from: shared.hostPointer + s % shared.shape[0] * common, count: common)
            (out + common).update(from: own.hostPointer + s * single, count: single)
        }
    }

    /// dShared[b] = Σ dy[s, 0..<Kc] over s mod B = b; dOwn[s] = dy[s, Kc...].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func joinTokensBackward(dy: Tensor<Self>, dShared: Tensor<Self>, dOwn: Tensor<Self>) {
        ShapeCheck.joinTokens(shared: dShared.shape, own: dOwn.shape, y: dy.shape, "joinTokensBackward")
        let (common, single) = (dShared.shape[1] * dShared.shape[2], dOwn.shape[1] * dOwn.shape[2])
        dShared.hostPointer.update(repeating: 0, count: dShared.count)
        for s in 0..<dOwn.shape[0] {
            let from = dy.hostPointer + s * (common + single)
            addScaled(
                from, times: 1, to: dShared.hostPointer + s % dShared.shape[0] * common, count: common)
            (dOwn.hostPointer + s * single).update(from: from + common, count: single)
        }
    }
}

extension AttentionOperands
where Backend.Buffer == HostBuffer<Backend.Scalar>, Backend.IndexBuffer == HostBuffer<Int32> {
    /// The first query row of a sequence, and their number.
    func rows(ofSequence sequence: Int) -> (first: Int, count: Int) {
        guard let starts else {
            let count = leadingQueries + ownQueries
            return (sequence * count, count)
        }
        let first = Int(starts.hostPointer[sequence])
        let end = Int(starts.hostPointer[sequence + 1])
        precondition(
            first >= 0 && first <= end && end <= queries.shape.rows,
            "attention: queries \(first)..<\(end) of sequence \(sequence) of \(queries.shape)")
        return (first, end - first)
    }

    /// Query i of a sequence, a row of D.
    fileprivate func query(_ i: Int, ofSequence sequence: Int) -> UnsafeMutablePointer<Backend.Scalar> {
        if let sharedQueries, i < leadingQueries {
            return sharedQueries.hostPointer + (sequence % images * sharedTokens + i) * width
        }
        let first = starts.map { Int($0.hostPointer[sequence]) } ?? sequence * ownQueries
        return queries.hostPointer + (first + i - leadingQueries) * width
    }

    /// Key i of a sequence, a row of k, v.
    fileprivate func key(_ i: Int, ofSequence sequence: Int) -> UnsafeMutablePointer<Backend.Scalar> {
        if let sharedKeysAndValues, i < sharedTokens {
            return sharedKeysAndValues.hostPointer + (sequence % images * sharedTokens + i) * 2 * width
        }
        return keysAndValues.hostPointer + (sequence * ownTokens + i - sharedTokens) * 2 * width
    }
}
