import Foundation
import PretrainedWeights
import Safetensors
import TestSupport
import Testing

@Suite struct WeightComparisonTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func encoder(_ name: String, _ change: (inout SafetensorsFile) -> Void = { _ in }) throws
        -> PretrainedEncoder
    {
        var file = SmallWeights.timm()
        change(&file)
        try file.write(to: folder.file(name))
        return try PretrainedWeights(path: folder.file(name), hints: .init(heads: 2)).encoder()
    }

    @Test func equalEncodersAreEqual() throws {
        let comparison = try WeightComparison(encoder("a"), encoder("b"))
        // 2 + 2 · 12 + 2 parameters, and the positions.
        #expect(comparison.isEqual && comparison.differences.count == 29)
        #expect(comparison.differences.allSatisfy { $0.largest == 0 && $0.relative == 0 })
    }

    @Test func whatDiffersIsMeasured() throws {
        let other = try encoder("b") { file in
            file.tensors["norm.bias"] = SafetensorsTensor([Float](repeating: 3, count: 16), shape: [16])
            file.tensors["norm.weight"] = SafetensorsTensor([Float](repeating: .nan, count: 16), shape: [16])
        }
        let first = try encoder("a") { file in
            file.tensors["norm.bias"] = SafetensorsTensor([Float](repeating: 4, count: 16), shape: [16])
        }
        let comparison = try WeightComparison(first, other)
        #expect(!comparison.isEqual && comparison.differences.count { !$0.isEqual } == 2)
        let bias = try #require(comparison.differences.first { $0.name == "norm.bias" })
        #expect(bias.largest == 1 && bias.relative == 0.25)
        let weight = try #require(comparison.differences.first { $0.name == "norm.weight" })
        #expect(weight.largest.isNaN && weight.relative.isNaN)
    }

    @Test func statisticsLeaveOutWhatIsNotFinite() {
        let statistics = TensorStatistics([1, 3, .nan, -.infinity])
        #expect(statistics.minimum == 1 && statistics.maximum == 3 && statistics.nonFinite == 2)
        #expect(statistics.mean == 2 && statistics.standardDeviation == 1)
        #expect(TensorStatistics([]).mean == nil)
    }
}
