import TensorCore

extension ReferenceBackend {
    /// For each image and head, with d = D / H: P = softmax_rows(q kᵀ / √d), y = P v (Vaswani et al., 2017).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func attention(qkv: Tensor<Self>, heads: Int, probabilities: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.attention(qkv: qkv.shape, heads: heads, probabilities: probabilities.shape, y: y.shape)
        let (images, tokens, width) = (y.shape[0], y.shape[1], y.shape[2])
        let headWidth = width / heads
        let stride = 3 * width
        let scale = 1 / Scalar(headWidth).squareRoot()
        for image in 0..<images {
            for head in 0..<heads {
                let q = qkv.hostPointer + image * tokens * stride + head * headWidth
                let (k, v) = (q + width, q + 2 * width)
                let p = probabilities.hostPointer + (image * heads + head) * tokens * tokens
                let out = y.hostPointer + image * tokens * width + head * headWidth
                for t in 0..<tokens {
                    let row = p + t * tokens
                    for s in 0..<tokens {
                        row[s] = scale * dotProduct(q + t * stride, k + s * stride, count: headWidth)
                    }
                    softmax(row, count: tokens)
                    (out + t * width).update(repeating: 0, count: headWidth)
                    for s in 0..<tokens {
                        addScaled(v + s * stride, times: row[s], to: out + t * width, count: headWidth)
                    }
                }
            }
        }
    }

    /// Replaces x by exp(x − max) / Σ exp(x − max).
    func softmax(_ x: UnsafeMutablePointer<Scalar>, count: Int) {
        var largest = x[0]
        for i in 1..<max(count, 1) where x[i] > largest { largest = x[i] }
        var sum = 0.0
        for i in 0..<count {
            x[i] = exponential(x[i] - largest)
            sum += Double(x[i])
        }
        for i in 0..<count { x[i] = Scalar(Double(x[i]) / sum) }
    }

    /// dv = Pᵀ dy; dP = dy vᵀ; dS = P · (dP − Σ_row P · dP); dq = dS k / √d; dk = dSᵀ q / √d.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func attentionBackward(
        qkv: Tensor<Self>, heads: Int, probabilities: Tensor<Self>, dy: Tensor<Self>, dQKV: Tensor<Self>,
        scratch: Tensor<Self>
    ) {
        ShapeCheck.attentionBackward(
            qkv: qkv.shape, heads: heads, probabilities: probabilities.shape, dy: dy.shape, dQKV: dQKV.shape,
            scratch: scratch.shape)
        let (images, tokens, width) = (dy.shape[0], dy.shape[1], dy.shape[2])
        let headWidth = width / heads
        let stride = 3 * width
        let scale = 1 / Scalar(headWidth).squareRoot()
        dQKV.hostPointer.update(repeating: 0, count: dQKV.count)
        let dRow = scratch.hostPointer
        for image in 0..<images {
            for head in 0..<heads {
                let start = image * tokens * stride + head * headWidth
                let (q, dq) = (qkv.hostPointer + start, dQKV.hostPointer + start)
                let (k, v, dk, dv) = (q + width, q + 2 * width, dq + width, dq + 2 * width)
                let p = probabilities.hostPointer + (image * heads + head) * tokens * tokens
                let gradient = dy.hostPointer + image * tokens * width + head * headWidth
                for t in 0..<tokens {
                    let (row, dOut) = (p + t * tokens, gradient + t * width)
                    var projection = 0.0
                    for s in 0..<tokens {
                        dRow[s] = dotProduct(dOut, v + s * stride, count: headWidth)
                        projection += Double(row[s]) * Double(dRow[s])
                        addScaled(dOut, times: row[s], to: dv + s * stride, count: headWidth)
                    }
                    for s in 0..<tokens {
                        let dScore = scale * row[s] * (dRow[s] - Scalar(projection))
                        addScaled(k + s * stride, times: dScore, to: dq + t * stride, count: headWidth)
                        addScaled(q + t * stride, times: dScore, to: dk + s * stride, count: headWidth)
                    }
                }
            }
        }
    }
}
