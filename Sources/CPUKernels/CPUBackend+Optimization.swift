import CKernels
package import Kernels

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension CPUBackend {
    /// One step of AdamW; the formula is at `KernelBackend.adamW`.
    package func adamW(
        parameters: Tensor<CPUBackend>, gradients: Tensor<CPUBackend>, firstMoments: Tensor<CPUBackend>,
        secondMoments: Tensor<CPUBackend>, _ step: AdamWStep
    ) {
        ShapeCheck.adamW(
            parameters: parameters.shape, gradients: gradients.shape, firstMoments: firstMoments.shape,
            secondMoments: secondMoments.shape)
        precondition(step.t >= 1, "adamW: steps are counted from 1, not \(step.t)")
        // Formed in Double: 1 − 0.999ᵗ loses half its digits in Float.
        let numbers = CAdamWStep(
            decay: Float(1 - step.learningRate * step.weightDecay),
            beta1: Float(step.beta1), beta1_complement: Float(1 - step.beta1),
            beta2: Float(step.beta2), beta2_complement: Float(1 - step.beta2),
            step_size: Float(step.learningRate / (1 - pow(step.beta1, Double(step.t)))),
            second_moment_factor: Float(1 / (1 - pow(step.beta2, Double(step.t))).squareRoot()),
            epsilon: Float(step.epsilon))
        kernels.adamw(
            parameters.hostPointer, gradients.hostPointer, firstMoments.hostPointer, secondMoments.hostPointer,
            parameters.count, numbers)
    }

    /// target += (1 − momentum) · (source − target).
    ///
    /// Written so that a target equal to its source stays so: momentum and 1 − momentum rounded to Float do not sum to 1,
    /// and over 100,000 steps the difference would scale the weights.
    package func exponentialMovingAverage(
        source: Tensor<CPUBackend>, momentum: Double, target: Tensor<CPUBackend>
    ) {
        ShapeCheck.same(source.shape, target.shape, "exponentialMovingAverage")
        kernels.move_towards(source.hostPointer, Float(1 - momentum), target.hostPointer, source.count)
    }
}
