import CPUKernels
import Datasets
import ExperimentSpec
import Foundation
import Safetensors
import TestSupport
import Testing
import Training

/// Short runs on small folders of records, from the spec to the weights.
@Suite struct RecordRunTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let model = """
        question: Does it train?
        seeds: [0]
        model: {preset: custom, width: 16, depth: 2, heads: 2, image_size: 16, patch_size: 4, channels: 3, init: xavier}
        model.predictor: {width: 8, depth: 1, heads: 2}
        masks.min_keep: 0
        training: {batch_size: 8, steps: 4}
        evaluation: {train_images: 12, test_images: 8, knn: {k: [3]}, linear.epochs: 1}
        diagnostics: {patch_rows: 20, lidar_objects: 4, gradient_norms_every: 0}

        """

    private func write(_ files: [String: [UInt8]], to name: String) throws {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        for (file, bytes) in files {
            try Data(bytes).write(to: URL(fileURLWithPath: folder.file("\(name)/\(file)")))
        }
    }

    /// Losses, then accuracies, then the weights of the last checkpoint.
    private func train(_ data: String, threads: Int) throws -> Weights {
        let file = folder.file("trial.spec")
        try (Self.model + "data: \(data)\n").write(toFile: file, atomically: true, encoding: .utf8)
        let experiment = try Experiment.load(path: file)
        let configuration = try #require(experiment.runs.first).configuration
        let recorder = Weights()
        let trainer = try Trainer(
            configuration, data: try DatasetSplits.load(configuration), backend: CPUBackend(), threads: threads,
            recorder: recorder)
        #expect(try trainer.run { false } == .completed)
        #expect(recorder.losses.count == 4 && recorder.losses.allSatisfy { $0.isFinite && $0 > 0 })
        #expect(recorder.accuracies.count == 4 && recorder.tensors.count > 20)
        return recorder
    }

    @Test func cifarGivesTheSameWeightsFromBinaryFilesAndFromPickles() throws {
        try write(SmallCIFAR.binary(images: 8), to: "binary")
        try write(SmallCIFAR.pickled(images: 8), to: "pickled")
        let one = try train("{dataset: cifar10, folder: binary}", threads: 1)
        let other = try train("{dataset: cifar10, folder: pickled}", threads: 2)
        #expect(one.losses == other.losses && one.accuracies == other.accuracies)
        #expect(one.tensors == other.tensors)
        // The comparison can tell two runs apart.
        try write(SmallCIFAR.binary(images: 9), to: "others")
        #expect(try train("{dataset: cifar10, folder: others}", threads: 1).tensors != one.tensors)
    }

    @Test func stlTrainsWithoutLabelsAndProbesLabelledImages() throws {
        let size = STL10Folder.imageSize
        func images(_ numbers: Range<Int>) -> [UInt8] {
            numbers.flatMap { image in (0..<size).map { UInt8((image * 31 + $0 * (1 + image % 3)) % 253) } }
        }
        try write(
            [
                "train_X.bin": images(0..<12), "train_y.bin": (0..<12).map { UInt8($0 % 3 + 1) },
                "test_X.bin": images(12..<20), "test_y.bin": (12..<20).map { UInt8($0 % 3 + 1) },
                "unlabeled_X.bin": images(20..<40),
                "class_names.txt": Array((0..<10).map { "class \($0)" }.joined(separator: "\n").utf8),
            ], to: "stl")
        _ = try train("{dataset: stl10, folder: stl}", threads: 2)
    }
}

private final class Weights: RunRecorder {
    var losses: [Double] = []
    /// kNN accuracy at each evaluation.
    var accuracies: [Double] = []
    var tensors: [String: Data] = [:]

    func record(_ step: StepRecord) { losses += step.columns.filter { $0.0 == "loss" }.map { $0.1 } }
    func record(_ evaluation: EvaluationRecord) {
        accuracies += evaluation.metrics.filter { $0.name == "knn_3" }.map { $0.value }
    }
    func record(_ record: GradientRecord) {}
    func record(_ record: EmbeddingRecord) {}
    func record(_ record: DiagnosticsRecord) {}
    func checkpoint(step: Int, tensors: [String: SafetensorsSource], counters: [String: String]) throws {
        self.tensors = try tensors.mapValues { try $0.tensor().bytes }
    }
    func enter(phase: String) {}
}
