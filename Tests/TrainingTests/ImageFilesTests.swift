import CPUKernels
import Datasets
import Declarations
import ExperimentSpec
import Foundation
import Safetensors
import TestSupport
import Testing

@testable import Training

/// Runs on encoded images, wherever they lie.
@Suite struct ImageFilesTests {
    private func configuration(
        _ dataset: String, in tree: PictureTree, loaderThreads: Int? = 1, channels: Int = 3
    ) -> RunConfiguration {
        var configuration = TrainerTests.configuration(steps: 6)
        configuration.set("data.dataset", to: .text(dataset))
        configuration.set("data.folder", to: .text(tree.path))
        configuration.data.trainSubset = nil
        configuration.model.channels = channels
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (nil, nil)
        configuration.diagnostics.lidarObjects = 8
        configuration.resources.loaderThreads = loaderThreads
        return configuration
    }

    private func trainer(
        _ configuration: RunConfiguration, _ recorder: MemoryRecorder, threads: Int = 1
    ) throws -> Trainer<CPUBackend> {
        try Trainer(
            configuration, data: try DatasetSplits.load(configuration), backend: CPUBackend(), threads: threads,
            recorder: recorder)
    }

    private func train(_ configuration: RunConfiguration, threads: Int = 1) throws -> MemoryRecorder {
        let recorder = MemoryRecorder()
        #expect(try trainer(configuration, recorder, threads: threads).run { false } == .completed)
        return recorder
    }

    @Test("class folders, shards and lists of the same images give the same weights, with any threads")
    func sources() throws {
        let tree = try PictureTree()
        let reference = try train(configuration("image_folder", in: tree))
        #expect(reference.steps.count == 6 && reference.steps.allSatisfy { $0.metrics.loss.isFinite })
        for (dataset, threads) in [("image_folder", 3), ("tar", 1), ("tar", 4), ("list", 2)] {
            let other = try train(configuration(dataset, in: tree, loaderThreads: threads), threads: 2)
            #expect(other.checkpoints[6] == reference.checkpoints[6], "\(dataset) with \(threads) threads")
            #expect(other.evaluations.map(\.metrics.count) == reference.evaluations.map(\.metrics.count))
        }
        let grey = try train(configuration("image_folder", in: tree, channels: 1))
        #expect(grey.steps.map(\.metrics.loss) != reference.steps.map(\.metrics.loss))
    }

    @Test("a run on files that is interrupted and resumed ends as an unbroken one", arguments: ["image_folder", "tar"])
    func resumes(dataset: String) throws {
        let tree = try PictureTree()
        let settings = configuration(dataset, in: tree, loaderThreads: 3)
        let unbroken = try train(settings)
        let (first, second) = (MemoryRecorder(), MemoryRecorder())
        #expect(try trainer(settings, first).run { first.steps.count == 3 } == .interrupted)
        let resumed = try trainer(settings, second, threads: 2)
        try resumed.resume(fromStep: 3, tensors: try #require(first.checkpoints[3]))
        #expect(try resumed.run { false } == .completed)
        #expect(second.checkpoints[6] == unbroken.checkpoints[6])
    }

    /// The training and test images of a tree in one file.
    private func pack(_ tree: PictureTree, _ settings: PackSettings, _ names: String...) throws {
        let folder = try DatasetSplits.load(configuration("image_folder", in: tree))
        let splits = [("train", folder.train), ("test", folder.test)].map { name, images in
            PackJob.Split(name: name, images: images) { images.name(of: $0) ?? "" }
        }
        let job = try PackJob(
            splits, classNames: folder.train.classNames, settings: settings, paths: names.map(tree.file))
        _ = try job.run(threads: 2, replaces: true) { _ in }
    }

    @Test("a pack of pixels at their size gives the weights of the folder it was made of, in one file or in three")
    func packed() throws {
        let tree = try PictureTree()
        let reference = try train(configuration("image_folder", in: tree))
        let plain = PackSettings(encoding: .raw, shortSide: nil)
        try pack(tree, plain, "one.pack")
        try pack(tree, plain, "part-0.pack", "part-1.pack", "part-2.pack")
        for (files, threads) in [("one.pack", 1), ("one.pack", 3), ("part-?.pack", 2), ("one.pack", nil)] {
            var settings = configuration("pack", in: tree, loaderThreads: threads)
            settings.set("data.files", to: .list([.text(files)]))
            let other = try train(settings, threads: 2)
            #expect(other.checkpoints[6] == reference.checkpoints[6], "\(files) with \(threads ?? 0) threads")
            #expect(other.evaluations.map(\.metrics.count) == reference.evaluations.map(\.metrics.count))
        }
    }

    @Test("a run on packed JPEGs that is interrupted and resumed ends as an unbroken one")
    func packedResumes() throws {
        let tree = try PictureTree()
        try pack(tree, PackSettings(encoding: .jpeg, shortSide: 24), "photos.pack")
        let settings = configuration("pack", in: tree, loaderThreads: 2)
        let unbroken = try train(settings)
        let (first, second) = (MemoryRecorder(), MemoryRecorder())
        #expect(try trainer(settings, first).run { first.steps.count == 3 } == .interrupted)
        let resumed = try trainer(settings, second, threads: 2)
        try resumed.resume(fromStep: 3, tensors: try #require(first.checkpoints[3]))
        #expect(try resumed.run { false } == .completed)
        #expect(second.checkpoints[6] == unbroken.checkpoints[6])
    }

    @Test("an image that vanishes while a run trains is named with what to do")
    func vanished() throws {
        let tree = try PictureTree()
        let settings = configuration("image_folder", in: tree)
        let data = try DatasetSplits.load(settings)
        let recorder = MemoryRecorder()
        let trainer = try Trainer(settings, data: data, backend: CPUBackend(), threads: 1, recorder: recorder)
        let error = try #require(throws: DatasetError.self) {
            _ = try trainer.run {
                if recorder.steps.count == 1 { try? FileManager.default.removeItem(atPath: tree.file("train")) }
                return false
            }
        }
        #expect(error.place.hasPrefix(tree.file("train/")) && error.problem.contains("No such file"))
        #expect(error.remedy.hasPrefix("put it back"))
        // What was done before it is not lost.
        #expect(!recorder.steps.isEmpty)
    }

    @Test("training images without classes are refused for the probes, and trained on with others for them")
    func unlabelled() throws {
        let tree = try PictureTree()
        var settings = configuration("list", in: tree)
        settings.set("data.train_labels_used", to: .boolean(false))
        let error = try #require(throws: DatasetError.self) { _ = try train(settings) }
        #expect(error.problem == "the images have no classes, which kNN and the linear probe need")
        settings.set("data.probe_list", to: .text("test.txt"))
        let probed = try train(settings)
        // Classes do not matter to training.
        let labelled = try train(configuration("list", in: tree))
        #expect(probed.checkpoints[6] == labelled.checkpoints[6])
    }
}
