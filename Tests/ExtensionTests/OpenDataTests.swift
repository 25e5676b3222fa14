import CPUKernels
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import Safetensors
import Testing
import Training

/// A data set that only these tests know, from the spec to features that are probed.
@Suite struct OpenDataTests {
    private static let catalogue = Catalogue(imageCollections: ImageCollections.standard + [DrawnSquares.self])

    private func withSquares<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Catalogue.$current.withValue(Self.catalogue, operation: body)
    }

    private static let model = """
        question: Does it train?
        seeds: [0]
        model: {preset: custom, width: 16, depth: 2, heads: 2, image_size: 16, patch_size: 4, channels: 1, init: xavier}
        model.predictor: {width: 8, depth: 1, heads: 2}
        masks.min_keep: 0
        evaluation: {knn: {k: [5]}, linear.epochs: 1}
        diagnostics: {patch_rows: 50, lidar_objects: 10, gradient_norms_every: 0}

        """

    private func load(_ text: String, overrides: [String] = []) throws -> RunConfiguration {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("squares-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("trial.spec")
        try (Self.model + text).write(to: file, atomically: true, encoding: .utf8)
        let experiment = try withSquares { try Experiment.load(path: file.path, overrides: overrides) }
        return try #require(experiment.runs.first).configuration
    }

    private static let squares = "data: {dataset: squares, square_side: 6}\ntraining: {batch_size: 16, epochs: 2}\n"

    @Test func aSpecSetsItsKeysAndTheyAreStoredAndReadBack() throws {
        let configuration = try load(Self.squares)
        try withSquares {
            let squares = try #require(configuration.imageCollection as? DrawnSquares)
            #expect(squares.side == 6 && squares.count == 80)
            // Its images were counted, and no folder was asked for.
            #expect(configuration.training.steps == 2 * 5 && configuration.dataFolder == nil)
            #expect(configuration.classNames?.count == 4)
            let data = try JSONEncoder().encode(configuration)
            #expect(try JSONDecoder().decode(RunConfiguration.self, from: data) == configuration)
            #expect(configuration.yaml().contains("  square_side: 6\n"))
        }
    }

    @Test func itsKeysAreIdentityWhereItIsChosenAndThoseOfOthersAreNot() throws {
        let plain = try load(Self.squares)
        let changed = try load(Self.squares, overrides: ["data.square_side=7"])
        let foreign = try load(Self.squares, overrides: ["data.train_images=other.gz", "data.folder=/elsewhere"])
        let sample = "data: {dataset: fashion_mnist_sample}\ntraining: {batch_size: 16, steps: 10}\n"
        let other = try load(sample)
        let unused = try load(sample, overrides: ["data.square_side=7"])
        withSquares {
            #expect(plain.configurationHash() != changed.configurationHash())
            #expect(plain.configurationHash() == foreign.configurationHash())
            #expect(plain.configurationHash() != other.configurationHash())
            #expect(plain.dataIdentity != changed.dataIdentity && plain.dataIdentity == foreign.dataIdentity)
        }
        let known = other.configurationHash()
        withSquares { #expect(other.configurationHash() == known && unused.configurationHash() == known) }
    }

    @Test(arguments: [
        ("data.square_side=9", "data.square_side", "9 is out of range"),
        ("data.dataset=square", "data.dataset", "expected one of fashion_mnist, fashion_mnist_sample, idx, squares"),
        ("model.channels=3", "model.channels", "squares has grey images, but the model takes 3 channels"),
        ("data.train_subset=81", "data.train_subset", "a subset of 81 images, but there are only 80"),
        ("evaluation.test_images=21", "evaluation.test_images", "21 images, but there are only 20"),
        ("training.batch_size=81", "training.batch_size", "a batch of 81, but only 80 training images"),
        ("data.edge=3", "data.edge", "unknown key"),
    ])
    func mistakesAreRefusedAtTheirKey(setting: String, key: String, message: String) throws {
        do {
            _ = try load(Self.squares, overrides: [setting])
            Issue.record("\(setting) was accepted")
        } catch let errors as SpecErrors {
            let error = try #require(errors.errors.first)
            #expect(error.keyPath == key && error.message.contains(message), "\(error)")
        }
    }

    @Test func documentationAndSchemaHaveItsKeys() throws {
        try withSquares {
            #expect(SpecKey.markdownTable().contains("| `data.square_side` | whole number, ≥ 1, ≤ 8 | `5` |"))
            #expect(SpecKey.markdownTable().contains("squares: squares, drawn where they are needed."))
            let schema = try #require(
                JSONSerialization.jsonObject(with: Data(ExperimentSchema.json().utf8)) as? [String: Any])
            let properties = try #require(schema["properties"] as? [String: Any])
            #expect(properties["data.square_side"] != nil)
        }
        #expect(!SpecKey.markdownTable().contains("data.square"))
    }

    @Test func costsCountItsImages() throws {
        let (few, many) = (try load(Self.squares), try load(Self.squares, overrides: ["data.squares=800"]))
        withSquares {
            #expect(CostEstimate(few).imagesPerPass == 80 + 20 + 10 * 4)
            #expect(CostEstimate(many).imagesPerPass == 800 + 200 + 10 * 4)
            #expect(CostEstimate(many).memoryBytes > CostEstimate(few).memoryBytes)
        }
    }

    @Test func aRunTrainsOnItsImages() throws {
        let configuration = try load(Self.squares)
        let recorder = Recorder()
        try withSquares {
            let data = try DatasetSplits.load(configuration)
            #expect(data.train.count == 80 && data.test.count == 20 && data.train.name == "squares")
            let trainer = try Trainer(
                configuration, data: data, backend: CPUBackend(), threads: 2, recorder: recorder)
            #expect(try trainer.run { false } == .completed)
        }
        #expect(recorder.losses.count == 10 && recorder.losses.allSatisfy { $0.isFinite && $0 > 0 })
        // The quarter that a square is in is plain to see, whatever the weights.
        #expect(recorder.accuracies.count == 4 && recorder.accuracies.allSatisfy { $0 > 0.5 })
    }
}

private final class Recorder: RunRecorder {
    var losses: [Double] = []
    /// kNN accuracy at each evaluation.
    var accuracies: [Double] = []

    func record(_ step: StepRecord) { losses += step.columns.filter { $0.0 == "loss" }.map { $0.1 } }
    func record(_ evaluation: EvaluationRecord) {
        accuracies += evaluation.metrics.filter { $0.name == "knn_5" }.map { $0.value }
    }
    func record(_ record: GradientRecord) {}
    func record(_ record: EmbeddingRecord) {}
    func record(_ record: DiagnosticsRecord) {}
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) {}
    func enter(phase: String) {}
}
