import CKernels
import Kernels
import TensorCore

extension FusedBlock {
    func backward(
        _ parameters: Tensor<CPUBackend>, kept: Tensor<CPUBackend>, scratch: Tensor<CPUBackend>,
        dy: Tensor<CPUBackend>, gradients: BlockGradients<CPUBackend>
    ) {
        var (cutter, temporaries) = (MemoryCutter(kept), MemoryCutter(scratch))
        let saved = Kept(&cutter, block, shape)
        let pre = cutter.take(Shape(queryRows, block.hidden)).hostPointer
        let normalized = temporaries.take(Shape(max(shape.inputRows, queryRows), width)).hostPointer
        let dNarrow = temporaries.take(Shape(queryRows, width)).hostPointer
        let dy = dy.hostPointer
        mlpBackward(
            parameters, saved, pre, dy: dy, y2: normalized, dY2: dNarrow, gradients, temporaries)

        // From here on, dy is the gradient of the residual stream after attention.
        let sums = gradients.parameters
        kernels.layer_norm_backward(
            saved.middle.hostPointer, queryRows, width, block.norm2.weight(parameters).hostPointer,
            saved.mean2.hostPointer, saved.rstd2.hostPointer, dNarrow, dy, block.norm2.weight(sums).hostPointer,
            block.norm2.bias(sums).hostPointer)
        backend.linearRowsBackwardWeight(
            saved.attended.hostPointer, dy: dy, queryRows, dWeight: block.proj.weight(sums),
            dBias: block.proj.bias(sums))
        gradients.turn?.advance()
        backend.linearRowsBackwardInput(
            dy, queryRows, weight: block.proj.weight(parameters), accumulate: false, to: dNarrow)
        attentionBackward(
            parameters, saved, normalized: normalized, dAttended: dNarrow, dMiddle: dy, gradients, temporaries)
    }

    private func mlpBackward(
        _ parameters: Tensor<CPUBackend>, _ saved: Kept, _ pre: Floats, dy: Floats, y2: Floats, dY2: Floats,
        _ gradients: BlockGradients<CPUBackend>, _ temporaries: MemoryCutter<CPUBackend>
    ) {
        let (hidden, sums) = (block.hidden, gradients.parameters)
        kernels.add_column_sums(dy, queryRows, width, block.fc2.bias(sums).hostPointer)
        kernels.normalize_rows(
            saved.middle.hostPointer, queryRows, width, saved.mean2.hostPointer, saved.rstd2.hostPointer,
            block.norm2.weight(parameters).hostPointer, block.norm2.bias(parameters).hostPointer, y2)
        var row = 0
        while row < queryRows {
            let rows = min(Self.mlpBackwardRows, queryRows - row)
            var chunk = temporaries
            let dHidden = chunk.take(Shape(rows, hidden)).hostPointer
            let activated = chunk.take(Shape(rows, hidden)).hostPointer
            let upstream = dy + row * width
            backend.linearRowsBackwardInput(
                upstream, rows, weight: block.fc2.weight(parameters), accumulate: false, to: dHidden)
            kernels.gelu_again(
                pre + row * hidden, rows, hidden, dHidden, activated, block.fc1.bias(sums).hostPointer)
            backend.linearRowsBackwardWeight(
                activated, dy: upstream, rows, dWeight: block.fc2.weight(sums), dBias: nil)
            backend.linearRowsBackwardWeight(
                y2 + row * width, dy: dHidden, rows, dWeight: block.fc1.weight(sums), dBias: nil)
            backend.linearRowsBackwardInput(
                dHidden, rows, weight: block.fc1.weight(parameters), accumulate: false, to: dY2 + row * width)
            row += rows
        }
        gradients.turn?.advance()
    }

