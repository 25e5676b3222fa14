import Statistics
import TensorCore
import Testing

@Suite struct ImageBootstrapTests {
    /// Right or wrong on each of `count` images.
    private func answers(_ count: Int, accuracy: Double, seed: UInt64) -> [Double] {
        var stream = RandomStream(seed: seed, purpose: .tests)
        return (0..<count).map { _ in stream.uniform() < accuracy ? 1 : 0 }
    }

    @Test func `The standard error is that of a mean over images`() {
        let values = answers(2000, accuracy: 0.7, seed: 1)
        let spread = ImageBootstrap().spreads(of: [values])[0]
        let mean = values.reduce(0, +) / 2000
        #expect(spread.mean == mean)
        let expected = (mean * (1 - mean) / 2000).squareRoot()
        // A thousand resamples know a standard deviation to about 2 %.
        #expect(abs(spread.standardError - expected) <= 0.1 * expected)
        #expect(abs(spread.interval.low - (mean - 1.96 * expected)) <= 0.3 * expected)
        #expect(abs(spread.interval.high - (mean + 1.96 * expected)) <= 0.3 * expected)
    }

    @Test func `Differences are paired by image, so what two arms share drops out`() {
        let first = answers(1500, accuracy: 0.6, seed: 2)
        var second = first
        for index in 0..<15 { second[index] = 1 }
        let spreads = ImageBootstrap(seed: 4).spreads(of: [first, second, zip(first, second).map { $1 - $0 }])
        #expect(spreads[2].standardError < spreads[0].standardError / 5)
        #expect(spreads[2].interval.low >= 0)
    }

    @Test func `A resampling repeats with its seed`() {
        let values = answers(100, accuracy: 0.5, seed: 3)
        #expect(ImageBootstrap(seed: 1).spreads(of: [values]) == ImageBootstrap(seed: 1).spreads(of: [values]))
        #expect(ImageBootstrap(seed: 1).spreads(of: [values]) != ImageBootstrap(seed: 2).spreads(of: [values]))
        #expect(ImageBootstrap().spreads(of: []).isEmpty)
    }
}
