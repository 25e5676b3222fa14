import Datasets
package import ExperimentSpec
package import Kernels
import Masking
import TensorCore

/// Counts something between two calls, on all threads: allocations.
package struct CallCounter: Sendable {
    package let start: @Sendable () -> Void
    package let stop: @Sendable () -> Int

    package init(start: @escaping @Sendable () -> Void, stop: @escaping @Sendable () -> Int) {
        self.start = start
        self.stop = stop
    }
}

/// The measurements of one step of a `TrialRun`.
package struct TrialStep: Sendable, Hashable {
    /// Wall time, waiting for images and drawing masks included.
    package let seconds: Double
    package let phases: PhaseSeconds
    /// Kc and Kp of the batch.
    package let contextPatches: Int
    package let targetPatches: Int
    /// What the reference would do for this batch.
    package let flops: Double
    /// What was counted in the step proper, from a batch with its masks to new weights; nil where nothing was.
    package let counted: Int?
}

/// Training steps of a configuration on images of noise, with batches and masks made as training makes them: what
/// benchmarks and predictions time.
///
/// Nothing is stored, and the learning rate is too small for the noise to matter.
package final class TrialRun<Backend: KernelBackend> {
    /// Of the steps that are taken, which may be smaller than the run's.
    package let settings: RunSettings
    /// The run's.
    private let whole: StepLimits
    package private(set) var state: TrainingState<Backend>
    private let step: TrainingStep<Backend>
    private let backend: Backend
    private let threads: Int
    private let loader: BatchLoader
    /// Batches are rendered while steps run; if not, the next one stays in memory.
    private var rendersEveryBatch: Bool
    private var resident: LoadedBatch?
    private var masksDrawn = 0

    /// - Parameters:
    ///   - rendersEveryBatch: As training does; if not, one batch stays in memory and no loader competes with the engine
    ///     for processor time.
    ///   - enough: FLOP from which on steps have fewer images (`TrialSize`), for `stepSeconds` to make up.
    /// - Throws: `MaskError`, `TrainingError` or `DatasetError` for a configuration that cannot take a step.
    package init(
        _ configuration: RunConfiguration, on backend: Backend, threads: Int, rendersEveryBatch: Bool = true,
        enough: Double = .infinity
    ) throws {
        var configuration = configuration
        configuration.training.steps = configuration.training.steps ?? 1
        let asked = try RunSettings(configuration)
        whole = asked.limits
        let flops = StepFLOPs(
            configuration, contextPatches: Double(whole.contextCount), targetPatches: Double(whole.targetCount))
        let size = TrialSize(whole, flops: flops.total, threads: threads, enough: enough)
        configuration.training.batchSize = size.images
        (configuration.resources.shards, configuration.resources.accumulate) = (size.shards, size.rounds)
        settings = try RunSettings(configuration)
        self.backend = backend
        self.threads = threads
        step = settings.step(on: backend, threads: threads)
        state = settings.initialState(on: backend)
        self.rendersEveryBatch = rendersEveryBatch
        let data = configuration.data
        loader = try BatchLoader(
            dataset: Self.noise(configuration, count: configuration.training.batchSize),
            settings: BatchLoaderSettings(
                batchSize: settings.limits.imageCount, imageSize: configuration.model.imageSize,
                crop: try RandomResizedCrop(scale: data.cropScale, aspect: data.cropAspect), seed: 0,
                totalSteps: rendersEveryBatch ? Int(Int32.max) : 1, threads: configuration.resources.loaderThreads ?? 1)
        )
    }

    /// From now on every step sees the same images, which are rendered, and the loader comes to rest.
    package func keepBatch() { rendersEveryBatch = false }

    /// One whole step on the next batch, with new masks.
    package func take(counting counter: CallCounter? = nil) throws -> TrialStep {
        let clock = ContinuousClock()
        let start = clock.now
        let loaded = try resident ?? loader.next()
        if !rendersEveryBatch { resident = loaded }
        defer { if rendersEveryBatch { loader.recycle(loaded) } }
        // Where contexts are cut, those of the run's batch, whose smallest context decides how large all are.
        let images = settings.sampler.cutsContexts ? whole.imageCount : settings.limits.imageCount
        let masks = settings.sampler.sample(seed: 0, step: masksDrawn, imageCount: images)
        masksDrawn += 1
        let (context, targets) = masks.first(settings.limits.imageCount)
        let batch = StepBatch(
            images: .whole(loaded.images), imageCount: settings.limits.imageCount, context: context, targets: targets,
            blockCount: masks.blocks)
        let momentum = settings.hyperparameters(at: masksDrawn).momentum
        let hyperparameters = StepHyperparameters(learningRate: 1e-5, weightDecay: 0.04, momentum: momentum)
        let loadSeconds = (clock.now - start) / .seconds(1)
        counter?.start()
        defer { _ = counter?.stop() }
        _ = try step(batch, hyperparameters, state: &state)
        let counted = counter?.stop()
        let seconds = (clock.now - start) / .seconds(1)
        var phases = step.phases
        phases[.load] += loadSeconds
        let flops = StepFLOPs(
            settings.configuration, contextPatches: Double(batch.contextCount), targetPatches: Double(batch.targetCount)
        )
        return TrialStep(
            seconds: seconds, phases: phases, contextPatches: batch.contextCount, targetPatches: batch.targetCount,
            flops: flops.total, counted: counted)
    }

    /// FLOP of a step on average over many steps' masks; nil where it depends on how images of a batch are cut.
    package var expectedFLOPs: Double? {
        let steps = 512
        let counts = (0..<steps).compactMap { settings.sampler.patchCounts(seed: 0, step: $0) }
        guard counts.count == steps else { return nil }
        let flops = counts.map {
            StepFLOPs(settings.configuration, contextPatches: Double($0.context), targetPatches: Double($0.target))
                .total
        }
        return flops.reduce(0, +) / Double(steps)
    }

    /// What the run's whole step would take: the update of the weights once, the rest for every image.
    package func stepSeconds(_ step: TrialStep) -> Double {
        let factor = Double(whole.imageCount) / Double(settings.limits.imageCount)
        let update = step.phases[.update]
        return (step.seconds - update) * factor + update
    }

    /// Seconds of the predictor's skill on so many test images, as an evaluation measures it.
    func skillSeconds(images: Int) throws -> Double {
        let measured = min(images, settings.limits.imageCount)
        var configuration = settings.configuration
        (configuration.evaluation.trainImages, configuration.evaluation.testImages) = (nil, nil)
        let noise = Self.noise(configuration, count: measured)
        let evaluator = try RunEvaluator(
            RunSettings(configuration), data: DatasetSplits(train: noise, test: noise), backend: backend,
            threads: threads)
        let duration = try ContinuousClock().measure { _ = try evaluator.predictorSkill(state: state, step: step) }
        return duration / .seconds(1) * Double(Self.computed(images, whole))
            / Double(Self.computed(measured, settings.limits))
    }

    /// Images that go through the networks when the first so many are asked for: whole rounds of them.
    private static func computed(_ images: Int, _ limits: StepLimits) -> Int {
        let (batches, rest) = images.quotientAndRemainder(dividingBy: limits.imageCount)
        let round = (limits.imageCount + limits.rounds - 1) / limits.rounds
        return batches * limits.imageCount + min(limits.imageCount, (rest + round - 1) / round * round)
    }

    /// Images as large as the data set's.
    static func noise(_ configuration: RunConfiguration, count: Int) -> ImageDataset {
        let channels = configuration.model.channels
        let side = configuration.model.imageSize
        let size = configuration.storedGeometry ?? ImageGeometry(channels: channels, height: side, width: side)
        var random = RandomStream(seed: 0, purpose: .tests)
        let pixels = (0..<count * size.count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return ImageDataset(
            name: "noise", channels: channels, height: size.height, width: size.width, classCount: 1, pixels: pixels,
            labels: Array(repeating: 0, count: count))
    }
}
