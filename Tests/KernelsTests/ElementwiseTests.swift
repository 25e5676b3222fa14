import Kernels
import TensorCore
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct ElementwiseTests {
    @Test func arithmeticByHand() {
        let (x, y) = (backend.tensor([1, -2, 3], 3), backend.tensor([10, 20, 30], 3))
        backend.add(x, times: 2, to: y)
        #expect(backend.doubles(y) == [12, 16, 36])
        backend.scale(y, by: 0.5)
        #expect(backend.doubles(y) == [6, 8, 18])
        #expect(backend.sumOfSquares(y) == 424)
        backend.copy(x, to: y)
        #expect(backend.doubles(y) == [1, -2, 3])
        backend.fill(y, with: 7)
        #expect(backend.doubles(y) == [7, 7, 7])
    }

    @Test func sumOfSquaresOfFloatsIsNotRoundedToFloat() {
        // 2²⁴ + 1 is no Float; in a Float sum the last square would be lost.
        let single = ReferenceBackend<Float>()
        #expect(single.sumOfSquares(single.tensor([4096, 1], 2)) == 16_777_217)
    }

    @Test func reluClipsAndKeepsNaN() {
        let x = backend.tensor([-1, 0, 2, .nan, -.infinity, .infinity], 6)
        let y = backend.tensor(filledWith: 9, 6)
        backend.relu(x, to: y)
        let values = backend.doubles(y)
        #expect(values[0..<3] == [0, 0, 2])
        #expect(values[3].isNaN, "a NaN must stay visible")
        #expect(values[4...] == [0, .infinity])
    }

    @Test func reluGradientMatchesDifferencesAlsoInPlace() {
        let (x, dy) = ([-2, -0.5, 0.5, 2, 1], [1.0, 2, 3, 4, 5])
        func loss(_ x: [Double]) -> Double {
            let y = backend.tensor(filledWith: .nan, 5)
            backend.relu(backend.tensor(x, 5), to: y)
            return inner(backend.doubles(y), dy)
        }
        let gradient = backend.tensor(dy, 5)
        backend.reluBackward(backend.tensor(x, 5), dy: gradient, dx: gradient)
        #expect(backend.doubles(gradient) == [0, 0, 3, 4, 5])
        #expect(gradientError(of: loss, analytic: backend.doubles(gradient), at: x) <= 1e-6)
    }

    @Test func uploadsReadFromTheirStart() {
        let source = HostBuffer<Float>([1, 2, 3, 4, 5])
        let target = backend.tensor(filledWith: 0, 3)
        backend.upload(source, at: 1, to: target)
        #expect(backend.doubles(target) == [2, 3, 4])
        let indices = IndexTensor<ReferenceBackend<Double>>(
            buffer: backend.makeIndexBuffer(count: 4), offset: 2, shape: Shape(2))
        backend.upload(HostBuffer<Int32>([7, 8, 9]), at: 1, to: indices)
        #expect(indices.buffer.array == [0, 0, 8, 9])
    }
}
