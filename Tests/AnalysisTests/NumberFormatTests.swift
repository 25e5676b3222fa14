import Testing

@testable import Analysis

@Suite struct NumberFormatTests {
    struct Case: CustomTestStringConvertible {
        let values: [Double]
        var isPercent = false
        var isSigned = false
        let mean: String
        let deviation: String?

        var testDescription: String { "\(values) → \(mean) ± \(deviation ?? "–")" }
    }

    @Test(arguments: [
        Case(values: [0.686], isPercent: true, mean: "68.6", deviation: nil),
        Case(values: [0.68, 0.70], isPercent: true, mean: "69.0", deviation: "1.4"),
        Case(values: [0.0152, 0.0148], isPercent: true, isSigned: true, mean: "+1.5", deviation: "0.0"),
        Case(values: [-0.0001], isPercent: true, isSigned: true, mean: "0.0", deviation: nil),
        Case(values: [23.21, 23.52], mean: "23.37", deviation: "0.22"),
        Case(values: [100, 130], mean: "115", deviation: "21"),
        Case(values: [1000, 1400], mean: "1200", deviation: "283"),
        Case(values: [0.3], mean: "0.300", deviation: nil),
        Case(values: [0.3, 0.3], mean: "0.300", deviation: "0.000"),
        Case(values: [0.012345, 0.012346], mean: "0.0123455", deviation: "0.0000007"),
        Case(values: [1e-6, 3e-6], mean: "2.00e-06", deviation: "1.4e-06"),
        Case(values: [0, 0], mean: "0.00", deviation: "0.00"),
        Case(values: [-0.5, -0.3], isSigned: true, mean: "-0.40", deviation: "0.14"),
        Case(values: [2.5e6], mean: "2.50e+06", deviation: nil),
    ])
    func `Digits follow the spread`(example: Case) throws {
        let statistics = try #require(SampleStatistics(example.values))
        let pair = NumberFormat.pair(statistics, isPercent: example.isPercent, isSigned: example.isSigned)
        #expect(pair.mean == example.mean)
        #expect(pair.deviation == example.deviation)
    }
}
