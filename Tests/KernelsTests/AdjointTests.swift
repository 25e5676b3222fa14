import Kernels
import TensorCore
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

/// For a linear operation A, the backward pass must be its transpose: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for all x and y.
@Suite struct AdjointTests {
    private func isAdjoint(_ ax: [Double], _ y: [Double], _ x: [Double], _ aty: [Double]) -> Bool {
        abs(inner(ax, y) - inner(x, aty)) <= 1e-12 * (inner(ax, ax) * inner(y, y)).squareRoot()
    }

    private func indices(_ count: Int, below bound: Int) -> [Int] {
        var random = RandomStream(seed: 5, purpose: .tests, sample: count)
        return (0..<count).map { _ in random.integer(below: bound) }
    }

    @Test func gatherBlocks() {
        let (m, b, k, n, d) = (3, 2, 4, 6, 5)
        let (x, y) = (normals(b * n * d, sample: 1), normals(m * b * k * d, sample: 2))
        let chosen = backend.indices(indices(m * b * k, below: n), m, b, k)
        let ax = backend.tensor(filledWith: .nan, m, b, k, d)
        backend.gatherBlocks(backend.tensor(x, b, n, d), indices: chosen, to: ax)
        let aty = backend.tensor(filledWith: 0, b, n, d)
        backend.gatherBlocksBackward(dy: backend.tensor(y, m, b, k, d), indices: chosen, dx: aty)
        #expect(isAdjoint(backend.doubles(ax), y, x, backend.doubles(aty)))
    }

    @Test func appendMaskTokens() {
        let (m, b, seen, masked, n, p) = (3, 2, 4, 3, 6, 5)
        let (context, token) = (normals(b * seen * p, sample: 1), normals(p, sample: 2))
        let y = normals(m * b * (seen + masked) * p, sample: 3)
        let ax = backend.tensor(filledWith: .nan, m, b, seen + masked, p)
        backend.appendMaskTokens(
            context: backend.tensor(context, b, seen, p), maskToken: backend.tensor(token, p),
            table: backend.tensor(filledWith: 0, n, p),
            indices: backend.indices(indices(m * b * masked, below: n), m, b, masked),
            to: ax)
        let (dContext, dToken) = (backend.tensor(filledWith: .nan, b, seen, p), backend.tensor(filledWith: 0, p))
        backend.appendMaskTokensBackward(
            dy: backend.tensor(y, m, b, seen + masked, p), dContext: dContext, dMaskToken: dToken)
        let aty = backend.doubles(dContext) + backend.doubles(dToken)
        #expect(isAdjoint(backend.doubles(ax), y, context + token, aty))
    }

    @Test(arguments: [1, 3, 6]) func lastTokens(kept: Int) {
        let (b, t, d) = (2, 6, 3)
        let (x, y) = (normals(b * t * d, sample: 1), normals(b * kept * d, sample: 2))
        let (ax, aty) = (backend.tensor(filledWith: .nan, b, kept, d), backend.tensor(filledWith: .nan, b, t, d))
        backend.lastTokens(backend.tensor(x, b, t, d), to: ax)
        backend.lastTokensBackward(dy: backend.tensor(y, b, kept, d), dx: aty)
        #expect(isAdjoint(backend.doubles(ax), y, x, backend.doubles(aty)))
    }

    @Test func meanTokens() {
        let (b, t, d) = (3, 5, 4)
        let (x, y) = (normals(b * t * d, sample: 1), normals(b * d, sample: 2))
        let (ax, aty) = (backend.tensor(filledWith: .nan, b, d), backend.tensor(filledWith: 0, b, t, d))
        backend.meanTokens(backend.tensor(x, b, t, d), to: ax)
        backend.meanTokensBackward(dy: backend.tensor(y, b, d), dx: aty)
        #expect(isAdjoint(backend.doubles(ax), y, x, backend.doubles(aty)))
    }

    @Test func linear() {
        let (rows, inputs, outputs) = (4, 7, 5)
        let (x, w) = (normals(rows * inputs, sample: 1), normals(outputs * inputs, sample: 2))
        let y = normals(rows * outputs, sample: 3)
        let weight = backend.tensor(w, outputs, inputs)
        let (ax, aty) = (
            backend.tensor(filledWith: .nan, rows, outputs), backend.tensor(filledWith: .nan, rows, inputs)
        )
        backend.linear(backend.tensor(x, rows, inputs), weight: weight, bias: nil, to: ax)
        backend.linearBackwardInput(dy: backend.tensor(y, rows, outputs), weight: weight, dx: aty, accumulate: false)
        #expect(isAdjoint(backend.doubles(ax), y, x, backend.doubles(aty)))
        // The same product, linear in the weight instead.
        let dWeight = backend.tensor(filledWith: 0, outputs, inputs)
        backend.linearBackwardWeight(
            backend.tensor(x, rows, inputs), dy: backend.tensor(y, rows, outputs), dWeight: dWeight, dBias: nil)
        #expect(isAdjoint(backend.doubles(ax), y, w, backend.doubles(dWeight)))
    }
}
