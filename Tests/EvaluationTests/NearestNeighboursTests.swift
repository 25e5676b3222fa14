import Diagnostics
import Foundation
import Kernels
import TensorCore
import Testing

@testable import Evaluation

@Suite struct NearestNeighboursTests {
    @Test func agreesWithNumpy() throws {
        let golden = try GoldenEvaluation.load()
        let probe = NearestNeighbours(neighbours: golden.knn.map(\.k) + [61, 200], temperature: golden.temperature)
        let float = probe.accuracies(of: golden.features, labels: golden.labels, on: ReferenceBackend<Float>())
        let double = probe.accuracies(of: golden.features, labels: golden.labels, on: ReferenceBackend<Double>())
        // k beyond the training images is left out.
        #expect(float.map(\.neighbours) == golden.knn.map(\.k))
        #expect(float.map(\.accuracy) == golden.knn.map(\.accuracy))
        #expect(double.map(\.accuracy) == golden.knn.map(\.accuracy))
    }

    @Test func votesAreThoseOfTheDefinitionAcrossBlocks() {
        // More rows than one block of either side.
        let data = ClusteredFeatures(train: 2300, test: 300, columns: 3, classes: 4, noise: 1.2, seed: 3)
        let probe = NearestNeighbours(neighbours: [7], temperature: 0.1)
        let accuracy = probe.accuracies(of: data.features, labels: data.labels, on: ReferenceBackend<Double>())[0]
        let (train, test) = (data.features.train, data.features.test)
        var right = 0
        for i in 0..<test.rows {
            let cosines = (0..<train.rows).map { Self.cosine(test, i, train, $0) }
            let nearest = cosines.indices.sorted { cosines[$0] > cosines[$1] }.prefix(7)
            var sums: [Int32: Double] = [:]
            for row in nearest { sums[data.labels.train[row], default: 0] += exp(cosines[row] / 0.1) }
            if sums.max(by: { $0.value < $1.value })?.key == data.labels.test[i] { right += 1 }
        }
        // Float similarities may order a pair of neighbours differently: at most one image of 300.
        #expect(abs(accuracy.accuracy - Double(right) / 300) <= 1.01 / 300)
        #expect(accuracy.accuracy > 0.3)
    }

    @Test func resultDoesNotDependOnThreads() {
        let data = ClusteredFeatures(train: 500, test: 700, columns: 4, classes: 3, noise: 1, seed: 4)
        let probe = NearestNeighbours(neighbours: [1, 20])
        let one = probe.accuracies(of: data.features, labels: data.labels, on: ReferenceBackend<Float>(), threads: 1)
        let three = probe.accuracies(of: data.features, labels: data.labels, on: ReferenceBackend<Float>(), threads: 3)
        #expect(one.map(\.accuracy) == three.map(\.accuracy))
    }

    @Test func scaleOfFeaturesDoesNotMatter() {
        let plain = ClusteredFeatures(train: 200, test: 100, columns: 5, classes: 3, seed: 5)
        let tiny = ClusteredFeatures(train: 200, test: 100, columns: 5, classes: 3, scale: 0x1p-20, seed: 5)
        let probe = NearestNeighbours(neighbours: [10])
        let backend = ReferenceBackend<Float>()
        let accuracy = probe.accuracies(of: plain.features, labels: plain.labels, on: backend)[0].accuracy
        #expect(accuracy == probe.accuracies(of: tiny.features, labels: tiny.labels, on: backend)[0].accuracy)
        #expect(accuracy > 0.8)
    }

    @Test func ofEqualNeighboursTheEarlierIsTaken() {
        // All training rows are alike: the first k vote.
        let train = FeatureMatrix(rows: 6, columns: 2, values: Array(repeating: 1, count: 12))
        let test = FeatureMatrix(rows: 1, columns: 2, values: [2, 2])
        let labels = ProbeLabels(train: [2, 1, 1, 0, 0, 0], test: [1])
        let result = NearestNeighbours(neighbours: [1, 2, 3, 6]).accuracies(
            of: ProbeFeatures(name: "last1", train: train, test: test), labels: labels,
            on: ReferenceBackend<Double>())
        // k = 1: class 2. k = 2: classes 1 and 2 are equal, the lower wins. k = 3: class 1. k = 6: class 0.
        #expect(result.map(\.accuracy) == [0, 1, 1, 0])
    }

    @Test func lowTemperaturesStayFinite() {
        let data = ClusteredFeatures(train: 50, test: 30, columns: 3, classes: 2, noise: 0.1, seed: 6)
        let result = NearestNeighbours(neighbours: [20], temperature: 1e-4).accuracies(
            of: data.features, labels: data.labels, on: ReferenceBackend<Float>())
        #expect(result[0].accuracy > 0.9)
    }

    @Test("features that are not finite have no accuracy", arguments: [Float.nan, .infinity])
    func nonFinite(value: Float) {
        let data = ClusteredFeatures(train: 30, test: 10, columns: 2, classes: 2, seed: 7)
        var values = data.features.train.values
        values[5] = value
        let broken = ProbeFeatures(
            name: "last1", train: FeatureMatrix(rows: 30, columns: 2, values: values), test: data.features.test)
        let result = NearestNeighbours(neighbours: [1, 5, 31]).accuracies(
            of: broken, labels: data.labels, on: ReferenceBackend<Float>())
        #expect(result.count == 2)
        #expect(result.allSatisfy { $0.accuracy.isNaN })
    }

    @Test func heapKeepsTheBestInOrder() {
        var stream = RandomStream(seed: 1, purpose: .tests)
        // Few distinct values: many ties.
        let similarities = (0..<400).map { _ in Float(stream.integer(below: 9)) }
        var heap = NeighbourHeap(capacity: 37)
        similarities.withUnsafeBufferPointer {
            heap.scan(UnsafeBufferPointer(rebasing: $0[0..<150]), firstIndex: 0)
            heap.scan(UnsafeBufferPointer(rebasing: $0[150...]), firstIndex: 150)
        }
        let expected = similarities.indices.sorted {
            similarities[$0] > similarities[$1] || (similarities[$0] == similarities[$1] && $0 < $1)
        }.prefix(37)
        #expect(heap.sorted().map(\.index) == Array(expected))
    }

    private static func cosine(_ a: FeatureMatrix, _ i: Int, _ b: FeatureMatrix, _ j: Int) -> Double {
        var (product, left, right) = (0.0, 0.0, 0.0)
        for k in 0..<a.columns {
            let (x, y) = (Double(a.values[i * a.columns + k]), Double(b.values[j * b.columns + k]))
            product += x * y
            left += x * x
            right += y * y
        }
        return product / (left * right).squareRoot()
    }
}
