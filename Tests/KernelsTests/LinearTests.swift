import Kernels
import TensorCore
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct LinearTests {
    @Test func linearAddsBiasToProductWithTransposedWeight() {
        let x = backend.tensor([1, 2, 3, 4, 5, 6], 2, 3)
        let weight = backend.tensor([1, 0, -1, 2, 1, 0], 2, 3)
        let y = backend.tensor(filledWith: .nan, 2, 2)
        backend.linear(x, weight: weight, bias: backend.tensor([10, 20], 2), to: y)
        #expect(backend.doubles(y) == [8, 24, 8, 33])
        backend.linear(x, weight: weight, bias: nil, to: y)
        #expect(backend.doubles(y) == [-2, 4, -2, 13])
    }

    @Test(arguments: [(false, false), (false, true), (true, false), (true, true)])
    func multiplyTransposesScalesAndAdds(transposeA: Bool, transposeB: Bool) {
        // A = [[1, 2, 3], [4, 5, 6]], B = [[1, 2], [0, -1], [3, 1]]; A·B = [[10, 3], [22, 9]].
        let a = transposeA ? backend.tensor([1, 4, 2, 5, 3, 6], 3, 2) : backend.tensor([1, 2, 3, 4, 5, 6], 2, 3)
        let b = transposeB ? backend.tensor([1, 0, 3, 2, -1, 1], 2, 3) : backend.tensor([1, 2, 0, -1, 3, 1], 3, 2)
        let c = backend.tensor([1, 2, 3, 4], 2, 2)
        backend.multiply(a, transposed: transposeA, b, transposed: transposeB, alpha: 2, beta: -1, to: c)
        #expect(backend.doubles(c) == [19, 4, 41, 14])
        backend.fill(c, with: .nan)
        backend.multiply(a, transposed: transposeA, b, transposed: transposeB, alpha: 1, beta: 0, to: c)
        #expect(backend.doubles(c) == [10, 3, 22, 9], "what C held must not matter when beta is 0")
    }

    @Test func geluMatchesTabulatedValues() {
        // x·Φ(x) with Φ from tables of the normal distribution, and the identity weight.
        let x = backend.tensor([-3, -1, 0, 1, 3], 5, 1)
        let (pre, y) = (backend.tensor(filledWith: .nan, 5, 1), backend.tensor(filledWith: .nan, 5, 1))
        backend.linearGELU(x, weight: backend.tensor([1], 1, 1), bias: backend.tensor([0], 1), pre: pre, to: y)
        #expect(backend.doubles(pre) == [-3, -1, 0, 1, 3])
        let expected = [
            -3 * 0.001349898031630, -0.158655253931457, 0, 0.841344746068543, 3 * 0.998650101968370,
        ]
        #expect(relativeError(backend.doubles(y), expected) <= 1e-14)
    }

    /// (rows, inputs, outputs).
    static let sizes = [(1, 1, 1), (3, 5, 4), (7, 9, 2)]

    @Test(arguments: sizes) func linearGradientsMatchDifferences(rows: Int, inputs: Int, outputs: Int) {
        let (x, w) = (normals(rows * inputs, sample: 1), normals(outputs * inputs, sample: 2))
        let (b, dy) = (normals(outputs, sample: 3), normals(rows * outputs, sample: 4))
        func loss(_ x: [Double], _ w: [Double], _ b: [Double]) -> Double {
            let y = backend.tensor(filledWith: .nan, rows, outputs)
            backend.linear(
                backend.tensor(x, rows, inputs), weight: backend.tensor(w, outputs, inputs),
                bias: backend.tensor(b, outputs), to: y)
            return inner(backend.doubles(y), dy)
        }
        let dx = backend.tensor(filledWith: .nan, rows, inputs)
        let (dw, db) = (backend.tensor(filledWith: 0, outputs, inputs), backend.tensor(filledWith: 0, outputs))
        let gradient = backend.tensor(dy, rows, outputs)
        backend.linearBackwardInput(
            dy: gradient, weight: backend.tensor(w, outputs, inputs), dx: dx, accumulate: false)
        backend.linearBackwardWeight(backend.tensor(x, rows, inputs), dy: gradient, dWeight: dw, dBias: db)
        #expect(gradientError(of: { loss($0, w, b) }, analytic: backend.doubles(dx), at: x) <= 1e-6)
        #expect(gradientError(of: { loss(x, $0, b) }, analytic: backend.doubles(dw), at: w) <= 1e-6)
        #expect(gradientError(of: { loss(x, w, $0) }, analytic: backend.doubles(db), at: b) <= 1e-6)
    }

    @Test func linearGELUGradientMatchesDifferences() {
        let (rows, inputs, outputs) = (4, 3, 5)
        let (x, w) = (normals(rows * inputs, sample: 5, scale: 2), normals(outputs * inputs, sample: 6))
        let (b, dy) = (normals(outputs, sample: 7), normals(rows * outputs, sample: 8))
        let weight = backend.tensor(w, outputs, inputs)
        let pre = backend.tensor(filledWith: .nan, rows, outputs)
        func loss(_ x: [Double]) -> Double {
            let y = backend.tensor(filledWith: .nan, rows, outputs)
            backend.linearGELU(
                backend.tensor(x, rows, inputs), weight: weight, bias: backend.tensor(b, outputs), pre: pre, to: y)
            return inner(backend.doubles(y), dy)
        }
        _ = loss(x)
        let dPre = backend.tensor(dy, rows, outputs)
        backend.geluBackward(pre: pre, dy: dPre, dx: dPre)
        let dx = backend.tensor(filledWith: .nan, rows, inputs)
        backend.linearBackwardInput(dy: dPre, weight: weight, dx: dx, accumulate: false)
        #expect(gradientError(of: loss, analytic: backend.doubles(dx), at: x) <= 1e-6)
    }

    @Test func gradientsAccumulateWherePromised() {
        let dy = backend.tensor([1, 2, 3, 4], 2, 2)
        let weight = backend.tensor([1, 0, 0, 1], 2, 2)
        let x = backend.tensor([1, 0, 0, 1], 2, 2)
        let dx = backend.tensor([100, 100, 100, 100], 2, 2)
        backend.linearBackwardInput(dy: dy, weight: weight, dx: dx, accumulate: true)
        #expect(backend.doubles(dx) == [101, 102, 103, 104])
        let (dWeight, dBias) = (backend.tensor(filledWith: 10, 2, 2), backend.tensor(filledWith: 10, 2))
        backend.linearBackwardWeight(x, dy: dy, dWeight: dWeight, dBias: dBias)
        #expect(backend.doubles(dWeight) == [11, 13, 12, 14])
        #expect(backend.doubles(dBias) == [14, 16])
    }

    @Test func mismatchedShapesTrap() async {
        await #expect(processExitsWith: .failure) {
            let reference = ReferenceBackend<Float>()
            reference.linear(
                reference.tensor(filledWith: 0, 2, 3), weight: reference.tensor(filledWith: 0, 4, 5), bias: nil,
                to: reference.tensor(filledWith: 0, 2, 4))
        }
        await #expect(processExitsWith: .failure) {
            let reference = ReferenceBackend<Float>()
            let buffer = reference.makeBuffer(count: 4)
            reference.fill(Tensor(buffer: buffer, offset: 1, shape: Shape(4)), with: 0)
        }
        await #expect(processExitsWith: .failure) {
            let reference = ReferenceBackend<Float>()
            reference.gatherBlocks(
                reference.tensor(filledWith: 0, 1, 4, 2), indices: reference.indices([4], 1, 1, 1),
                to: reference.tensor(filledWith: 0, 1, 1, 1, 2))
        }
    }
}
