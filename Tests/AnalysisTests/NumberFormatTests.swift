import Statistics
import Testing

@testable import Analysis

@Suite struct NumberFormatTests {
    struct Case: CustomTestStringConvertible {
        let values: [Double]
        var isAccuracy = false
        var isDifference = false
        let mean: String
        let deviation: String?

        var kind: NumberFormat.Kind { NumberFormat.Kind(isAccuracy: isAccuracy, isDifference: isDifference) }
        var testDescription: String { "\(values) → \(mean) ± \(deviation ?? "–")" }
    }

    @Test(arguments: [
        // Accuracies: one decimal, whatever the spread.
        Case(values: [0.686], isAccuracy: true, mean: "68.6", deviation: nil),
        Case(values: [0.68, 0.70], isAccuracy: true, mean: "69.0", deviation: "1.4"),
        Case(values: [0.6801, 0.6802], isAccuracy: true, mean: "68.0", deviation: "0.0"),
        Case(values: [0.1, 0.9], isAccuracy: true, mean: "50.0", deviation: "56.6"),
        // Their differences: two digits of the spread, but one decimal at least and two at most.
        Case(values: [0.0152, 0.0148], isAccuracy: true, isDifference: true, mean: "+1.50", deviation: "0.03"),
        Case(values: [0.017, 0.013], isAccuracy: true, isDifference: true, mean: "+1.50", deviation: "0.28"),
        Case(values: [0.03, -0.01], isAccuracy: true, isDifference: true, mean: "+1.0", deviation: "2.8"),
        Case(values: [0.3, -0.1], isAccuracy: true, isDifference: true, mean: "+10.0", deviation: "28.3"),
        Case(values: [-0.0001], isAccuracy: true, isDifference: true, mean: "0.0", deviation: nil),
        // 0.996 points are 1.0 with two digits.
        Case(values: [0.00704, -0.00704], isAccuracy: true, isDifference: true, mean: "0.0", deviation: "1.0"),
        // Everything else: two digits of the spread.
        Case(values: [23.21, 23.52], mean: "23.37", deviation: "0.22"),
        Case(values: [100, 130], mean: "115", deviation: "21"),
        Case(values: [1000, 1400], mean: "1200", deviation: "283"),
        Case(values: [0.3], mean: "0.300", deviation: nil),
        Case(values: [0.3, 0.3], mean: "0.300", deviation: "0.000"),
        Case(values: [0.012345, 0.012346], mean: "0.0123455", deviation: "0.0000007"),
        Case(values: [1e-6, 3e-6], mean: "2.0e-06", deviation: "1.4e-06"),
        Case(values: [1.6e-4, 1.84e-4], mean: "1.72e-04", deviation: "1.7e-05"),
        Case(values: [0, 0], mean: "0.00", deviation: "0.00"),
        Case(values: [-0.5, -0.3], isDifference: true, mean: "-0.40", deviation: "0.14"),
        Case(values: [2.5e6], mean: "2.50e+06", deviation: nil),
    ])
    func `Digits follow the spread`(example: Case) throws {
        let statistics = try #require(SampleStatistics(example.values))
        let pair = NumberFormat.pair(statistics, example.kind)
        #expect(pair.mean == example.mean)
        #expect(pair.deviation == example.deviation)
    }

    @Test(arguments: [
        (0.0024, -0.0074, 0.0122, true, "+0.24", "[-0.74, 1.22]"),
        (0.0237, -0.0267, 0.0741, true, "+2.4", "[-2.7, 7.4]"),
        (-0.0002, -0.0020, 0.0016, true, "-0.02", "[-0.20, 0.16]"), (12.75, 8.91, 16.6, false, "+12.8", "[8.9, 16.6]"),
        (0.5, -0.0996, 1.0996, false, "+0.50", "[-0.10, 1.10]"), (120, -400, 640, false, "+120", "[-400, 640]"),
        (2e-5, -1e-5, 5e-5, false, "+2.0e-05", "[-1.0e-05, 5.0e-05]"),
    ])
    func `a difference has the digits that its interval supports`(
        mean: Double, low: Double, high: Double, isAccuracy: Bool, text: String, interval: String
    ) {
        let bounds = Interval(low: low, high: high)
        let digits = NumberFormat.Digits(
            of: mean, bounds, NumberFormat.Kind(isAccuracy: isAccuracy, isDifference: true))
        #expect(digits.text(mean, isSigned: true) == text)
        #expect(digits.text(bounds) == interval)
    }

    @Test(arguments: [Double.infinity, -.infinity, .nan, 1.7e308, .leastNonzeroMagnitude])
    func `numbers beyond all bounds are written without a trap`(value: Double) {
        for kind in [NumberFormat.Kind(), NumberFormat.Kind(isAccuracy: true, isDifference: true)] {
            let digits = NumberFormat.Digits(of: value, uncertainty: value, kind)
            #expect(!digits.text(value, isSigned: true).isEmpty && !digits.text(1).isEmpty)
        }
        #expect(!NumberFormat.position(value, .steps).isEmpty)
    }
}
