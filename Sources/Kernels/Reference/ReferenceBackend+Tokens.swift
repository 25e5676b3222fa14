import TensorCore

extension ReferenceBackend {
    /// y[m, b, k, :] = x[b, indices[m, b, k], :].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func gatherBlocks(_ x: Tensor<Self>, indices: IndexTensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.gatherBlocks(x: x.shape, indices: indices.shape, y: y.shape)
        indices.checkRange(below: x.shape[1], "gatherBlocks")
        let (blocks, images, kept) = (indices.shape[0], indices.shape[1], indices.shape[2])
        let (places, width) = (x.shape[1], x.shape[2])
        for m in 0..<blocks {
            for b in 0..<images {
                for k in 0..<kept {
                    let row = (m * images + b) * kept + k
                    let source = x.hostPointer + (b * places + Int(indices.hostPointer[row])) * width
                    (y.hostPointer + row * width).update(from: source, count: width)
                }
            }
        }
    }

    /// dx[b, indices[m, b, k], :] += dy[m, b, k, :], in the order of m and k.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func gatherBlocksBackward(dy: Tensor<Self>, indices: IndexTensor<Self>, dx: Tensor<Self>) {
        ShapeCheck.gatherBlocks(x: dx.shape, indices: indices.shape, y: dy.shape, "gatherBlocksBackward")
        indices.checkRange(below: dx.shape[1], "gatherBlocksBackward")
        let (blocks, images, kept) = (indices.shape[0], indices.shape[1], indices.shape[2])
        let (places, width) = (dx.shape[1], dx.shape[2])
        for m in 0..<blocks {
            for b in 0..<images {
                for k in 0..<kept {
                    let row = (m * images + b) * kept + k
                    let target = dx.hostPointer + (b * places + Int(indices.hostPointer[row])) * width
                    addScaled(dy.hostPointer + row * width, times: 1, to: target, count: width)
                }
            }
        }
    }

    /// y[b, k, :] = x[b, T − K + k, :].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func lastTokens(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.lastTokens(x: x.shape, y: y.shape)
        let (tokens, kept, width) = (x.shape[1], y.shape[1], x.shape[2])
        for b in 0..<x.shape[0] {
            let source = x.hostPointer + (b * tokens + tokens - kept) * width
            (y.hostPointer + b * kept * width).update(from: source, count: kept * width)
        }
    }

    /// dx[b, T − K + k, :] = dy[b, k, :] and 0 elsewhere.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func lastTokensBackward(dy: Tensor<Self>, dx: Tensor<Self>) {
        ShapeCheck.lastTokens(x: dx.shape, y: dy.shape, "lastTokensBackward")
        let (tokens, kept, width) = (dx.shape[1], dy.shape[1], dx.shape[2])
        for b in 0..<dx.shape[0] {
            let start = dx.hostPointer + b * tokens * width
            let dropped = (tokens - kept) * width
            start.update(repeating: 0, count: dropped)
            (start + dropped).update(from: dy.hostPointer + b * kept * width, count: kept * width)
        }
    }

    /// y[b, :] = Σ_t x[b, t, :] / T.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func meanTokens(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.meanTokens(x: x.shape, y: y.shape)
        let (tokens, width) = (x.shape[1], x.shape[2])
        let (from, to) = (x.hostPointer, y.hostPointer)
        for b in 0..<x.shape[0] {
            for j in 0..<width {
                var sum = 0.0
                for t in 0..<tokens { sum += Double(from[(b * tokens + t) * width + j]) }
                to[b * width + j] = Scalar(sum / Double(tokens))
            }
        }
    }

    /// dx[b, t, :] += dy[b, :] / T.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func meanTokensBackward(dy: Tensor<Self>, dx: Tensor<Self>) {
        ShapeCheck.meanTokens(x: dx.shape, y: dy.shape, "meanTokensBackward")
        let (tokens, width) = (dx.shape[1], dx.shape[2])
        for b in 0..<dx.shape[0] {
            for t in 0..<tokens {
                addScaled(
                    dy.hostPointer + b * width, times: 1 / Scalar(tokens),
                    to: dx.hostPointer + (b * tokens + t) * width, count: width)
            }
        }
    }
}
