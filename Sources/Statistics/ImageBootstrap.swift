import Foundation
import TensorCore

/// How much a mean over test images would change with other images: a bootstrap over the images of one test set.
///
/// Every series is resampled with the same images, so that differences between arms are paired by image.
package struct ImageBootstrap: Sendable {
    /// Resamples drawn.
    package static let resamples = 1000

    /// What resampling the images of one series gives.
    package struct Spread: Hashable, Sendable {
        /// Mean over the images themselves.
        package let mean: Double
        /// Standard deviation of the resampled means: the standard error that the choice of test images leaves.
        package let standardError: Double
        /// The 95 % percentile interval.
        package let interval: Interval
    }

    package let seed: UInt64

    package init(seed: UInt64 = 0) {
        self.seed = seed
    }

    /// The spread of every series' mean.
    ///
    /// - Parameter series: [series][images], one number for each image; all of one length, which is at least 2.
    package func spreads(of series: [[Double]]) -> [Spread] {
        guard let count = series.first?.count else { return [] }
        precondition(count >= 2 && series.allSatisfy { $0.count == count }, "series of \(series.map(\.count)) images")
        var replicates = [[Double]](repeating: [], count: series.count)
        var draws = [Double](repeating: 0, count: count)
        for resample in 0..<Self.resamples {
            for index in draws.indices { draws[index] = 0 }
            var stream = BootstrapStream.images(seed: seed, resample: resample)
            for _ in 0..<count { draws[stream.integer(below: count)] += 1 }
            for (index, values) in series.enumerated() {
                replicates[index].append(Self.product(values, draws) / Double(count))
            }
        }
        return zip(series, replicates).map { values, means in
            let sorted = means.sorted()
            return Spread(
                mean: values.reduce(0, +) / Double(count), standardError: Moments(means)?.standardDeviation ?? 0,
                interval: Interval(
                    low: BootstrapInterval.interpolated(sorted, 0.025),
                    high: BootstrapInterval.interpolated(sorted, 0.975)))
        }
    }

    private static func product(_ a: [Double], _ b: [Double]) -> Double {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                var sums = SIMD8<Double>(repeating: 0)
                let whole = a.count / 8 * 8
                for start in stride(from: 0, to: whole, by: 8) {
                    for lane in 0..<8 { sums[lane] += a[start + lane] * b[start + lane] }
                }
                var rest = 0.0
                for index in whole..<a.count { rest += a[index] * b[index] }
                return sums.sum() + rest
            }
        }
    }
}
