@testable import Diagnostics
import TensorCore
import TestSupport
import Testing

@Suite struct SingularValueTests {
    @Test("squares of the singular values sum to those of the matrix", arguments: [(1, 1), (3, 8), (70, 9), (130, 65)])
    func energy(rows: Int, columns: Int) {
        let features = normalMatrix(rows: rows, columns: columns, seed: UInt64(rows))
        let spectra = SingularSpectra(
            of: features, means: Array(repeating: 0, count: columns), includeCentred: false)
        let squares = features.values.reduce(0.0) { $0 + Double($1) * Double($1) }
        let sum = spectra.uncentred.reduce(0) { $0 + $1 * $1 }
        #expect(spectra.uncentred.count == min(rows, columns))
        #expect(abs(sum - squares) <= 1e-13 * squares)
        #expect(zip(spectra.uncentred, spectra.uncentred.dropFirst()).allSatisfy { $0 >= $1 })
    }

    @Test func productOfKnownFactorsKeepsFifteenDecadesOfSpectrum() {
        // H₁ · diag(σ) · H₂ with Householder reflections, which are orthogonal.
        let order = 16
        let sigma = (0..<order).map { 1 / Double(1 << (3 * $0)) }
        var square = PaddedMatrix(rows: order, columns: order)
        for i in 0..<order {
            for j in 0..<order {
                var sum = 0.0
                for k in 0..<order {
                    let left = (i == k ? 1 : 0) - 2 / Double(order)
                    let right = (k == j ? 1 : 0) - 2 / Double(order)
                    sum += left * sigma[k] * right
                }
                square[i, j] = sum
            }
        }
        let values = Bidiagonal(reducing: square).singularValues()
        for (value, expected) in zip(values, sigma) { #expect(abs(value - expected) <= 4e-15) }
    }

    @Test func bidiagonalOfTheDifferenceOperatorHasItsKnownSpectrum() {
        // 1 on the diagonal, −1 above: σ_k = 2 cos(kπ / (2n + 1)), k = 1...n.
        let order = 21
        let values = Bidiagonal(
            diagonal: Array(repeating: 1, count: order), superdiagonal: Array(repeating: -1, count: order - 1)
        ).singularValues()
        let expected = (1...order).map { 2 * cosine(Double($0) * .pi / Double(2 * order + 1)) }
        #expect(relativeError(values, expected) <= 1e-14)
    }

    @Test func repeatedAndZeroSingularValuesAreFound() {
        let values = Bidiagonal(diagonal: [0, 2, 2, 0, 2], superdiagonal: [0, 0, 0, 0]).singularValues()
        #expect(relativeError(values, [2, 2, 2, 0, 0]) <= 1e-15)
    }

    @Test func factorDoesNotDependOnHowRowsFillBlocks() {
        let features = normalMatrix(rows: 129, columns: 10, seed: 3)
        let half = features.selecting(rows: Array(0..<64))
        let rest = features.selecting(rows: Array(64..<129))
        var whole = TriangularFactor(columns: 10)
        for part in [half, rest] {
            for i in 0..<part.rows {
                whole.append { row in
                    for j in 0..<10 { row[j] = Double(part.values[i * 10 + j]) }
                }
            }
            whole.flush()
        }
        let direct = SingularSpectra(of: features, means: Array(repeating: 0, count: 10), includeCentred: false)
        #expect(relativeError(whole.singularValues(), direct.uncentred) <= 1e-14)
    }

    @Test func centredSpectrumIsThatOfCentredFeatures() {
        let features = normalMatrix(rows: 50, columns: 6, seed: 4)
        let shifted = FeatureMatrix(rows: 50, columns: 6, values: features.values.map { $0 + 1000 })
        let means = ColumnStatistics(of: shifted).means
        let spectra = SingularSpectra(of: shifted, means: means, includeCentred: true)
        let direct = SingularSpectra(of: shifted, means: means, includeCentred: false)
        #expect(relativeError(spectra.uncentred, direct.uncentred) <= 1e-13)
        let plain = SingularSpectra(of: features, means: ColumnStatistics(of: features).means, includeCentred: true)
        // The shift rounds the features to 6e-5.
        #expect(relativeError(spectra.centred, plain.centred) <= 1e-4)
        #expect(spectra.centred[5] > 1e-3 * spectra.centred[0])
    }

    @Test("directions that features lack are zero by the covariance too, not the root of rounding")
    func covarianceKnowsMissingDirections() {
        let (rows, columns, missing) = (400, 12, 3)
        var values = normalMatrix(rows: rows, columns: columns, seed: 5).values
        // The last columns say what the first ones say, twice as loud.
        for row in 0..<rows {
            for j in 0..<missing { values[row * columns + columns - 1 - j] = 2 * values[row * columns + j] }
        }
        let features = FeatureMatrix(rows: rows, columns: columns, values: values)
        let means = ColumnStatistics(of: features).means
        let spectra = SingularSpectra(of: features, means: means, includeCentred: true, affordable: 0)
        let exact = SingularSpectra(of: features, means: means, includeCentred: true)
        for (fast, slow) in [(spectra.uncentred, exact.uncentred), (spectra.centred, exact.centred)] {
            #expect(fast.suffix(missing).allSatisfy { $0 == 0 }, "\(fast)")
            let present = columns - missing
            #expect(relativeError(Array(fast.prefix(present)), Array(slow.prefix(present))) <= 1e-10)
        }
    }

    /// cos by its series, enough terms for |x| ≤ π/2: no library is needed for one known spectrum.
    private func cosine(_ x: Double) -> Double {
        var (term, sum) = (1.0, 1.0)
        for k in 1...14 {
            term *= -x * x / Double((2 * k - 1) * (2 * k))
            sum += term
        }
        return sum
    }
}
