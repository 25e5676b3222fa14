import TensorCore

extension ReferenceBackend {
    /// y[m, b, 0..<Kc, :] = context[b]; y[m, b, Kc + k, :] = maskToken + table[indices[m, b, k]].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func appendMaskTokens(
        context: Tensor<Self>, maskToken: Tensor<Self>, table: Tensor<Self>, indices: IndexTensor<Self>,
        to y: Tensor<Self>
    ) {
        ShapeCheck.appendMaskTokens(
            context: context.shape, maskToken: maskToken.shape, table: table.shape, indices: indices.shape, y: y.shape)
        indices.checkRange(below: table.shape[0], "appendMaskTokens")
        let (blocks, images, masked) = (indices.shape[0], indices.shape[1], indices.shape[2])
        let (seen, width) = (context.shape[1], context.shape[2])
        for m in 0..<blocks {
            for b in 0..<images {
                let sequence = y.hostPointer + (m * images + b) * (seen + masked) * width
                sequence.update(from: context.hostPointer + b * seen * width, count: seen * width)
                for k in 0..<masked {
                    let token = sequence + (seen + k) * width
                    let row = Int(indices.hostPointer[(m * images + b) * masked + k])
                    token.update(from: maskToken.hostPointer, count: width)
                    addScaled(table.hostPointer + row * width, times: 1, to: token, count: width)
                }
            }
        }
    }

    /// dContext[b] = Σ_m dy[m, b, 0..<Kc]; dMaskToken += Σ_{m, b, k} dy[m, b, Kc + k].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func appendMaskTokensBackward(dy: Tensor<Self>, dContext: Tensor<Self>, dMaskToken: Tensor<Self>) {
        ShapeCheck.appendMaskTokensBackward(dy: dy.shape, dContext: dContext.shape, dMaskToken: dMaskToken.shape)
        let (blocks, images, tokens, width) = (dy.shape[0], dy.shape[1], dy.shape[2], dy.shape[3])
        let seen = dContext.shape[1]
        dContext.hostPointer.update(repeating: 0, count: dContext.count)
        for m in 0..<blocks {
            for b in 0..<images {
                let sequence = dy.hostPointer + (m * images + b) * tokens * width
                addScaled(sequence, times: 1, to: dContext.hostPointer + b * seen * width, count: seen * width)
                for t in seen..<tokens {
                    addScaled(sequence + t * width, times: 1, to: dMaskToken.hostPointer, count: width)
                }
            }
        }
    }
}
