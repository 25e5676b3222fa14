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
    private let step: TrainingStep<Backend>
    private let evaluator: RunEvaluator<Backend>
    private let training: ImageDataset
    private var isResumed = false
    private var collapse: CollapseWatch

    /// - Parameter data: The whole data set; the configuration says how much of it is used.
    /// - Throws: `MaskError`, `DatasetError`, `TrainingError` for a configuration that does not fit the data.
    package init(
        _ configuration: RunConfiguration, data: DatasetSplits, backend: Backend, threads: Int,
        recorder: any RunRecorder
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
        collapse = CollapseWatch(configuration)
        training = try data.train.limited(to: configuration.data.trainSubset)
        state = settings.initialState(on: backend)
        step = settings.step(on: backend, threads: threads)
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
        if !isResumed {
            if shouldStop() { return .interrupted }
            try evaluate()
            try checkpoint()
        }
        let loader = try BatchLoader(
            dataset: training,
            settings: BatchLoaderSettings(
                batchSize: settings.limits.imageCount, imageSize: configuration.model.imageSize,
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
            if shouldStop() {
                try checkpoint()
                return .interrupted
            }
            try recorder.record(try trainStep(loader, clock))
            let isLast = state.step == settings.totalSteps
            let every = configuration.evaluation.everySteps
            let isDue = every > 0 && state.step.isMultiple(of: every)
            if isLast || isDue || configuration.diagnostics.embeddingsAtSteps.contains(state.step) {
                try evaluate()
            } else if configuration.diagnostics.isDue(at: state.step) {
                recorder.enter(phase: "measuring")
                try recorder.record(evaluator.diagnose(state: state, step: step))
                recorder.enter(phase: "training")
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
        let loaded = try loader.next()
        defer { loader.recycle(loaded) }
        let masks = settings.sampler.sample(seed: seed, step: state.step, imageCount: settings.limits.imageCount)
        let batch = StepBatch(
            images: loaded.images, imageCount: settings.limits.imageCount, context: masks.context,
            targets: masks.targets, blockCount: masks.blocks)
        let hyperparameters = settings.hyperparameters(at: state.step)
        let loadSeconds = (clock.now - start) / .seconds(1)
        let every = settings.configuration.diagnostics.gradientNormsEvery
        let isDue = every > 0 && (state.step + 1).isMultiple(of: every)
        let isRegularized = step.objective.regularizerWeight != 0
        let measuring = clock.now
        let gradients = isDue && isRegularized ? step.termGradients(batch, state: state) : nil
        let measuringTime = clock.now - measuring
        let metrics = try step(batch, hyperparameters, state: &state)
        var phases = step.phases
        phases[.load] += loadSeconds
        if isDue {
            // Without a regulariser the step's own gradient is the prediction's.
            let own = TermGradient(
                term: "prediction", encoderNorm: metrics.encoderGradientNorm,
                predictorNorm: step.networks.predictor == nil ? nil : metrics.predictorGradientNorm)
            try recorder.record(GradientRecord(step: state.step, terms: gradients ?? [own]))
        }
        return StepRecord(
            step: state.step, epoch: loaded.epoch, metrics: metrics, hyperparameters: hyperparameters,
            contextPatches: batch.contextCount, targetPatches: batch.targetCount, imageCount: batch.imageCount,
            seconds: (clock.now - start - measuringTime) / .seconds(1), loaderWaitSeconds: loaded.waitSeconds,
            phases: phases)
    }

    private func evaluate() throws {
        let configuration = settings.configuration
        var isEnd = state.step == settings.totalSteps
        func evaluated(
            includeLinear: Bool
        ) -> (outcomes: [RunEvaluator<Backend>.Outcome], diagnostics: DiagnosticsRecord) {
            evaluator.evaluate(
                configuration.evaluation.encoders, state: state, step: step, includeLinear: includeLinear)
        }
        recorder.enter(phase: "evaluating")
        let includesLinear = isEnd || state.step == 0 || configuration.evaluation.linear.intermediate
        var found = evaluated(includeLinear: includesLinear)
        collapse = collapse.noting(found.outcomes.map(\.record))
        if collapse.isOver, !isEnd {
            // It is the run's last evaluation, so it has what a last one has.
            isEnd = true
            if !includesLinear { found = evaluated(includeLinear: true) }
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

    private func checkpoint() throws {
        try recorder.checkpoint(
            step: state.step, tensors: state.tensors(settings.networks, on: backend),
            counters: [CollapseWatch.counter: "\(collapse.count)"])
    }
}
