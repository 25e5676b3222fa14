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
    private static let catalogue = Catalogue(
        imageCollections: Catalogue.imageCollections + [DrawnSquares.self, DrawnScenes.self])

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

    private func load(
        _ text: String, overrides: [String] = [], channels: Int = 1
    ) throws -> RunConfiguration {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("squares-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("trial.spec")
        let model = Self.model.replacingOccurrences(of: "channels: 1", with: "channels: \(channels)")
        try (model + text).write(to: file, atomically: true, encoding: .utf8)
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
        (
            "data.dataset=square", "data.dataset",
            "expected one of fashion_mnist, fashion_mnist_sample, idx, image_folder, list, tar, cifar10, cifar100, stl10, hdf5, hdf5_encoded, pack, scenes, squares, drawn_scenes"
        ),
        ("model.channels=2", "model.channels", "squares has grey images, but the model takes 2 channels"),
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
            #expect(SpecKey.markdownTable().contains("squares: squares, drawn where they are needed"))
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

    // MARK: Images that are not in memory

    private static let scenes = "data: {dataset: drawn_scenes}\ntraining: {batch_size: 16, steps: 6}\n"

    private func train(_ overrides: [String] = [], threads: Int = 2, channels: Int = 3) throws -> Recorder {
        let configuration = try load(Self.scenes, overrides: overrides, channels: channels)
        let recorder = Recorder()
        try withSquares {
            let trainer = try Trainer(
                configuration, data: try DatasetSplits.load(configuration), backend: CPUBackend(), threads: threads,
                recorder: recorder)
            #expect(try trainer.run { false } == .completed)
        }
        return recorder
    }

    @Test func picturesOfAllSizesWithoutClassesAreTrainedOnWithAnyThreads() throws {
        let reference = try train()
        #expect(reference.losses.count == 6 && reference.losses.allSatisfy { $0.isFinite && $0 > 0 })
        #expect(reference.accuracies.count == 4 && reference.accuracies.allSatisfy { $0.isFinite })
        #expect(reference.diagnoses.count == 2)
        let other = try train(["resources.loader_threads=3"], threads: 3)
        #expect(other.losses == reference.losses && other.accuracies == reference.accuracies)
        let grey = try train(channels: 1)
        #expect(grey.losses.count == 6 && grey.losses != reference.losses)
    }

    /// In training, among the images of probes, and among those that diagnostics look at.
    @Test(arguments: [7, 2011, 1003]) func aPictureThatCannotBeReadIsNamed(number: Int) throws {
        let error = try #require(throws: DatasetError.self) {
            _ = try train(["data.broken_scene=\(number)", "training.steps=12"])
        }
        #expect(error.place == "scene \(number)" && error.remedy == "draw another")
    }

    @Test func whatNeedsClassesSaysSoBeforeAnythingRuns() throws {
        let configuration = try load(Self.scenes, overrides: ["data.scene_classes=false"], channels: 3)
        try withSquares {
            let data = try DatasetSplits.load(configuration)
            let error = try #require(throws: DatasetError.self) {
                _ = try Trainer(configuration, data: data, backend: CPUBackend(), threads: 1, recorder: Recorder())
            }
            #expect(error.problem == "the images have no classes, which kNN and the linear probe need")
        }
    }

    @Test func batchesAreMadeAgainWithTheirCrops() throws {
        let configuration = try load(Self.scenes, channels: 3)
        try withSquares {
            var replay = try BatchReplay(RunSettings(configuration), data: try DatasetSplits.load(configuration))
            let batch = try replay.batch(2)
            #expect(batch.labels.allSatisfy { $0 == -1 } && Set(batch.crops.map(\.height)).count > 3)
        }
    }

    @Test func memoryDoesNotGrowWithImagesOnDisk() throws {
        let probes = ["evaluation.train_images=40", "evaluation.test_images=20"]
        let few = try load(Self.scenes, overrides: probes + ["data.scenes=1000"])
        let many = try load(Self.scenes, overrides: probes + ["data.scenes=10000000"])
        withSquares {
            let bytes = [few, many].map { configuration in
                CostEstimate(configuration, trainImages: configuration == few ? 1000 : 10_000_000, testImages: 20)
                    .memoryBytes
            }
            // An index of them is all.
            #expect(bytes[1] - bytes[0] <= 10_000_000 * 128)
        }
    }
}

private final class Recorder: RunRecorder {
    var losses: [Double] = []
    /// kNN accuracy at each evaluation.
    var accuracies: [Double] = []
    var diagnoses: [DiagnosticsRecord] = []

    func record(_ step: StepRecord) { losses += step.columns.filter { $0.0 == "loss" }.map { $0.1 } }
    func record(_ evaluation: EvaluationRecord) {
        accuracies += evaluation.metrics.filter { $0.name == "knn_5" }.map { $0.value }
    }
    func record(_ record: GradientRecord) {}
    func record(_ record: EmbeddingRecord) {}
    func record(_ record: DiagnosticsRecord) { diagnoses.append(record) }
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) {}
    func enter(phase: String) {}
}
