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
    ///   - initial: Evaluations at initialisation that other runs of the experiment share; none: nothing is shared.
    /// - Throws: `MaskError`, `DatasetError`, `TrainingError` for a configuration that does not fit the data or the
    ///   number of processes.
    package init(
        _ configuration: RunConfiguration, data: DatasetSplits, backend: Backend, threads: Int,
        recorder: any RunRecorder, communicator: any Communicator = SingleProcess(),
        initial: InitialEvaluations? = nil
    ) throws {
        var settings = try RunSettings(configuration)
        try settings.loadWeights()
        self.settings = settings
        self.backend = backend
        self.recorder = recorder
        self.communicator = communicator
        collapse = CollapseWatch(configuration)
        try communicator.check(settings, backend.summary, data)
        training = try settings.trainingImages(of: data)
        state = try settings.startedState(on: backend)
        step = settings.step(on: backend, threads: threads, communicator: communicator)
        evaluator = try RunEvaluator(settings, data: data, backend: backend, threads: threads, initial: initial)
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
        let loading = try BatchLoaderSettings(
            configuration, parts: step.imageParts, steps: state.step..<settings.totalSteps)
        let loader = try BatchLoader(dataset: training, settings: loading)
        defer { loader.stop() }
        var pace =
            configuration.resources.loaderThreads == nil
            ? LoaderPace(
                most: loading.mostThreads, skip: (loading.slots + loading.parts.count - 1) / loading.parts.count)
            : nil

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
            let record = try trainStep(loader, loading, clock)
            try recorder.record(record)
            if pace != nil {
                pace?.note(seconds: record.seconds, waited: record.loaderWaitSeconds)
                if let threads = pace?.threads, threads != loader.threads { loader.use(threads: threads) }
            }
            let isLast = state.step == settings.totalSteps
            let every = configuration.evaluation.everySteps
            let isDue = every > 0 && state.step.isMultiple(of: every)
            if isLast || isDue || configuration.diagnostics.embeddingsAtSteps.contains(state.step) {
                try evaluate()
                pace?.interrupted()
            } else if configuration.diagnostics.isDue(at: state.step) {
                try diagnose()
            }
            if isLast || collapse.isOver || checkpoints.isDue(afterStep: state.step, now: clock.now) {
                try checkpoint()
                checkpoints.made(at: clock.now)
            }
        }
        return .completed
    }

    private func trainStep(
        _ loader: BatchLoader, _ loading: BatchLoaderSettings, _ clock: ContinuousClock
    ) throws -> StepRecord {
        let start = clock.now
        let images = LoadedImages(loader)
        defer { images.recycle() }
        let masks = settings.masks(at: state.step)
        let batch = StepBatch(
            images: .parts(images.next), imageCount: settings.limits.imageCount, context: masks.context,
            targets: masks.targets, blockCount: masks.blocks)
        let hyperparameters = settings.hyperparameters(at: state.step)
        // A single round's images are at hand before anything is measured.
        if step.imageParts.count == 1 { _ = try images.next(step.imageParts[0]) }
        let (loadSeconds, waited) = ((clock.now - start) / .seconds(1), images.waitSeconds)
        let every = settings.configuration.diagnostics.gradientNormsEvery
        let isDue = every > 0 && (state.step + 1).isMultiple(of: every)
        let isRegularized = step.objective.isRegularized
        let measuring = clock.now
        let gradients = isDue && isRegularized ? try termGradients(batch, loading) : nil
        let measuringTime = clock.now - measuring
        let metrics = try step(batch, hyperparameters, state: &state)
        var phases = step.phases
        phases[.load] += loadSeconds + images.waitSeconds - waited
        if isDue, communicator.rank == 0 {
            // Without a regulariser the step's own gradient is the prediction's.
            let own = TermGradient(
                term: "prediction", encoderNorm: metrics.encoderGradientNorm,
                predictorNorm: step.networks.predictorRange.isEmpty ? nil : metrics.predictorGradientNorm)
            try recorder.record(GradientRecord(step: state.step, terms: gradients ?? [own]))
        }
        return StepRecord(
            step: state.step, epoch: images.epoch, metrics: metrics, termColumns: step.objective.columns,
            termWeights: step.objective.scheduledWeights(at: state.step - 1),
            hyperparameters: hyperparameters,
            contextPatches: batch.contextCount, targetPatches: batch.targetCount, imageCount: batch.imageCount,
            seconds: (clock.now - start - measuringTime) / .seconds(1), loaderWaitSeconds: images.waitSeconds,
            phases: phases)
    }

    /// The gradient norms of the terms on the next step's batch.
    private func termGradients(_ batch: StepBatch, _ loading: BatchLoaderSettings) throws -> [TermGradient] {
        guard step.limits.rounds > 1 else { return try step.termGradients(batch, state: state) }
        // The loader has the images of each round for the step alone, so they are rendered once more for every term.
        var renderer = try BatchRenderer(dataset: training, settings: loading)
        let images = HostBuffer<Float>(
            count: step.imagesAtOnce * training.channels * loading.imageSize * loading.imageSize)
        let rendered = StepBatch(
            images: .parts { [state] range in
                try renderer.render(step: state.step, part: range, into: images)
                return images
            }, imageCount: batch.imageCount, context: batch.context, targets: batch.targets,
            blockCount: batch.blockCount)
        return try step.termGradients(rendered, state: state)
    }

    /// Diagnostics without an evaluation, by rank 0.
    private func diagnose() throws {
        try alone {
            recorder.enter(phase: "measuring")
            try recorder.record(try evaluator.diagnose(state: state, step: step))
            recorder.enter(phase: "training")
        }
    }

    /// Rank 0 works, and the others wait for it. It comes to the barrier with an error too: the others would take the
    /// barrier at the job's end for this one.
    private func alone(_ body: () throws -> Void) throws {
        defer { communicator.waitForAll() }
        if communicator.rank == 0 { try body() }
    }

    /// Rank 0 evaluates, the others wait; first all make sure that they have the same weights.
    private func evaluate() throws {
        guard communicator.agree([step.fingerprint(of: state)]) else {
            throw TrainingError(
                description: "the processes of this run have different weights at step \(state.step); their "
                    + "processors or libraries compute differently. Use machines of the same kind.")
        }
        try alone(evaluateAlone)
        // All end together where rank 0 has found collapse.
        collapse.count = communicator.broadcast([collapse.count], from: 0)[0]
    }

    private func evaluateAlone() throws {
        let configuration = settings.configuration
        var isEnd = state.step == settings.totalSteps
        func evaluated(
            isIntermediate: Bool
        ) throws -> (outcomes: [RunEvaluator<Backend>.Outcome], diagnostics: DiagnosticsRecord) {
            try evaluator.evaluate(
                configuration.evaluation.encoders, state: state, step: step, isIntermediate: isIntermediate)
        }
        recorder.enter(phase: "evaluating")
        var found = try evaluated(isIntermediate: !isEnd && state.step > 0)
        collapse = collapse.noting(found.outcomes.map(\.record))
        if collapse.isOver, !isEnd {
            // It is the run's last evaluation, so it has what a last one has.
            isEnd = true
            if found.outcomes.contains(where: { !$0.record.isComplete }) {
                found = try evaluated(isIntermediate: false)
            }
        }
        let diagnostics = configuration.diagnostics
        let storesEmbeddings =
            (isEnd && diagnostics.storeEmbeddings) || diagnostics.embeddingsAtSteps.contains(state.step)
        for outcome in found.outcomes {
            try recorder.record(outcome.record)
            if storesEmbeddings {
                try recorder.record(outcome.embeddings)
            }
        }
        try recorder.record(found.diagnostics)
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

/// The loader's parts of one step's batch, each handed back when another is asked for.
private final class LoadedImages {
    private let loader: BatchLoader
    private var loaded: LoadedBatch?
    private(set) var epoch = 0
    private(set) var waitSeconds = 0.0

    init(_ loader: BatchLoader) {
        self.loader = loader
    }

    func next(_ range: Range<Int>) throws -> HostBuffer<Float> {
        if let loaded, loaded.part == range { return loaded.images }
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
