import CPUKernels
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import Kernels
import Networks
import Objectives
import Safetensors
import TensorCore
import TestSupport
import Testing
import Training

/// A predictor that only these tests know, from the spec to a resumed run.
@Suite struct OpenPredictorTests {
    private static let catalogue = Catalogue(predictors: Predictors.standard + [PlacePredictor.self])

    private func withPlace<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Catalogue.$current.withValue(Self.catalogue, operation: body)
    }

    private static let header = """
        question: Does it train?
        seeds: [0]
        data: {dataset: fashion_mnist_sample, train_subset: 64}
        model: {preset: custom, width: 16, depth: 2, heads: 2, image_size: 28, patch_size: 4, channels: 1, init: xavier}
        masks.min_keep: 4
        training: {batch_size: 16, steps: 4}
        evaluation: {knn: {k: [5]}, train_images: 100, test_images: 50, linear.epochs: 1}
        diagnostics: {patch_rows: 100, lidar_objects: 10, gradient_norms_every: 2}

        """

    private static let place = "model.predictor: {kind: place, rank: 3}\n"

    private func load(_ text: String) throws -> Experiment {
        let folder = try TemporaryFolder()
        let file = folder.file("trial.spec")
        try (Self.header + text).write(toFile: file, atomically: true, encoding: .utf8)
        return try withPlace { try Experiment.load(path: file) }
    }

    private func configuration(_ text: String) throws -> RunConfiguration {
        try #require(try load(text).runs.first).configuration
    }

    // MARK: Specs

    @Test func aSpecChoosesItAndItsKeyIsStoredAndReadBack() throws {
        let configuration = try configuration(Self.place)
        try withPlace {
            #expect(configuration.predictor is PlacePredictor)
            #expect(configuration.canonicalJSON().contains(#""kind":"place","rank":3"#))
            #expect(configuration.yaml().contains("  predictor:\n    kind: place\n"))
            // Those of another kind are filled in alike, so arms differ in the kind alone.
            #expect(configuration.value(of: "model.predictor.heads") == 2)
            let data = try JSONEncoder().encode(configuration)
            #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
        }
    }

    @Test func presetsSetTheSizesOfThePredictorThatHasThem() {
        let plain = RunConfiguration()
        var configuration = plain
        configuration.apply(.large)
        #expect(configuration.value(of: "model.predictor.depth") == 12 && configuration.model.width == 1024)
        configuration.apply(.tiny)
        #expect(configuration == plain)
        // A program without that kind has no such keys.
        Catalogue.$current.withValue(Catalogue(predictors: [PlacePredictor.self])) {
            configuration.apply(.large)
            #expect(configuration.model.depth == 24 && configuration.declared.isEmpty)
        }
    }

    @Test func aRunWithoutItKeepsItsHashAndOneWithItHasItsOwn() throws {
        let plain = try configuration("")
        let unused = try configuration("model.predictor.rank: 7\n")
        let used = try configuration("model.predictor.kind: place\n")
        let other = try configuration(Self.place)
        let unread = try configuration("model.predictor: {kind: place, width: 24}\n")
        let known = plain.configurationHash()
        let none = try configuration("model.predictor.kind: none\n")
        let expected = none.configurationHash()
        withPlace {
            #expect(plain.configurationHash() == known && unused.configurationHash() == known)
            #expect(none.configurationHash() == expected)
            #expect(Set([plain, used, other, none].map { $0.configurationHash() }).count == 4)
            #expect(unread.configurationHash() == used.configurationHash())
            #expect(!used.identityJSON().contains("rank") && other.identityJSON().contains(#""rank":3"#))
        }
    }

    @Test(arguments: [
        ("model.predictor.kind: plcae\n", "model.predictor.kind", "expected one of transformer, none, place"),
        ("model.predictor.rank: 0\n", "model.predictor.rank", "0 is out of range: must be ≥ 1"),
        (
            "model.predictor: {kind: place, rank: 20}\n", "model.predictor.rank",
            "a rank of 20 is above the width 16"
        ),
        ("model.predictor.heads: 7\n", "model.predictor.heads", "7 heads do not divide the width 384"),
        (
            "objective.vicreg.weight: 1\nmodel.predictor.kind: none\n", "objective.vicreg.pairs",
            "with model.predictor.kind: none the predictions of all blocks are equal"
        ),
    ])
    func mistakesAreRefusedAtTheirKey(text: String, key: String, message: String) throws {
        do {
            _ = try load(text)
            Issue.record("\(text) was accepted")
        } catch let errors as SpecErrors {
            let error = try #require(errors.errors.first)
            #expect(error.keyPath == key && error.message.contains(message), "\(error)")
        }
        // What another kind would not accept is no fault of this one.
        _ = try load("model.predictor: {kind: place, heads: 7}\nobjective.vicreg.weight: 1\n")
    }

    @Test func documentationSchemaAndSuggestionsHaveItsKey() throws {
        try withPlace {
            let table = SpecKey.markdownTable()
            #expect(
                table.contains("| `model.predictor.rank` | whole number, ≥ 1, ≤ 1024 | `4` | Rank of the map. |"))
            #expect(table.contains("| `model.predictor.kind` | transformer, none, place | `transformer` |"))
            #expect(table.contains("place: a map of the mean context feature, and a vector for each place."))
            let schema = try #require(
                JSONSerialization.jsonObject(with: Data(ExperimentSchema.json().utf8)) as? [String: Any])
            let properties = try #require(schema["properties"] as? [String: Any])
            #expect(properties["model.predictor.rank"] != nil)
        }
        do {
            _ = try load("bottleneck: 2\n")
            Issue.record("bottleneck was accepted")
        } catch let errors as SpecErrors {
            #expect(errors.errors.first?.nearest == "model.predictor.rank")
        }
        #expect(!SpecKey.markdownTable().contains("model.predictor.rank"))
    }

    @Test func costsAreItsOwn() throws {
        let (place, none) = (try configuration(Self.place), try configuration("model.predictor.kind: none\n"))
        withPlace {
            let (cost, free) = (CostEstimate(place), CostEstimate(none))
            #expect(free.predictorParameters == 0)
            #expect(cost.predictorParameters == 16 * 3 + 3 + 3 * 16 + 16 + 49 * 16)
            #expect(cost.flopsPerStep - free.flopsPerStep == Double(16 * 3 * 4 * 3 * 16))
            let flops = StepFLOPs(place, contextPatches: 9, targetPatches: 5)
            #expect(flops.predictorForward == 16 * 4 * 3 * 16 && flops.predictorBackward == 2 * flops.predictorForward)
            // Shards keep the means and the values of the map besides.
            #expect(cost.stepMemoryBytes > free.stepMemoryBytes)
            #expect(place.hasCost)
        }
    }

    // MARK: Training

    /// A step in Double: 5 images of 1×8×8, patch 2, D 8, three target blocks, two shards on two threads.
    private struct Fixture {
        let backend = ReferenceBackend<Double>()
        let networks: MethodNetworks
        let step: TrainingStep<ReferenceBackend<Double>>
        let batch: StepBatch
        let state: TrainingState<ReferenceBackend<Double>>

        init(rounds: Int = 1) {
            let encoder = VisionTransformer(
                .init(imageSize: 8, patchSize: 2, channels: 1, width: 8, depth: 2, heads: 2))
            let predictor = PlacePredictor(
                Settings(PlacePredictor.keys, ["rank": 3]), EncoderSummary(width: 8, heads: 2, mlpRatio: 4, grid: 4),
                recomputes: false)
            networks = MethodNetworks(encoder: encoder, predictor: predictor)
            var random = RandomStream(seed: 3, purpose: .tests)
            let images = HostBuffer((0..<(5 * 64)).map { _ in Float(random.normal()) })
            func places(_ count: Int) -> [Int32] {
                var all = Array(0..<Int32(16))
                random.shuffle(&all)
                return all.prefix(count).sorted()
            }
            let context = (0..<5).flatMap { _ in places(4) }
            let targets = (0..<15).flatMap { _ in places(3) }
            batch = StepBatch(
                images: .whole(images), imageCount: 5, context: context, targets: targets, blockCount: 3)
            let shards = rounds == 1 ? 2 : 5
            step = TrainingStep(
                networks,
                objective: StepObjective(
                    prediction: SquaredError(),
                    terms: [ObjectiveTerm(VICReg(), weight: WeightSchedule(0.1), views: .predictions)]),
                targetRule: MovingAverageTarget(),
                limits: StepLimits(
                    imageCount: 5, blockCount: 3, contextCount: 4, targetCount: 3, shards: shards, rounds: rounds),
                backend: backend, threads: 2)
            let (networks, backend) = (networks, backend)
            state = TrainingState(networks, targetIsSeparate: true, on: backend) { online in
                networks.initialize(online, seed: 5, scheme: .xavier, rescaled: false, on: backend)
                backend.store(
                    backend.values(of: online).map { $0 == 0 ? 0 : $0 + 0.05 * random.normal() }, in: online)
            }
        }

        func slope(at index: Int, _ parameters: [Double]) throws -> Double {
            let h = 1e-5
            let loss = { (shift: Double) in
                var moved = parameters
                moved[index] += shift
                backend.store(moved, in: state.online)
                return try step.evaluate(batch, state: state).loss
            }
            defer { backend.store(parameters, in: state.online) }
            return try (loss(h) - loss(-h)) / (2 * h)
        }
    }

    @Test(arguments: [1, 2]) func theGradientOfAStepAgreesWithCentralDifferences(rounds: Int) throws {
        let fixture = Fixture(rounds: rounds)
        #expect(fixture.networks.sections.map(\.name) == ["encoder", "predictor"])
        let (_, flat) = try fixture.step.gradients(fixture.batch, state: fixture.state)
        let analytic = fixture.backend.values(of: flat)
        let parameters = fixture.backend.values(of: fixture.state.online)
        var random = RandomStream(seed: 11, purpose: .tests)
        for section in fixture.networks.sections {
            for entry in section.layout.entries {
                let start = section.offset + entry.slot.offset
                let largest = (0..<entry.slot.shape.count).map { abs(analytic[start + $0]) }.max() ?? 0
                for _ in 0..<3 {
                    let index = start + random.integer(below: entry.slot.shape.count)
                    let numeric = try fixture.slope(at: index, parameters)
                    let error = abs(numeric - analytic[index]) / max(largest, 1e-3)
                    #expect(error <= 1e-5, "\(section.name).\(entry.name): \(analytic[index]) for \(numeric)")
                }
            }
        }
        // What is planned is what a step uses.
        let elements = fixture.step.workspaceElements
        #expect((elements.shards + elements.threads).allSatisfy { $0.used <= $0.planned })
        #expect(elements.shards.allSatisfy { Double($0.used) >= 0.9 * Double($0.planned) }, "\(elements)")
    }

    private static let data = Result {
        try DatasetSplits.load(OpenPredictorTests().configuration(""))
    }

    private func trainer(_ configuration: RunConfiguration, _ recorder: Recorder) throws -> Trainer<CPUBackend> {
        try withPlace {
            try Trainer(
                configuration, data: Self.data.get(), backend: CPUBackend(), threads: 2, recorder: recorder)
        }
    }

    @Test(arguments: ["float32", "bf16"]) func aRunTrainsItAndResumesToTheSameBits(precision: String) throws {
        let configuration = try configuration(Self.place + "training.precision: \(precision)\n")
        let whole = Recorder()
        #expect(try trainer(configuration, whole).run { false } == .completed)
        #expect(whole.steps.allSatisfy { $0.metrics.loss.isFinite && $0.metrics.predictorGradientNorm > 0 })
        #expect(whole.gradients.first?.terms.first?.predictorNorm.map { $0 > 0 } == true)
        let (first, last) = (try #require(whole.checkpoints[0]), try #require(whole.checkpoints[4]))
        let names = ["down.weight", "down.bias", "up.weight", "up.bias", "places"].map { "predictor.\($0)" }
        for name in names {
            let tensor = try #require(last[name])
            #expect(tensor != first[name], "\(name) was not trained")
        }
        #expect(last["predictor.places"]?.shape == [49, 16])
        let begun = Recorder()
        #expect(try trainer(configuration, begun).run { begun.steps.count == 2 } == .interrupted)
        let resumed = try trainer(configuration, begun)
        try resumed.resume(fromStep: 2, tensors: try #require(begun.checkpoints[2]))
        #expect(try resumed.run { false } == .completed)
        #expect(begun.checkpoints[4] == last)
        // A checkpoint of another kind is refused.
        let other = Recorder()
        let transformer = try trainer(try self.configuration("model.predictor: {width: 8, depth: 1}\n"), other)
        #expect(throws: TrainingError.self) { try transformer.resume(fromStep: 4, tensors: last) }
    }
}

private final class Recorder: RunRecorder {
    var steps: [StepRecord] = []
    var gradients: [GradientRecord] = []
    var checkpoints: [Int: [String: SafetensorsTensor]] = [:]

    func record(_ step: StepRecord) { steps.append(step) }
    func record(_ record: GradientRecord) { gradients.append(record) }
    func record(_ evaluation: EvaluationRecord) {}
    func record(_ record: EmbeddingRecord) {}
    func record(_ record: DiagnosticsRecord) {}
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) throws {
        checkpoints[step] = try tensors.mapValues { try $0.tensor() }
    }
    func enter(phase: String) {}
}
