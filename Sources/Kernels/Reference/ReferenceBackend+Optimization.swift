import TensorCore

extension ReferenceBackend {
    /// One step of AdamW; the formula is at `KernelBackend.adamW`.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func adamW(
        parameters: Tensor<Self>, gradients: Tensor<Self>, firstMoments: Tensor<Self>, secondMoments: Tensor<Self>,
        _ step: AdamWStep
    ) {
        ShapeCheck.adamW(
            parameters: parameters.shape, gradients: gradients.shape, firstMoments: firstMoments.shape,
            secondMoments: secondMoments.shape)
        precondition(step.t >= 1, "adamW: steps are counted from 1, not \(step.t)")
        // The corrections are formed in Double: 1 − 0.999ᵗ loses half its digits in Float.
        let (correction1, correction2) = (
            1 - power(step.beta1, step.t), (1 - power(step.beta2, step.t)).squareRoot()
        )
        let (keep1, take1) = (Scalar(step.beta1), Scalar(1 - step.beta1))
        let (keep2, take2) = (Scalar(step.beta2), Scalar(1 - step.beta2))
        let decay = Scalar(1 - step.learningRate * step.weightDecay)
        let stepSize = Scalar(step.learningRate / correction1)
        let (rootCorrection, epsilon) = (Scalar(1 / correction2), Scalar(step.epsilon))
        let (p, g) = (parameters.hostPointer, gradients.hostPointer)
        let (m, v) = (firstMoments.hostPointer, secondMoments.hostPointer)
        for i in 0..<parameters.count {
            m[i] = keep1 * m[i] + take1 * g[i]
            v[i] = keep2 * v[i] + take2 * g[i] * g[i]
            p[i] = decay * p[i] - stepSize * m[i] / (v[i].squareRoot() * rootCorrection + epsilon)
        }
    }

    /// target = momentum · target + (1 − momentum) · source.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func exponentialMovingAverage(source: Tensor<Self>, momentum: Double, target: Tensor<Self>) {
        ShapeCheck.same(source.shape, target.shape, "exponentialMovingAverage")
        let (keep, take) = (Scalar(momentum), Scalar(1 - momentum))
        let (from, to) = (source.hostPointer, target.hostPointer)
        for i in 0..<source.count { to[i] = keep * to[i] + take * from[i] }
    }
}
