#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Kernels
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct LossTests {
    /// The sum and gradient at differences −3, −0.5, 0, 0.25, 2 with scale 10.
    static let byHand: [(ElementwiseLoss, Double, [Double])] = [
        (.smoothL1, 2.5 + 0.125 + 0.03125 + 1.5, [-10, -5, 0, 2.5, 10]),
        (.l2, 9 + 0.25 + 0.0625 + 4, [-60, -10, 0, 5, 40]),
        (.l1, 3 + 0.5 + 0.25 + 2, [-10, -10, 0, 10, 10]),
    ]

    @Test(arguments: byHand) func lossAndGradientByHand(loss: ElementwiseLoss, sum: Double, gradient: [Double]) {
        let prediction = backend.tensor([-2, 0.5, 1, 1.25, 3], 5)
        let result = backend.tensor(filledWith: .nan, 5)
        let value = backend.elementwiseLoss(
            loss, prediction: prediction, target: backend.tensor(filledWith: 1, 5), scale: 10, gradient: result)
        #expect(value == sum)
        #expect(backend.doubles(result) == gradient)
    }

    @Test(arguments: ElementwiseLoss.allCases) func gradientMatchesDifferences(loss: ElementwiseLoss) {
        // Differences in steps of 0.3 from −2.05: none within 0.04 of the kinks at −1, 0 and 1.
        let x = (0..<14).map { -2.05 + 0.3 * Double($0) }
        let (scale, gradient) = (0.7, backend.tensor(filledWith: .nan, 2, 7))
        func value(_ x: [Double]) -> Double {
            scale
                * backend.elementwiseLoss(
                    loss, prediction: backend.tensor(x, 2, 7), target: backend.tensor(filledWith: 0, 2, 7),
                    scale: scale, gradient: gradient)
        }
        _ = value(x)
        let analytic = backend.doubles(gradient)
        #expect(gradientError(of: value, analytic: analytic, at: x) <= 1e-6)
    }

    @Test func crossEntropyByHand() {
        // Softmax of (0, ln 3) is (1/4, 3/4); of (ln 4, 0) it is (4/5, 1/5).
        let logits = backend.tensor([0, log(3), log(4), 0], 2, 2)
        let gradient = backend.tensor(filledWith: .nan, 2, 2)
        let labels = backend.indices([1, 1], 2)
        let sum = backend.softmaxCrossEntropy(logits: logits, labels: labels, scale: 2, gradient: gradient)
        #expect(abs(sum - (log(4.0 / 3) + log(5))) <= 1e-15)
        #expect(relativeError(backend.doubles(gradient), [0.5, -0.5, 1.6, -1.6]) <= 1e-15)
    }

    @Test func crossEntropyOfHugeLogitsStaysFinite() {
        let logits = backend.tensor([1e4, -1e4, 0], 1, 3)
        let labels = backend.indices([1], 1)
        let sum = backend.softmaxCrossEntropy(logits: logits, labels: labels, scale: 1, gradient: logits)
        #expect(sum == 2e4)
        #expect(backend.doubles(logits) == [1, -1, 0], "the gradient may replace the logits")
    }

    @Test func crossEntropyGradientMatchesDifferences() {
        let (rows, classes) = (4, 5)
        let x = normals(rows * classes, sample: 1, scale: 2)
        let labels = backend.indices([0, 4, 2, 2], rows)
        let (scale, gradient) = (0.3, backend.tensor(filledWith: .nan, rows, classes))
        func value(_ x: [Double]) -> Double {
            scale
                * backend.softmaxCrossEntropy(
                    logits: backend.tensor(x, rows, classes), labels: labels, scale: scale, gradient: gradient)
        }
        _ = value(x)
        let analytic = backend.doubles(gradient)
        #expect(gradientError(of: value, analytic: analytic, at: x) <= 1e-6)
    }
}
