import CPUKernels
import Datasets
import Diagnostics
import ExperimentSpec
import Kernels
import Masking
import Safetensors
import TensorCore
import Testing

@testable import Training

/// A batch that is made again is the very one that training sees.
@Suite struct BatchReplayTests {
    private static let data = TrainerTests.data

    private static var configuration: RunConfiguration {
        var configuration = TrainerTests.configuration(steps: 7)
        configuration.seed = 3
        configuration.resources.checkpointSteps = 1
        return configuration
    }

    @Test("it is what the loader and the sampler give the step, whatever the order in which steps are asked for")
    func loader() throws {
        let settings = try RunSettings(Self.configuration)
        var replay = try BatchReplay(settings, data: Self.data)
        let parts = [0..<4, 4..<16]
        let loader = try BatchLoader(
            dataset: settings.trainingImages(of: Self.data),
            settings: BatchLoaderSettings(Self.configuration, parts: parts, steps: 0..<7))
        var loaded: [(images: [Float], indices: [Int32], epoch: Int)] = []
        for _ in 0..<7 {
            var images: [Float] = []
            var (indices, epoch): ([Int32], Int) = ([], 0)
            for part in parts {
                let batch = try loader.next()
                images += batch.images.array.prefix(part.count * 784)
                (indices, epoch) = (batch.indices.array, batch.epoch)
                loader.recycle(batch)
            }
            loaded.append((images, indices, epoch))
        }
        let training = try settings.trainingImages(of: Self.data)
        for step in [6, 0, 3, 4, 5] {
            let batch = try replay.batch(step)
            #expect(batch.step == step && batch.epoch == loaded[step].epoch)
            #expect(batch.images.array == loaded[step].images)
            #expect(batch.indices == loaded[step].indices.map { training.sourceIndices[Int($0)] })
            #expect(batch.labels == loaded[step].indices.map { (training.labels ?? [])[Int($0)] })
            #expect(batch.masks == settings.sampler.sample(seed: 3, step: step, imageCount: 16))
            // The crop of the original image, resized, is the image.
            var renderer = ImageRenderer(Self.data.train, size: 28)
            let one = HostBuffer<Float>(count: 784)
            for slot in 0..<16 {
                try renderer.render(Int(batch.indices[slot]), into: one, slot: 0) { _ in batch.crops[slot] }
                #expect(one.array == Array(batch.images.array[slot * 784..<(slot + 1) * 784]))
            }
        }
        #expect(Set(loaded.map(\.epoch)) == [0, 1])
    }

    @Test("a step that is taken on it, from the weights before, gives the weights and the loss of the run")
    func replay() throws {
        let recorder = MemoryRecorder()
        let trainer = try Trainer(
            Self.configuration, data: Self.data, backend: CPUBackend(), threads: 2, recorder: recorder)
        #expect(try trainer.run { false } == .completed)

        let (settings, backend) = (try RunSettings(Self.configuration), CPUBackend())
        var replay = try BatchReplay(settings, data: Self.data)
        let step = settings.step(on: backend, threads: 1)
        for number in [0, 5] {
            var state = settings.initialState(on: backend)
            try state.load(#require(recorder.checkpoints[number]), settings.networks, on: backend)
            state.step = number
            let batch = try replay.batch(number)
            let metrics = try step(
                StepBatch(
                    images: .whole(batch.images), imageCount: 16, context: batch.masks.context,
                    targets: batch.masks.targets, blockCount: batch.masks.blocks),
                settings.hyperparameters(at: number), state: &state)
            #expect(metrics == recorder.steps[number].metrics)
            let after = try state.tensors(settings.networks, on: backend).mapValues { try $0.tensor() }
            #expect(after == recorder.checkpoints[number + 1])
            // Another batch gives other weights: the comparison sees something.
            #expect(try replay.batch(number + 1).images.array != batch.images.array)
        }
    }

    @Test("features from a checkpoint are those of the run's last evaluation, on any number of threads")
    func features() throws {
        let recorder = MemoryRecorder()
        let trainer = try Trainer(
            Self.configuration, data: Self.data, backend: CPUBackend(), threads: 2, recorder: recorder)
        #expect(try trainer.run { false } == .completed)
        let settings = try RunSettings(Self.configuration)
        let images = try Self.data.evaluated(Self.configuration.evaluation)
        for threads in [1, 3] {
            let encoders = try CheckpointEncoders(
                settings, tensors: #require(recorder.checkpoints[7]), backend: CPUBackend(), threads: threads)
            for encoder in [EvaluationConfiguration.Encoder.target, .context] {
                let stored = try #require(recorder.embeddings.last { $0.encoder == encoder && $0.step == 7 })
                #expect(try encoders.features(of: images.test, encoder: encoder) == stored.features)
                #expect(try encoders.features(of: images.train, encoder: encoder).rows == 200)
            }
        }
    }
}
