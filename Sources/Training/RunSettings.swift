package import ExperimentSpec
package import Kernels
package import Masking
import Networks
package import Objectives
import Optimization
import TensorCore

/// The engine's settings for a resolved configuration.
package struct RunSettings: Sendable {
    package let configuration: RunConfiguration
    package let networks: MethodNetworks
    package let objective: StepObjective
    package let targetRule: any TargetEncoderRule
    package let sampler: any MaskSampler
    package let limits: StepLimits
    package let totalSteps: Int
    /// What training starts from; none before `loadWeights`, and where that is initial values.
    private var start: StartingWeights?

    private let learningRate: LearningRateSchedule
    private let weightDecay: WeightDecaySchedule
    /// Those that schedules are computed for.
    private let scheduleSteps: Int

    /// - Throws: `MaskError` if the masks cannot be drawn; `TrainingError` without `training.steps`.
    package init(_ configuration: RunConfiguration) throws {
        guard let totalSteps = configuration.training.steps, totalSteps > 0 else {
            throw TrainingError(description: "training.steps is not set; resolve epochs before training")
        }
        self.configuration = configuration
        self.totalSteps = totalSteps
        networks = MethodNetworks(configuration)
        objective = try StepObjective(configuration)
        targetRule = configuration.targetEncoderRule
        sampler = try configuration.maskSampler()
        let batchSize = configuration.training.batchSize
        let (shards, rounds) = (min(configuration.resources.shards, batchSize), configuration.resources.accumulate)
        guard shards >= 1, rounds >= 1, rounds <= StepLimits.sums(ofShards: shards) else {
            throw TrainingError(
                description:
                    "resources.accumulate is \(rounds), but \(counted(shards, "shard")) of \(counted(batchSize, "image")) allow "
                    + "\(counted(StepLimits.sums(ofShards: shards), "round")), \(StepLimits.shardsPerSum) shards each; set "
                    + "resources.shards: \(StepLimits.shardsPerSum * rounds) or more, or fewer rounds")
        }
        limits = StepLimits(
            imageCount: batchSize, blockCount: sampler.limits.blocks, contextCount: sampler.limits.contextCount,
            targetCount: sampler.limits.targetCount, shards: shards, rounds: rounds)

        let schedule = configuration.schedule
        scheduleSteps = Int((Double(totalSteps) * schedule.stretch).rounded())
        learningRate = LearningRateSchedule(
            start: schedule.startLearningRate, peak: schedule.learningRate, end: schedule.finalLearningRate,
            warmupSteps: Int((Double(totalSteps) * schedule.warmup).rounded()), totalSteps: scheduleSteps)
        let optimizer = configuration.optimizer
        weightDecay = WeightDecaySchedule(
            form: optimizer.weightDecaySchedule == .cosine ? .cosine : .linear, start: optimizer.weightDecay[0],
            end: optimizer.weightDecay[1], totalSteps: scheduleSteps)
    }

    /// - Parameter step: From 0.
    package func hyperparameters(at step: Int) -> StepHyperparameters {
        var values = StepHyperparameters(
            learningRate: learningRate.value(at: step), weightDecay: weightDecay.value(at: step),
            momentum: targetRule.momentum(at: step, of: scheduleSteps),
            recordedMomentum: targetRule.recordedMomentum(at: step, of: scheduleSteps))
        values.beta1 = configuration.optimizer.betas[0]
        values.beta2 = configuration.optimizer.betas[1]
        values.epsilon = configuration.optimizer.epsilon
        values.clipNorm = configuration.optimizer.clipNorm
        return values
    }

    /// Opens the weights that the run starts from, for those who train it or ask where it began. Whoever loads a
    /// checkpoint does without.
    ///
    /// - Throws: `TrainingError` where they are not there, or are not those that the run was planned with.
    package mutating func loadWeights() throws { start = try StartingWeights(configuration) }

    /// The state before the first step; of weights that were trained before, only their places: see `startedState`.
    package func initialState<Backend: KernelBackend>(on backend: Backend) -> TrainingState<Backend> {
        let model = configuration.model
        return TrainingState(networks, targetIsSeparate: targetRule.hasOwnParameters, on: backend) { online in
            networks.initialize(
                online, seed: UInt64(truncatingIfNeeded: configuration.seed),
                scheme: model.initialization == .xavier ? .xavier : .truncatedNormal,
                rescaled: model.rescaleInitialization, on: backend)
        }
    }

    /// The state that training begins with.
    ///
    /// - Throws: `TrainingError` where the weights that it starts from are damaged.
    func startedState<Backend: KernelBackend>(on backend: Backend) throws -> TrainingState<Backend> {
        let state = initialState(on: backend)
        guard let start else { return state }
        for section in networks.sections {
            let online = state.online.window(at: section.offset, Shape(section.layout.count))
            for entry in section.layout.entries {
                guard let values = try start.values(of: entry, network: section.name) else { continue }
                let scalars = values.map { Backend.Scalar($0) }
                backend.store(scalars, in: entry.slot(online))
                if section.name == "encoder", state.targetIsSeparate {
                    backend.store(scalars, in: entry.slot(state.target))
                }
            }
        }
        state.refreshPackedWeights(on: backend)
        return state
    }

    /// The values that one parameter of a network ("encoder") begins with, as `startedState` sets them.
    func initialValues(of entry: ParameterLayout.Entry, network: String) -> [Double] {
        // They were read when training began; what has become unreadable since leaves nothing to compare with.
        if let start {
            let nothing: [Float]? = [Float](repeating: .nan, count: entry.slot.shape.count)
            let values = (try? start.values(of: entry, network: network)) ?? nothing
            if let values { return values.map { Double($0) } }
        }
        let model = configuration.model
        return ParameterLayout.initialValues(
            of: entry, seed: UInt64(truncatingIfNeeded: configuration.seed),
            scheme: model.initialization == .xavier ? .xavier : .truncatedNormal,
            rescaled: model.rescaleInitialization, prefix: network + ".")
    }

    package func step<Backend: KernelBackend>(
        on backend: Backend, threads: Int, communicator: any Communicator = SingleProcess()
    ) -> TrainingStep<Backend> {
        TrainingStep(
            networks, objective: objective, targetRule: targetRule, limits: limits, backend: backend, threads: threads,
            communicator: communicator)
    }
}
