import TensorCore

extension ReferenceBackend {
    /// C = alpha · op(A) · op(B) + beta · C; C is not read where beta is 0.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func multiply(
        _ a: Tensor<Self>, transposed transposeA: Bool, _ b: Tensor<Self>, transposed transposeB: Bool,
        alpha: Scalar, beta: Scalar, to c: Tensor<Self>
    ) {
        ShapeCheck.multiply(a.shape, transposed: transposeA, b.shape, transposed: transposeB, c: c.shape)
        let (n, d) = (c.shape[0], c.shape[1])
        let k = transposeA ? a.shape[0] : a.shape[1]
        let (pa, pb, pc) = (a.hostPointer, b.hostPointer, c.hostPointer)
        // Element (i, l) of op(A).
        let (rowStride, innerStride) = transposeA ? (1, n) : (k, 1)
        for i in 0..<n {
            let row = pc + i * d
            for j in 0..<d { row[j] = beta == 0 ? 0 : beta * row[j] }
            if transposeB && !transposeA {
                for j in 0..<d { row[j] += alpha * dotProduct(pa + i * k, pb + j * k, count: k) }
            } else if transposeB {
                for j in 0..<d {
                    var sum: Scalar = 0
                    for l in 0..<k { sum += pa[l * n + i] * pb[j * k + l] }
                    row[j] += alpha * sum
                }
            } else {
                for l in 0..<k {
                    let factor = alpha * pa[i * rowStride + l * innerStride]
                    addScaled(pb + l * d, times: factor, to: row, count: d)
                }
            }
        }
    }
}
