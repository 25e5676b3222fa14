import Foundation
import TestSupport

/// Tests/Golden/statistics.json: numbers of scipy and statsmodels, by make_statistics.py beside it.
struct GoldenStatistics: Decodable {
    struct Sample: Decodable {
        let name: String
        let values: [Double]
        let mean: Double
        let standardDeviation: Double
        let studentInterval: [Double]
        let studentP: Double
        let signFlipP: Double
        let cohenD: Double
        let hedgesG: Double
        let power: Double?
    }

    struct Pair: Decodable {
        let values: [Double]
        let expected: [Double]

        init(from decoder: any Decoder) throws {
            let pair = try decoder.singleValueContainer().decode([[Double]].self)
            (values, expected) = (pair[0], pair[1])
        }
    }

    let incompleteBeta: [[Double]]
    let normalQuantile: [[Double]]
    let studentQuantile: [[Double]]
    let studentTwoSidedTail: [[Double]]
    let noncentralCumulative: [[Double]]
    let detectable: [[Double]]
    let holm: [Pair]
    /// A sample, and the interval's ends.
    let bcaOfAllResamples: [Pair]
    let samples: [Sample]

    static func load() throws -> GoldenStatistics {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = try Data(contentsOf: URL(fileURLWithPath: Golden.path("statistics.json")))
        return try decoder.decode(GoldenStatistics.self, from: data)
    }
}

/// Whether two numbers agree to a share of the expected one; false for NaN.
func agrees(_ value: Double?, _ expected: Double, within relative: Double) -> Bool {
    guard let value else { return false }
    return abs(value - expected) <= relative * abs(expected)
}
