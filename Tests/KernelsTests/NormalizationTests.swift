import Kernels
import TestSupport
import Testing

private let backend = ReferenceBackend<Double>()

@Suite struct LayerNormTests {
    @Test func rowsAreNormalisedWithBiasedVariance() {
        // Row 1: mean 2, variance 2/3, plus ε = 1/3 gives rstd 1. Row 2: constant, so 0 · gamma + beta.
        let x = backend.tensor([1, 2, 3, 7, 7, 7], 2, 3)
        let (mean, rstd) = (backend.tensor(filledWith: .nan, 2), backend.tensor(filledWith: .nan, 2))
        let y = backend.tensor(filledWith: .nan, 2, 3)
        backend.layerNorm(
            x, gamma: backend.tensor([2, 3, 4], 3), beta: backend.tensor([10, 20, 30], 3), epsilon: 1.0 / 3,
            mean: mean, rstd: rstd, to: y)
        #expect(relativeError(backend.doubles(y), [8, 20, 34, 10, 20, 30]) <= 1e-15)
        #expect(backend.doubles(mean) == [2, 7])
        #expect(relativeError(backend.doubles(rstd), [1, 3.0.squareRoot()]) <= 1e-15)
        backend.layerNorm(x, gamma: nil, beta: nil, epsilon: 1.0 / 3, mean: mean, rstd: rstd, to: y)
        #expect(relativeError(backend.doubles(y), [-1, 0, 1, 0, 0, 0]) <= 1e-15)
    }

    @Test(arguments: [true, false]) func gradientsMatchDifferencesAndAccumulate(affine: Bool) {
        let (rows, width) = (5, 7)
        let (x, dy) = (normals(rows * width, sample: 1), normals(rows * width, sample: 2))
        let (g, b) = (normals(width, sample: 3), normals(width, sample: 4))
        let (mean, rstd) = (backend.tensor(filledWith: .nan, rows), backend.tensor(filledWith: .nan, rows))
        func loss(_ x: [Double], _ g: [Double], _ b: [Double]) -> Double {
            let y = backend.tensor(filledWith: .nan, rows, width)
            backend.layerNorm(
                backend.tensor(x, rows, width), gamma: affine ? backend.tensor(g, width) : nil,
                beta: affine ? backend.tensor(b, width) : nil, epsilon: 1e-6, mean: mean, rstd: rstd, to: y)
            return inner(backend.doubles(y), dy)
        }
        _ = loss(x, g, b)
        let before = normals(rows * width, sample: 5)
        let dx = backend.tensor(before, rows, width)
        let (dg, db) = (backend.tensor(filledWith: 3, width), backend.tensor(filledWith: -2, width))
        backend.layerNormBackward(
            backend.tensor(x, rows, width), gamma: affine ? backend.tensor(g, width) : nil, mean: mean, rstd: rstd,
            dy: backend.tensor(dy, rows, width), dx: dx, dGamma: affine ? dg : nil, dBeta: affine ? db : nil)
        let added = zip(backend.doubles(dx), before).map { $0 - $1 }
        #expect(gradientError(of: { loss($0, g, b) }, analytic: added, at: x) <= 1e-6)
        if affine {
            #expect(gradientError(of: { loss(x, $0, b) }, analytic: backend.doubles(dg).map { $0 - 3 }, at: g) <= 1e-6)
            #expect(gradientError(of: { loss(x, g, $0) }, analytic: backend.doubles(db).map { $0 + 2 }, at: b) <= 1e-6)
        }
    }
}

@Suite struct BatchNormTests {
    @Test func columnsAreNormalisedWithBiasedVariance() {
        // Column 1: 1, 3, 5 with mean 3, variance 8/3; ε = 4/3 gives rstd 1/2. Column 2 is constant.
        let x = backend.tensor([1, 4, 3, 4, 5, 4], 3, 2)
        let (mean, rstd) = (backend.tensor(filledWith: .nan, 2), backend.tensor(filledWith: .nan, 2))
        let y = backend.tensor(filledWith: .nan, 3, 2)
        backend.batchNorm(
            x, gamma: backend.tensor([2, 5], 2), beta: backend.tensor([1, -1], 2), epsilon: 4.0 / 3, mean: mean,
            rstd: rstd, to: y)
        #expect(relativeError(backend.doubles(y), [-1, -1, 1, -1, 3, -1]) <= 1e-15)
        #expect(backend.doubles(mean) == [3, 4])
        #expect(relativeError(backend.doubles(rstd), [0.5, 0.75.squareRoot()]) <= 1e-15)
    }

