import Kernels
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct OptimizationTests {
    @Test func firstStepOfAdamWMovesByTheLearningRateAgainstTheSign() {
        // After one step m̂ = g and v̂ = g², so the step is lr · g / (|g| + ε), after p ·= 1 − lr · λ.
        let parameters = backend.tensor([1, -2, 3], 3)
        let (m, v) = (backend.tensor(filledWith: 0, 3), backend.tensor(filledWith: 0, 3))
        backend.adamW(
            parameters: parameters, gradients: backend.tensor([0.5, -4, 0], 3), firstMoments: m, secondMoments: v,
            AdamWStep(learningRate: 0.1, weightDecay: 0.5, epsilon: 0.5, t: 1))
        let expected = [0.95 - 0.1 * 0.5 / 1, -1.9 + 0.1 * 4 / 4.5, 2.85]
        #expect(relativeError(backend.doubles(parameters), expected) <= 1e-14)
        #expect(relativeError(backend.doubles(m), [0.05, -0.4, 0]) <= 1e-14)
        #expect(relativeError(backend.doubles(v), [0.00025, 0.016, 0]) <= 1e-13)
    }

    @Test func threeStepsOfAdamWMatchPyTorchsOrderOfOperations() {
        // From a transcription of torch.optim.AdamW's single-tensor loop to Python floats:
        // p *= 1 − lr·λ; m.lerp_(g, 1 − β₁); v.mul_(β₂).addcmul_(g, g, 1 − β₂);
        // p.addcdiv_(m, √v / √(1 − β₂ᵗ) + ε, −lr / (1 − β₁ᵗ)).
        let steps: [(gradient: [Double], learningRate: Double, expected: [Double])] = [
            ([0.1, -0.2, 0.3], 0.01, [0.989000099999, -1.98800004999975, 0.48950003333322223]),
            ([0.4, 0, -0.6], 0.02, [0.9695275223988918, -1.9704511921927554, 0.4957884970714559]),
            ([-0.05, 0.25, 1.5], 0.015, [0.9590342878730636, -1.9701153668948888, 0.4881664968628236]),
        ]
        let parameters = backend.tensor([1, -2, 0.5], 3)
        let (m, v) = (backend.tensor(filledWith: 0, 3), backend.tensor(filledWith: 0, 3))
        for (index, step) in steps.enumerated() {
            backend.adamW(
                parameters: parameters, gradients: backend.tensor(step.gradient, 3), firstMoments: m,
                secondMoments: v,
                AdamWStep(
                    learningRate: step.learningRate, weightDecay: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-6,
                    t: index + 1))
            #expect(relativeError(backend.doubles(parameters), step.expected) <= 1e-14)
        }
    }

    @Test func biasCorrectionKeepsItsDigitsInFloat() {
        // With β₂ = 0.999 and t = 1, a correction formed in Float would be off by 1e-5.
        let single = ReferenceBackend<Float>()
        let parameters = single.tensor([0], 1)
        single.adamW(
            parameters: parameters, gradients: single.tensor([3], 1), firstMoments: single.tensor([0], 1),
            secondMoments: single.tensor([0], 1), AdamWStep(learningRate: 1, weightDecay: 0, t: 1))
        #expect(relativeError(single.doubles(parameters), [-1]) <= 5e-7)
    }

    @Test func movingAverageWeighsTargetByMomentum() {
        let target = backend.tensor([8, -4], 2)
        backend.exponentialMovingAverage(source: backend.tensor([0, 4], 2), momentum: 0.75, target: target)
        #expect(backend.doubles(target) == [6, -2])
        backend.exponentialMovingAverage(source: backend.tensor([1, 1], 2), momentum: 1, target: target)
        #expect(backend.doubles(target) == [6, -2])
        backend.exponentialMovingAverage(source: backend.tensor([1, 2], 2), momentum: 0, target: target)
        #expect(backend.doubles(target) == [1, 2])
    }
}
