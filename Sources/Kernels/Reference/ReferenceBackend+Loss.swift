import TensorCore

extension ReferenceBackend {
    /// Σ loss(prediction − target) in Double, and gradient = scale · loss′(prediction − target).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func elementwiseLoss(
        _ loss: ElementwiseLoss, prediction: Tensor<Self>, target: Tensor<Self>, scale: Scalar, gradient: Tensor<Self>
    ) -> Double {
        ShapeCheck.elementwiseLoss(prediction: prediction.shape, target: target.shape, gradient: gradient.shape)
        let (p, t, g) = (prediction.hostPointer, target.hostPointer, gradient.hostPointer)
        var sum = 0.0
        for i in 0..<prediction.count {
            let difference = p[i] - t[i]
            let (value, derivative) = valueAndDerivative(of: loss, at: difference)
            sum += Double(value)
            g[i] = scale * derivative
        }
        return sum
    }

    private func valueAndDerivative(of loss: ElementwiseLoss, at x: Scalar) -> (Scalar, Scalar) {
        let sign: Scalar = x > 0 ? 1 : (x < 0 ? -1 : x)
        switch loss {
        case .smoothL1: return abs(x) < 1 ? (x * x / 2, x) : (abs(x) - 0.5, sign)
        case .l2: return (x * x, 2 * x)
        case .l1: return (abs(x), sign)
        }
    }

    /// Σ_r (ln Σ_j exp(logits[r, j]) − logits[r, label]) and gradient = scale · (softmax(logits) − one-hot(label)).
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func softmaxCrossEntropy(
        logits: Tensor<Self>, labels: IndexTensor<Self>, scale: Scalar, gradient: Tensor<Self>
    ) -> Double {
        ShapeCheck.softmaxCrossEntropy(logits: logits.shape, labels: labels.shape, gradient: gradient.shape)
        let (rows, classes) = (logits.shape[0], logits.shape[1])
        labels.checkRange(below: classes, "softmaxCrossEntropy")
        var total = 0.0
        for r in 0..<rows {
            let (row, out) = (logits.hostPointer + r * classes, gradient.hostPointer + r * classes)
            let label = Int(labels.hostPointer[r])
            var largest = row[0]
            for j in 0..<classes where row[j] > largest { largest = row[j] }
            var sum = 0.0
            for j in 0..<classes { sum += exponential(Double(row[j]) - Double(largest)) }
            total += naturalLogarithm(sum) - (Double(row[label]) - Double(largest))
            for j in 0..<classes {
                let probability = exponential(Double(row[j]) - Double(largest)) / sum
                out[j] = scale * Scalar(probability - (j == label ? 1 : 0))
            }
        }
        return total
    }
}
