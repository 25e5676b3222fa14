import Declarations
import Diagnostics
import Evaluation
import Kernels
import Testing

@Suite struct EvaluatorTests {
    private let evaluator = Evaluator(
        backend: ReferenceBackend<Float>(),
        tasks: [
            Self.task(NearestNeighboursTask.self, ["k": [10, 20, 1000]]),
            Self.task(
                LinearProbeTask.self,
                [
                    "lr": [0.01, 0.1], "weight_decay": [0.0], "epochs": 4, "batch_size": 32, "held_out": 0.2,
                    "intermediate": false,
                ]),
        ])
    private let last1 = ClusteredFeatures(train: 150, test: 70, columns: 4, classes: 3, noise: 1, seed: 1)

    private static func task(_ type: any EvaluationTask.Type, _ values: [String: SpecValue]) -> RunTask {
        RunTask(type, Settings(type.declaration.keys, values), seed: 1)
    }

    @Test func reportsEveryMetricUnderItsName() throws {
        let last4 = ProbeFeatures(name: "last4", train: last1.features.train, test: last1.features.test)
        let result = evaluator.evaluate([last1.features, last4], labels: last1.labels)
        #expect(
            result.metrics.map(\.name) == [
                "knn_10", "knn_20", "linear", "linear_last1", "linear_last1_bn", "linear_last4", "linear_last4_bn",
            ])
        #expect(result.metrics.allSatisfy { $0.value >= 0 && $0.value <= 1 })
        let details = try #require(result.details.first)
        let columns = try #require(LinearProbeTask.declaration.details.first).columns.map(\.name)
        #expect(details.table == "linear_heads" && details.rows.count == 8)
        #expect(details.rows.allSatisfy { $0.count == columns.count })
        #expect(details.rows.map { $0[0] } == [1, 1, 1, 1, 4, 4, 4, 4])
        // The head that is best on held-out images.
        let (heldOut, test) = (columns.firstIndex(of: "held_out_accuracy"), columns.firstIndex(of: "test_accuracy"))
        let best = try #require(details.rows.map { $0[heldOut ?? 0] }.max())
        let chosen = try #require(details.rows.first { $0[heldOut ?? 0] == best })
        #expect(result["linear"] == chosen[test ?? 0] && result.isComplete)
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

    @Test func tasksThatDoNotRunBetweenLeaveGapsInTheirColumns() {
        let last4 = ProbeFeatures(name: "last4", train: last1.features.train, test: last1.features.test)
        let between = evaluator.evaluate([last1.features, last4], labels: last1.labels, isIntermediate: true)
        let whole = evaluator.evaluate([last1.features, last4], labels: last1.labels)
        #expect(between.metrics.map(\.name) == whole.metrics.map(\.name))
        #expect(between.metrics.prefix(2).map(\.value) == whole.metrics.prefix(2).map(\.value))
        #expect(between.metrics.dropFirst(2).allSatisfy { $0.value.isNaN })
        #expect(between.details.isEmpty && !between.isComplete)
    }

    @Test func whatATaskDeclaresIsWhatItMeasures() throws {
        let last4 = ProbeFeatures(name: "last4", train: last1.features.train, test: last1.features.test)
        let result = evaluator.evaluate([last1.features, last4], labels: last1.labels)
        let declared = evaluator.tasks.flatMap { $0.task.metrics(trainingImages: 150) }
        #expect(result.metrics.map(\.name) == declared.map(\.name))
        for type in EvaluationTasks.standard {
            let metrics = type.init(Settings(type.declaration.keys), seed: 0).metrics(trainingImages: nil)
            #expect(metrics.map { type.metric(named: $0.name) } == metrics)
            #expect(metrics.contains { $0.name == type.declaration.mainMetric })
        }
        #expect(NearestNeighboursTask.representative(among: ["knn_100", "loss", "knn_5"])?.name == "knn_5")
        #expect(NearestNeighboursTask.representative(among: ["knn_5", "knn_20"])?.title == "20-NN")
        #expect(LinearProbeTask.representative(among: ["knn_5"]) == nil)
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
