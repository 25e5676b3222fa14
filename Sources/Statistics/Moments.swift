import Foundation

/// Mean and spread of a sample.
package struct Moments: Hashable, Sendable {
    package let count: Int
    package let mean: Double
    /// Square root of the unbiased variance (divided by n − 1); none for a single value.
    package let standardDeviation: Double?

    /// - Parameter values: Finite numbers; none gives no moments.
    package init?(_ values: [Double]) {
        precondition(values.allSatisfy(\.isFinite), "moments of values that are not finite: \(values)")
        guard !values.isEmpty else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        guard values.count > 1 else {
            standardDeviation = nil
            return
        }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = (squares / Double(values.count - 1)).squareRoot()
        // Equal numbers may leave a rest of rounding, which is no spread.
        let scale = values.reduce(0) { max($0, abs($1)) }
        standardDeviation = deviation <= 1e-14 * scale ? 0 : deviation
    }

    /// The two-sided interval of the mean at `level`, mean ± t(n − 1) · sd / √n; none for a single value.
    package func studentInterval(level: Double = 0.95) -> Interval? {
        guard let standardDeviation else { return nil }
        let t = StudentDistribution.quantile(0.5 + level / 2, degreesOfFreedom: Double(count - 1))
        let half = t * standardDeviation / Double(count).squareRoot()
        return Interval(low: mean - half, high: mean + half)
    }
}

/// A range of values that the data support.
package struct Interval: Hashable, Sendable, Encodable {
    package let low: Double
    package let high: Double

    package init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }
}
