import TensorCore

extension ReferenceBackend {
    /// y[r, o] = b[o] + Σᵢ x[r, i] · W[o, i].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func linear(_ x: Tensor<Self>, weight: Tensor<Self>, bias: Tensor<Self>?, to y: Tensor<Self>) {
        ShapeCheck.linear(x: x.shape, weight: weight.shape, bias: bias?.shape, y: y.shape)
        let (rows, inputs, outputs) = (x.shape.rows, weight.shape[1], weight.shape[0])
        let (px, pw, py) = (x.hostPointer, weight.hostPointer, y.hostPointer)
        let pb = bias?.hostPointer
        for r in 0..<rows {
            for o in 0..<outputs {
                let product = dotProduct(px + r * inputs, pw + o * inputs, count: inputs)
                py[r * outputs + o] = product + (pb?[o] ?? 0)
            }
        }
    }

    /// dx[r, i] (+)= Σₒ dy[r, o] · W[o, i].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func linearBackwardInput(dy: Tensor<Self>, weight: Tensor<Self>, dx: Tensor<Self>, accumulate: Bool) {
        ShapeCheck.linearBackwardInput(dy: dy.shape, weight: weight.shape, dx: dx.shape)
        let (rows, inputs, outputs) = (dy.shape.rows, weight.shape[1], weight.shape[0])
        let (pdy, pw, pdx) = (dy.hostPointer, weight.hostPointer, dx.hostPointer)
        if !accumulate { pdx.update(repeating: 0, count: dx.count) }
        for r in 0..<rows {
            for o in 0..<outputs {
                addScaled(pw + o * inputs, times: pdy[r * outputs + o], to: pdx + r * inputs, count: inputs)
            }
        }
    }

    /// dW[o, i] += Σᵣ dy[r, o] · x[r, i] and db[o] += Σᵣ dy[r, o].
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func linearBackwardWeight(
        _ x: Tensor<Self>, dy: Tensor<Self>, dWeight: Tensor<Self>, dBias: Tensor<Self>?
    ) {
        ShapeCheck.linearBackwardWeight(x: x.shape, dy: dy.shape, dWeight: dWeight.shape, dBias: dBias?.shape)
        let (rows, inputs, outputs) = (x.shape.rows, dWeight.shape[1], dWeight.shape[0])
        let (px, pdy, pdw) = (x.hostPointer, dy.hostPointer, dWeight.hostPointer)
        for o in 0..<outputs {
            for r in 0..<rows {
                addScaled(px + r * inputs, times: pdy[r * outputs + o], to: pdw + o * inputs, count: inputs)
            }
        }
        guard let pdb = dBias?.hostPointer else { return }
        for o in 0..<outputs {
            var sum = 0.0
            for r in 0..<rows { sum += Double(pdy[r * outputs + o]) }
            pdb[o] += Scalar(sum)
        }
    }
}
