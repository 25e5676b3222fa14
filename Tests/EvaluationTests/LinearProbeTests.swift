import Diagnostics
import Kernels
import TensorCore
import TestSupport
import Testing

@testable import Evaluation

@Suite struct LinearProbeTests {
    @Test("logits and accuracies agree with numpy", arguments: 0..<4)
    func golden(index: Int) throws {
        let golden = try GoldenEvaluation.load()
        let probe = golden.probes[index]
        let settings = golden.settings(of: probe)
        let fit = settings.split(golden.train_labels.count).fit
        #expect(fit == golden.probe_settings.fit)
        let heads = LinearHeads(
            features: golden.features.train.selecting(rows: fit), labels: fit.map { golden.train_labels[$0] },
            classes: golden.classes, batchNorm: probe.batch_norm, settings: settings,
            on: ReferenceBackend<Double>())
        heads.train()
        let error = relativeError(heads.logits(of: golden.features.test), probe.logits)
        #expect(error <= 1e-6, "\(probe.name)")

        let results = settings.heads(of: [golden.features], labels: golden.labels, on: ReferenceBackend<Float>())
            .filter { $0.batchNorm == probe.batch_norm }
        #expect(results.map(\.heldOutAccuracy) == probe.held_out_accuracies)
        #expect(results.map(\.testAccuracy) == probe.test_accuracies)
        #expect(results.map(\.learningRate) == [0.03, 0.03, 0.3, 0.3])
        #expect(results.map(\.weightDecay) == [0, 0.05, 0, 0.05])
    }

    private static let settings = LinearProbe(
        learningRates: [0.01, 0.3], weightDecays: [0, 1e-3], epochs: 8, batchSize: 32, heldOut: 0.2, seed: 3)

    @Test func headsAreTrainedAsIfAlone() {
        let data = ClusteredFeatures(train: 200, test: 80, columns: 6, classes: 3, noise: 1.5, seed: 1)
        let together = Self.settings.heads(
            of: [data.features], labels: data.labels, on: ReferenceBackend<Double>())
        for head in together {
            var alone = Self.settings
            alone.learningRates = [head.learningRate]
            alone.weightDecays = [head.weightDecay]
            let result = alone.heads(of: [data.features], labels: data.labels, on: ReferenceBackend<Double>())
            #expect(result.contains(head))
        }
    }

    @Test func resultDoesNotDependOnThreads() {
        let data = ClusteredFeatures(train: 150, test: 60, columns: 4, classes: 3, noise: 1, seed: 2)
        let wide = ClusteredFeatures(
            train: 150, test: 60, columns: 9, classes: 3, noise: 1, seed: 3, name: "last4")
        let features = [data.features, wide.features]
        let one = Self.settings.heads(of: features, labels: data.labels, on: ReferenceBackend<Float>(), threads: 1)
        let many = Self.settings.heads(of: features, labels: data.labels, on: ReferenceBackend<Float>(), threads: 8)
        #expect(one == many)
        #expect(one.count == 16)
        #expect(one.map(\.kind).filter { $0 == "last4_bn" }.count == 4)
    }

    @Test func separableClassesAreLearned() {
        let data = ClusteredFeatures(train: 400, test: 200, columns: 8, classes: 4, noise: 0.3, seed: 4)
        let heads = Self.settings.heads(of: [data.features], labels: data.labels, on: ReferenceBackend<Float>())
        #expect((HeadResult.chosen(from: heads)?.testAccuracy ?? 0) > 0.95)
    }

    @Test("collapsed features do not crash and are finite", arguments: [0x1p-20, 0x1p-100, 0] as [Float])
    func tinyScale(scale: Float) {
        let data = ClusteredFeatures(train: 120, test: 50, columns: 5, classes: 3, scale: scale, seed: 5)
        let heads = Self.settings.heads(of: [data.features], labels: data.labels, on: ReferenceBackend<Float>())
        #expect(heads.allSatisfy { $0.testAccuracy >= 0 && $0.testAccuracy <= 1 })
    }

