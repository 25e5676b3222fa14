package import Datasets
package import ExperimentSpec
package import Kernels
import Masking
import Networks
package import Safetensors
import TensorCore

/// Trains one run: masks, step, record, evaluate, checkpoint.
package final class Trainer<Backend: KernelBackend> {
    /// How a call of `run` ended.
    package enum Ending: Sendable, Hashable {
        case completed
        /// Asked to stop; a checkpoint was made, unless it had not begun.
        case interrupted
        /// Too many evaluations in a row found collapse (`diagnostics.stop_on_collapse`); a checkpoint was made.
        case collapsed
    }

    package let settings: RunSettings
    package private(set) var state: TrainingState<Backend>

    private let backend: Backend
    private let recorder: any RunRecorder
    private let communicator: any Communicator
    private let step: TrainingStep<Backend>
    private let evaluator: RunEvaluator<Backend>
    private let training: ImageDataset
    private var isResumed = false
    private var collapse: CollapseWatch

    /// - Parameters:
    ///   - data: The whole data set; the configuration says how much of it is used.
    ///   - recorder: Told of steps by every process, and of the rest by rank 0 alone.
    ///   - communicator: The processes that train this run together, each with a trainer of its own.
    /// - Throws: `MaskError`, `DatasetError`, `TrainingError` for a configuration that does not fit the data or the
    ///   number of processes.
    package init(
        _ configuration: RunConfiguration, data: DatasetSplits, backend: Backend, threads: Int,
        recorder: any RunRecorder, communicator: any Communicator = SingleProcess()
    ) throws {
        let settings = try RunSettings(configuration)
        let channels = settings.networks.encoder.settings.channels
        guard data.train.channels == channels else {
            throw TrainingError(
                description: "\(data.train.name) has images of \(data.train.channels) channels, model.channels is "
                    + "\(channels); set model.channels: \(data.train.channels)")
        }
        self.settings = settings
        self.backend = backend
        self.recorder = recorder
        self.communicator = communicator
        collapse = CollapseWatch(configuration)
        try communicator.check(settings, backend.summary, data)
        training = try data.train.limited(to: configuration.data.trainSubset)
        state = settings.initialState(on: backend)
        step = settings.step(on: backend, threads: threads, communicator: communicator)
        evaluator = try RunEvaluator(settings, data: data, backend: backend, threads: threads)
    }

    /// Goes on from a checkpoint instead of the initial state.
    package func resume(
        fromStep step: Int, tensors: [String: SafetensorsTensor], counters: [String: String] = [:]
    ) throws {
        try state.load(tensors, settings.networks, on: backend)
        state.step = step
        collapse.count = counters[CollapseWatch.counter].flatMap { Int($0) } ?? 0
        isResumed = true
    }

    /// Trains to the end, or until `shouldStop` says so before the first evaluation or a step.
    ///
    /// - Throws: `TrainingError` where a loss is not finite; whatever the recorder throws.
    package func run(shouldStop: () -> Bool) throws -> Ending {
        let configuration = settings.configuration
        shareState()
        if !isResumed {
            if communicator.any(shouldStop()) { return .interrupted }
            try evaluate()
            try checkpoint()
        }
        let loader = try BatchLoader(
            dataset: training,
            settings: BatchLoaderSettings(
                batchSize: settings.limits.imageCount, parts: step.imageParts, imageSize: configuration.model.imageSize,
                crop: try RandomResizedCrop(scale: configuration.data.cropScale, aspect: configuration.data.cropAspect),
                seed: seed, startStep: state.step, totalSteps: settings.totalSteps,
                threads: configuration.resources.loaderThreads))
        defer { loader.stop() }

        let clock = ContinuousClock()
        let resources = configuration.resources
        var checkpoints = CheckpointSchedule(
            steps: resources.checkpointSteps, minutes: resources.checkpointMinutes, now: clock.now)
        while state.step < settings.totalSteps {
            if collapse.isOver { return .collapsed }
            // Whoever was asked to stop, all stop after the same step.
            if communicator.any(shouldStop()) {
                try checkpoint()
                return .interrupted
            }
            try recorder.record(try trainStep(loader, clock))
            let isLast = state.step == settings.totalSteps
            let every = configuration.evaluation.everySteps
            let isDue = every > 0 && state.step.isMultiple(of: every)
            if isLast || isDue || configuration.diagnostics.embeddingsAtSteps.contains(state.step) {
                try evaluate()
            }
            if isLast || collapse.isOver || checkpoints.isDue(afterStep: state.step, now: clock.now) {
                try checkpoint()
                checkpoints.made(at: clock.now)
            }
        }
        return .completed
    }

    private var seed: UInt64 { UInt64(truncatingIfNeeded: settings.configuration.seed) }

    private func trainStep(_ loader: BatchLoader, _ clock: ContinuousClock) throws -> StepRecord {
        let start = clock.now
        let images = LoadedImages(loader)
        defer { images.recycle() }
        let masks = settings.sampler.sample(seed: seed, step: state.step, imageCount: settings.limits.imageCount)
        let batch = StepBatch(
            images: .parts(images.next), imageCount: settings.limits.imageCount, context: masks.context,
            targets: masks.targets, blockCount: masks.blocks)
        let hyperparameters = settings.hyperparameters(at: state.step)
        let loadSeconds = (clock.now - start) / .seconds(1)
        let metrics = try step(batch, hyperparameters, state: &state)
        var phases = step.phases
        phases[.load] += loadSeconds
        return StepRecord(
            step: state.step, epoch: images.epoch, metrics: metrics, hyperparameters: hyperparameters,
            contextPatches: batch.contextCount, targetPatches: batch.targetCount, imageCount: batch.imageCount,
            seconds: (clock.now - start) / .seconds(1), loaderWaitSeconds: images.waitSeconds, phases: phases)
    }

    /// Rank 0 evaluates, the others wait; first all make sure that they have the same weights.
    private func evaluate() throws {
        guard communicator.agree([step.fingerprint(of: state)]) else {
            throw TrainingError(
                description: "the processes of this run have different weights at step \(state.step); their "
                    + "processors or libraries compute differently. Use machines of one kind.")
        }
        if communicator.rank == 0 { try evaluateAlone() }
        communicator.waitForAll()
        // All end together where rank 0 has found collapse.
        collapse.count = communicator.broadcast([collapse.count], from: 0)[0]
    }

    private func evaluateAlone() throws {
        let configuration = settings.configuration
        var isEnd = state.step == settings.totalSteps
        func outcomes(includeLinear: Bool) throws -> [RunEvaluator<Backend>.Outcome] {
            try evaluator.evaluate(
                configuration.evaluation.encoders, state: state, step: step, includeLinear: includeLinear)
        }
        recorder.enter(phase: "evaluating")
        let includesLinear = isEnd || state.step == 0 || configuration.evaluation.linear.intermediate
        var found = try outcomes(includeLinear: includesLinear)
        collapse = collapse.noting(found.map(\.record))
        if collapse.isOver, !isEnd {
            // It is the run's last evaluation, so it has what a last one has.
            isEnd = true
            if !includesLinear { found = try outcomes(includeLinear: true) }
        }
        let diagnostics = configuration.diagnostics
        let storesEmbeddings =
            (isEnd && diagnostics.storeEmbeddings) || diagnostics.embeddingsAtSteps.contains(state.step)
        for outcome in found {
            try recorder.record(outcome.record)
            if storesEmbeddings {
                try recorder.record(outcome.embeddings)
            }
        }
        recorder.enter(phase: "training")
    }

    /// All processes go on from what rank 0 has.
    private func shareState() {
        guard communicator.count > 1 else { return }
        let counters = communicator.broadcast([state.step, isResumed ? 1 : 0, collapse.count], from: 0)
        (state.step, isResumed, collapse.count) = (counters[0], counters[1] == 1, counters[2])
        state.share(communicator, on: backend)
    }

    private func checkpoint() throws {
        guard communicator.rank == 0 else { return }
        try recorder.checkpoint(
            step: state.step, tensors: state.tensors(settings.networks, on: backend),
            counters: [CollapseWatch.counter: "\(collapse.count)"])
    }
}

/// The loader's parts of one step's batch, each handed back when the next is asked for.
private final class LoadedImages {
    private let loader: BatchLoader
    private var loaded: LoadedBatch?
    private(set) var epoch = 0
    private(set) var waitSeconds = 0.0

    init(_ loader: BatchLoader) {
        self.loader = loader
    }

    func next(_ range: Range<Int>) throws -> HostBuffer<Float> {
        recycle()
        let part = try loader.next()
        precondition(part.part == range, "the step asks for images \(range), the loader has \(part.part)")
        loaded = part
        epoch = part.epoch
        waitSeconds += part.waitSeconds
        return part.images
    }

    func recycle() {
        if let loaded { loader.recycle(loaded) }
        loaded = nil
    }
}