    @Test(arguments: [true, false]) func gradientsMatchDifferences(affine: Bool) {
        let (rows, columns) = (6, 4)
        let (x, dy) = (normals(rows * columns, sample: 1), normals(rows * columns, sample: 2))
        let (g, b) = (normals(columns, sample: 3), normals(columns, sample: 4))
        let (mean, rstd) = (backend.tensor(filledWith: .nan, columns), backend.tensor(filledWith: .nan, columns))
        func loss(_ x: [Double], _ g: [Double], _ b: [Double]) -> Double {
            let y = backend.tensor(filledWith: .nan, rows, columns)
            backend.batchNorm(
                backend.tensor(x, rows, columns), gamma: affine ? backend.tensor(g, columns) : nil,
                beta: affine ? backend.tensor(b, columns) : nil, epsilon: 1e-5, mean: mean, rstd: rstd, to: y)
            return inner(backend.doubles(y), dy)
        }
        _ = loss(x, g, b)
        let dx = backend.tensor(filledWith: .nan, rows, columns)
        let (dg, db) = (backend.tensor(filledWith: 3, columns), backend.tensor(filledWith: -2, columns))
        backend.batchNormBackward(
            backend.tensor(x, rows, columns), gamma: affine ? backend.tensor(g, columns) : nil, mean: mean,
            rstd: rstd, dy: backend.tensor(dy, rows, columns), dx: dx, dGamma: affine ? dg : nil,
            dBeta: affine ? db : nil)
        #expect(gradientError(of: { loss($0, g, b) }, analytic: backend.doubles(dx), at: x) <= 1e-6)
        if affine {
            #expect(gradientError(of: { loss(x, $0, b) }, analytic: backend.doubles(dg).map { $0 - 3 }, at: g) <= 1e-6)
            #expect(gradientError(of: { loss(x, g, $0) }, analytic: backend.doubles(db).map { $0 + 2 }, at: b) <= 1e-6)
        }
    }
}

@Suite struct ColumnTests {
    @Test func momentsOfColumns() {
        let x = backend.tensor([1, 10, 2, 10, 6, 10], 3, 2)
        let (mean, variance) = (backend.tensor(filledWith: .nan, 2), backend.tensor(filledWith: .nan, 2))
        backend.columnMoments(x, correction: 1, mean: mean, variance: variance)
        #expect(backend.doubles(mean) == [3, 10])
        #expect(backend.doubles(variance) == [7, 0])
        backend.columnMoments(x, correction: 0, mean: mean, variance: variance)
        #expect(relativeError(backend.doubles(variance), [14.0 / 3, 0]) <= 1e-15)
    }

    @Test func smallVarianceSurvivesALargeMean() {
        let x = ReferenceBackend<Float>().tensor([4096, 4096.5, 4097, 4096.5], 4, 1)
        let (mean, variance) = (
            ReferenceBackend<Float>().tensor([0], 1), ReferenceBackend<Float>().tensor([0], 1)
        )
        ReferenceBackend<Float>().columnMoments(x, correction: 0, mean: mean, variance: variance)
        #expect(ReferenceBackend<Float>().doubles(variance) == [0.125])
    }

    @Test func columnsAreShiftedAndScaledAlsoInPlace() {
        let x = backend.tensor([1, 2, 3, 4], 2, 2)
        let (mean, factor) = (backend.tensor([1, 1], 2), backend.tensor([10, 100], 2))
        let y = backend.tensor(filledWith: .nan, 2, 2)
        backend.normalizeColumns(x, mean: mean, factor: nil, to: y)
        #expect(backend.doubles(y) == [0, 1, 2, 3])
        backend.normalizeColumns(x, mean: mean, factor: factor, to: x)
        #expect(backend.doubles(x) == [0, 100, 20, 300])
        backend.addColumns(y, times: factor, to: x)
        #expect(backend.doubles(x) == [0, 200, 40, 600])
    }
}