    @Test func batchNormRestoresFeaturesThatShrank() {
        // A standard deviation of about 0.01, as collapsed runs show: the raw probe loses, the standardised one not.
        let data = ClusteredFeatures(
            train: 400, test: 200, columns: 8, classes: 4, noise: 0.3, scale: 0.01, seed: 4)
        var settings = Self.settings
        settings.learningRates = [0.01]
        let heads = settings.heads(of: [data.features], labels: data.labels, on: ReferenceBackend<Float>())
        let standardised = HeadResult.chosen(from: heads.filter(\.batchNorm))?.testAccuracy ?? .nan
        #expect(standardised > 0.95)
    }

    @Test("features that are not finite have no accuracy", arguments: [Float.nan, -.infinity])
    func nonFinite(value: Float) {
        let data = ClusteredFeatures(train: 40, test: 20, columns: 2, classes: 2, seed: 7)
        var values = data.features.test.values
        values[3] = value
        let broken = ProbeFeatures(
            name: "last1", train: data.features.train, test: FeatureMatrix(rows: 20, columns: 2, values: values))
        let heads = Self.settings.heads(of: [broken], labels: data.labels, on: ReferenceBackend<Float>())
        #expect(heads.count == 8)
        #expect(heads.allSatisfy { $0.heldOutAccuracy.isNaN && $0.testAccuracy.isNaN })
        #expect(HeadResult.chosen(from: heads) == nil)
    }

    @Test func aHeadThatDivergesIsReportedAndNotChosen() {
        let data = ClusteredFeatures(train: 100, test: 40, columns: 3, classes: 2, noise: 0.2, scale: 100, seed: 8)
        var settings = Self.settings
        settings.learningRates = [0.001, 1e38]
        settings.weightDecays = [1]
        let heads = settings.heads(of: [data.features], labels: data.labels, on: ReferenceBackend<Float>())
            .filter { !$0.batchNorm }
        #expect(heads[1].heldOutAccuracy.isNaN)
        #expect(HeadResult.chosen(from: heads) == heads[0])
        #expect(heads[0].testAccuracy > 0.9)
    }

    @Test func theChoiceNeverLooksAtTheTestSet() {
        func head(_ heldOut: Double, _ test: Double) -> HeadResult {
            HeadResult(
                features: "last1", batchNorm: false, learningRate: test, weightDecay: 0, heldOutAccuracy: heldOut,
                testAccuracy: test)
        }
        let heads = [head(.nan, 1), head(0.5, 0.9), head(0.7, 0.2), head(0.7, 0.8)]
        #expect(HeadResult.chosen(from: heads) == heads[2])
        #expect(HeadResult.chosen(from: []) == nil)
    }

    @Test("every row is trained on or held out, once", arguments: [(2, 0.0), (10, 0.1), (10, 0.99), (103, 0.3)])
    func split(count: Int, share: Double) {
        var settings = Self.settings
        settings.heldOut = share
        let (fit, held) = settings.split(count)
        #expect((fit + held).sorted() == Array(0..<count))
        #expect(!fit.isEmpty && !held.isEmpty)
        #expect(abs(held.count - Int((share * Double(count)).rounded())) <= 1)
        settings.seed += 1
        #expect(count < 10 || settings.split(count).heldOut != held || share > 0.9)
    }

    @Test func oneTrainingRowIsNotEnough() {
        let features = ProbeFeatures(
            name: "last1", train: FeatureMatrix(rows: 1, columns: 2, values: [1, 2]),
            test: FeatureMatrix(rows: 1, columns: 2, values: [1, 2]))
        let heads = Self.settings.heads(
            of: [features], labels: ProbeLabels(train: [0], test: [0]), on: ReferenceBackend<Float>())
        #expect(heads.allSatisfy { $0.testAccuracy.isNaN })
    }
}