    private func attentionBackward(
        _ parameters: Tensor<CPUBackend>, _ saved: Kept, normalized: Floats, dAttended: Floats, dMiddle: Floats,
        _ gradients: BlockGradients<CPUBackend>, _ temporaries: MemoryCutter<CPUBackend>
    ) {
        var temporaries = temporaries
        let sums = gradients.parameters
        let dOwn = temporaries.take(Shape(ownRows, keyColumns)).hostPointer
        let dShared = temporaries.take(Shape(sharedRows, keyColumns)).hostPointer
        let partRows = isWhole ? 0 : queryRows
        let dQueries = temporaries.take(Shape(partRows, width)).hostPointer
        let queryScratch = temporaries.take(Shape(partRows, width)).hostPointer
        let dNormalizedQueries = temporaries.take(Shape(partRows, width)).hostPointer
        let dNormalized = temporaries.take(Shape(shape.inputRows, width)).hostPointer
        let weights = temporaries.take(Shape(2, shape.tokens, shape.tokens)).hostPointer
        attendBackward(saved, dAttended: dAttended, dOwn, dShared, dQueries, scratch: weights)

        // Weights' gradients, with the outputs of LayerNorm computed again.
        let (gamma, beta) = (block.norm1.weight(parameters).hostPointer, block.norm1.bias(parameters).hostPointer)
        let (mean, rstd) = (saved.mean1.hostPointer, saved.rstd1.hostPointer)
        let (sharedNormalized, dSharedNormalized) = (normalized + ownRows * width, dNormalized + ownRows * width)
        kernels.normalize_rows(input.own.hostPointer, ownRows, width, mean, rstd, gamma, beta, normalized)
        let (keys, dKeys) = (keyMap(parameters), keyMap(sums))
        backend.linearRowsBackwardWeight(normalized, dy: dOwn, ownRows, dWeight: dKeys.weight, dBias: dKeys.bias)
        if let shared = input.shared {
            kernels.normalize_rows(
                shared.hostPointer, sharedRows, width, mean + ownRows, rstd + ownRows, gamma, beta, sharedNormalized)
            backend.linearRowsBackwardWeight(
                sharedNormalized, dy: dShared, sharedRows, dWeight: dKeys.weight, dBias: dKeys.bias)
            backend.linearRowsBackwardInput(
                dShared, sharedRows, weight: keys.weight, accumulate: false, to: dSharedNormalized)
        }
        backend.linearRowsBackwardInput(dOwn, ownRows, weight: keys.weight, accumulate: false, to: dNormalized)
        if !isWhole {
            let (map, dMap) = (queryMap(parameters), queryMap(sums))
            backend.linearRowsBackwardWeight(
                queryRowsOf(normalized, scratch: queryScratch), dy: dQueries, queryRows, dWeight: dMap.weight,
                dBias: dMap.bias)
            backend.linearRowsBackwardInput(
                dQueries, queryRows, weight: map.weight, accumulate: false, to: dNormalizedQueries)
            addLastRows(dNormalizedQueries, to: dNormalized)
        }
        // A bias of all keys shifts each row of scores by a constant, which softmax does not see. Its gradient is zero; what
        // rounding leaves in its place AdamW would blow up to steps of full size.
        kernels.fill(block.qkv.bias(sums).hostPointer + width, width, 0)

        let dInput = residualBackward(dMiddle, gradients)
        kernels.layer_norm_backward(
            input.own.hostPointer, ownRows, width, gamma, mean, rstd, dNormalized, dInput,
            block.norm1.weight(sums).hostPointer, block.norm1.bias(sums).hostPointer)
        if let shared = input.shared, let dx = gradients.shared {
            kernels.layer_norm_backward(
                shared.hostPointer, sharedRows, width, gamma, mean + ownRows, rstd + ownRows, dSharedNormalized,
                dx.hostPointer, block.norm1.weight(sums).hostPointer, block.norm1.bias(sums).hostPointer)
        }
    }

    private func attendBackward(
        _ saved: Kept, dAttended: Floats, _ dOwn: Floats, _ dShared: Floats, _ dQueries: Floats, scratch: Floats
    ) {
        kernels.fill(dShared, sharedRows * keyColumns, 0)
        let keys = isWhole ? width : 0
        for sequence in 0..<shape.sequences {
            let (first, count) = rows(ofSequence: sequence)
            var parts = parts(ofSequence: sequence, first: first, count: count, saved)
            let own = dOwn + sequence * shape.ownTokens * keyColumns
            let shared = dShared + sequence % shape.images * shape.sharedTokens * keyColumns
            var to = CAttentionGradients(
                q_shared: shared, q_own: isWhole ? own : dQueries + first * width, k_shared: shared + keys,
                k_own: own + keys)
            kernels.attend_backward(
                &parts, nil, 0, saved.weights.hostPointer + first * block.heads * 2, dAttended + first * width, &to,
                scratch)
        }
    }

    /// Adds rows of the last queries to their tokens' rows.
    private func addLastRows(_ rows: Floats, to x: Floats) {
        let count = queryRows / shape.sequences
        for s in 0..<shape.sequences {
            kernels.add(
                rows + s * count * width, 1, x + ((s + 1) * shape.ownTokens - count) * width, count * width)
        }
    }

    /// Begins the input's gradient with that of the residual stream; returns that of own tokens.
    private func residualBackward(_ dMiddle: Floats, _ gradients: BlockGradients<CPUBackend>) -> Floats {
        guard let dOwn = gradients.own?.hostPointer else { return dMiddle }
        let (common, single) = (shape.sharedTokens * width, shape.ownTokens * width)
        if let dShared = gradients.shared { kernels.fill(dShared.hostPointer, dShared.count, 0) }
        switch input.queries {
        case .all:
            for s in 0..<shape.sequences {
                let from = dMiddle + s * (common + single)
                if let dShared = gradients.shared?.hostPointer {
                    kernels.add(from, 1, dShared + s % shape.images * common, common)
                }
                (dOwn + s * single).update(from: from + common, count: single)
            }
        case .last(let count):
            for s in 0..<shape.sequences {
                let skipped = single - count * width
                kernels.fill(dOwn + s * single, skipped, 0)
                (dOwn + s * single + skipped).update(from: dMiddle + s * count * width, count: count * width)
            }
        case .chosen: preconditionFailure("chosen queries have no backward pass")
        }
        return dOwn
    }
}
