import Foundation
import TensorCore

/// Bootstrap intervals of the mean of few values (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 14).
package enum BootstrapInterval {
    /// Resamples drawn.
    package static let resamples = 9999
    /// Fewest values for which an interval is given.
    package static let fewestValues = 3

    /// The bias-corrected and accelerated (BCa) interval of the mean.
    ///
    /// With few values it is too narrow: a resample never holds a value that was not drawn. Student's interval is the one
    /// to read then; the two together show how much the assumption of normality carries.
    ///
    /// - Parameters:
    ///   - values: Finite.
    ///   - seed: Decides the resamples.
    /// - Returns: None with fewer than three values, or without any spread.
    package static func ofMean(_ values: [Double], level: Double = 0.95, seed: UInt64 = 0) -> Interval? {
        guard values.count >= fewestValues else { return nil }
        let replicates = (0..<resamples).map { resample in
            var stream = BootstrapStream.values(seed: seed, resample: resample)
            var sum = 0.0
            for _ in values.indices { sum += values[stream.integer(below: values.count)] }
            return sum / Double(values.count)
        }
        return accelerated(values, replicates: replicates, level: level)
    }

    /// The interval from the means of given resamples.
    ///
    /// Bias z₀ is the normal quantile of the share of replicates below the mean, those equal to it counting half;
    /// acceleration a = Σd³ / (6 (Σd²)^1.5) with d the jackknife means' deviations. Quantiles interpolate linearly.
    static func accelerated(_ values: [Double], replicates: [Double], level: Double) -> Interval? {
        guard values.count > 1, let moments = Moments(values), moments.standardDeviation ?? 0 > 0 else { return nil }
        let sorted = replicates.sorted()
        // Replicates that equal the mean but for the order of their sum.
        let tolerance = 1e-12 * values.reduce(0) { max($0, abs($1)) }
        let below = sorted.count { $0 < moments.mean - tolerance }
        let notAbove = sorted.count { $0 <= moments.mean + tolerance }
        let share = Double(below + notAbove) / Double(2 * sorted.count)
        let bias = SpecialFunctions.normalQuantile(share)
        guard bias.isFinite else { return nil }
        // Jackknife deviations of a mean are proportional to those of the values: θ₍·₎ − θ₍ᵢ₎ = (xᵢ − x̄) / (n − 1).
        let deviations = values.map { $0 - moments.mean }
        let squares = deviations.reduce(0) { $0 + $1 * $1 }
        let cubes = deviations.reduce(0) { $0 + $1 * $1 * $1 }
        let acceleration = cubes / (6 * pow(squares, 1.5))
        func quantile(_ probability: Double) -> Double {
            let z = bias + SpecialFunctions.normalQuantile(probability)
            return interpolated(sorted, SpecialFunctions.normalCumulative(bias + z / (1 - acceleration * z)))
        }
        return Interval(low: quantile((1 - level) / 2), high: quantile((1 + level) / 2))
    }

    /// The quantile of a sorted sample, linear between its order statistics (type 7 of Hyndman and Fan).
    static func interpolated(_ sorted: [Double], _ probability: Double) -> Double {
        let position = min(max(probability, 0), 1) * Double(sorted.count - 1)
        let lower = Int(position)
        guard lower + 1 < sorted.count else { return sorted[sorted.count - 1] }
        return sorted[lower] + (position - Double(lower)) * (sorted[lower + 1] - sorted[lower])
    }
}

/// The random numbers of resampling, apart from one another by what they are drawn for.
enum BootstrapStream {
    static func values(seed: UInt64, resample: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: .resampling, epoch: 0, sample: resample)
    }

    static func signs(seed: UInt64, pattern: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: .resampling, epoch: 1, sample: pattern)
    }

    static func images(seed: UInt64, resample: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: .resampling, epoch: 2, sample: resample)
    }
}
