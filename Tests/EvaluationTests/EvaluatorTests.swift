import Diagnostics
import Evaluation
import Kernels
import Testing

@Suite struct EvaluatorTests {
    private let evaluator = Evaluator(
        backend: ReferenceBackend<Float>(), nearestNeighbours: NearestNeighbours(neighbours: [10, 20, 1000]),
        linearProbe: LinearProbe(
            learningRates: [0.01, 0.1], weightDecays: [0], epochs: 4, batchSize: 32, heldOut: 0.2, seed: 1))
    private let last1 = ClusteredFeatures(train: 150, test: 70, columns: 4, classes: 3, noise: 1, seed: 1)

    @Test func reportsEveryMetricUnderItsName() throws {
        let last4 = ProbeFeatures(name: "last4", train: last1.features.train, test: last1.features.test)
        let result = evaluator.evaluate([last1.features, last4], labels: last1.labels)
        #expect(
            result.metrics.map(\.name) == [
                "knn_10", "knn_20", "linear", "linear_last1", "linear_last1_bn", "linear_last4", "linear_last4_bn",
            ])
        #expect(result.metrics.allSatisfy { $0.value >= 0 && $0.value <= 1 })
        #expect(result.heads.count == 8)
        #expect(result["linear"] == HeadResult.chosen(from: result.heads)?.testAccuracy)
        // Equal features under two names: equal answers.
        #expect(result["linear_last1_bn"] == result["linear_last4_bn"])
    }

    @Test func everyAccuracyHasTheClassesBehindIt() throws {
        let result = evaluator.evaluate([last1.features], labels: last1.labels)
        #expect(result.predictions.map(\.name) == result.metrics.map(\.name))
        for (name, classes) in result.predictions {
            try #require(classes.count == last1.labels.test.count, "\(name)")
            let right = zip(classes, last1.labels.test).count { $0 == $1 }
            #expect(Double(right) / Double(classes.count) == result[name], "\(name)")
        }
    }

    @Test func linearProbeIsLeftOutOnRequest() {
        let result = evaluator.evaluate([last1.features], labels: last1.labels, includeLinear: false)
        #expect(result.metrics.map(\.name) == ["knn_10", "knn_20"])
        #expect(result.heads.isEmpty)
    }

    @Test func pixelsAreProbedByTheSameCode() {
        let floors = evaluator.pixelFloors(
            train: last1.features.train, test: last1.features.test, labels: last1.labels)
        let features = evaluator.evaluate([last1.features], labels: last1.labels)
        #expect(
            floors.metrics.map(\.name) == [
                "pixel_knn_10", "pixel_knn_20", "pixel_linear", "pixel_linear_raw", "pixel_linear_raw_bn",
            ])
        #expect(floors.metrics.map(\.value) == features.metrics.map(\.value))
    }

    @Test func brokenFeaturesGiveNaNThroughout() {
        let broken = FeatureMatrix(rows: 150, columns: 4, values: Array(repeating: .nan, count: 600))
        let result = evaluator.evaluate(
            [ProbeFeatures(name: "last1", train: broken, test: last1.features.test)], labels: last1.labels)
        #expect(result.metrics.count == 5)
        #expect(result.metrics.allSatisfy { $0.value.isNaN })
        #expect(result.predictions.isEmpty)
    }
}
