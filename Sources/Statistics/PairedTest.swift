import Foundation
import TensorCore

/// Tests of whether paired differences are centred at zero.
package enum PairedTest {
    /// Fewest pairs for which a p-value is given: with two, the t test rests on a spread of two numbers and the sign-flip
    /// test cannot go below ½.
    package static let fewestPairs = 3
    /// Up to so many pairs every pattern of signs is tried (2^19 sums); beyond, signs are drawn.
    package static let mostEnumeratedPairs = 20
    /// Patterns of signs drawn beyond that.
    package static let drawnPatterns = 100_000

    /// Two-sided p-value of Student's paired t test; none with fewer than three pairs or where no two differences differ.
    ///
    /// - Parameter differences: One for each pair, finite.
    package static func student(_ differences: [Double]) -> Double? {
        guard differences.count >= fewestPairs, let statistic = studentStatistic(differences) else { return nil }
        return StudentDistribution.twoSidedTail(statistic, degreesOfFreedom: Double(differences.count - 1))
    }

    /// mean / (sd / √n); none without spread.
    package static func studentStatistic(_ differences: [Double]) -> Double? {
        guard let moments = Moments(differences), let deviation = moments.standardDeviation, deviation > 0 else {
            return nil
        }
        return moments.mean / deviation * Double(differences.count).squareRoot()
    }

    /// Two-sided p-value of the sign-flip (paired permutation) test on the mean; none with fewer than three pairs.
    ///
    /// Under the hypothesis each difference could as well have the other sign; p is the share of the 2ⁿ patterns of signs
    /// whose |mean| is at least the observed one, the observed pattern and its mirror included, so never below 2/2ⁿ. With
    /// more than 20 pairs patterns are drawn, and p = (1 + those at least as large) / (1 + drawn).
    ///
    /// - Parameter seed: Decides the patterns that are drawn.
    package static func signFlip(_ differences: [Double], seed: UInt64 = 0) -> Double? {
        guard differences.count >= fewestPairs else { return nil }
        let observed = abs(differences.reduce(0, +))
        // Sums of the same numbers in another order differ in their last bits.
        let threshold = observed - 1e-12 * differences.reduce(0) { $0 + abs($1) }
        return differences.count <= mostEnumeratedPairs
            ? enumeratedShare(differences, threshold) : drawnShare(differences, threshold, seed: seed)
    }

    /// The least p-value that the sign-flip test can give: 2/2ⁿ.
    package static func leastSignFlip(pairs: Int) -> Double { pow(2, Double(1 - pairs)) }

    /// Of all patterns in which the first sign stays, the others being their mirrors.
    private static func enumeratedShare(_ differences: [Double], _ threshold: Double) -> Double {
        let patterns = 1 << (differences.count - 1)
        var reached = 0
        // Neighbours of a Gray code differ in one sign; the sum is taken anew now and then, so that no error builds up.
        var signs = [Double](repeating: 1, count: differences.count)
        var sum = differences.reduce(0, +)
        for pattern in 0..<patterns {
            if pattern > 0 {
                let flipped = 1 + pattern.trailingZeroBitCount
                signs[flipped] = -signs[flipped]
                sum =
                    pattern % 1024 == 0
                    ? zip(signs, differences).reduce(0) { $0 + $1.0 * $1.1 }
                    : sum + 2 * signs[flipped] * differences[flipped]
            }
            if abs(sum) >= threshold { reached += 1 }
        }
        return Double(reached) / Double(patterns)
    }

    private static func drawnShare(_ differences: [Double], _ threshold: Double, seed: UInt64) -> Double {
        var reached = 0
        for pattern in 0..<drawnPatterns {
            var stream = BootstrapStream.signs(seed: seed, pattern: pattern)
            var sum = 0.0
            for start in stride(from: 0, to: differences.count, by: 64) {
                let bits = stream.next()
                for index in start..<min(start + 64, differences.count) {
                    sum += bits >> UInt64(index - start) & 1 == 0 ? differences[index] : -differences[index]
                }
            }
            if abs(sum) >= threshold { reached += 1 }
        }
        return Double(1 + reached) / Double(1 + drawnPatterns)
    }

    /// Holm's step-down adjustment (Scandinavian Journal of Statistics 6, 1979): the p-values of a family of k tests
    /// such that those below α hold at a family-wise error of α. Tests without a p-value stay so and do not count.
    package static func holm(_ values: [Double?]) -> [Double?] {
        let order = values.indices.filter { values[$0] != nil }.sorted { values[$0]! < values[$1]! }
        var adjusted = [Double?](repeating: nil, count: values.count)
        var largest = 0.0
        for (rank, index) in order.enumerated() {
            largest = max(largest, min(1, Double(order.count - rank) * values[index]!))
            adjusted[index] = largest
        }
        return adjusted
    }
}
