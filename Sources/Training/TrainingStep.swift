import ExperimentSpec
package import Kernels
package import Networks
package import Objectives
import TensorCore

/// One step of C-JEPA: targets, context, prediction, loss, regulariser, gradients, AdamW, target encoder.
///
/// The batch is split into shards that each go through the networks on one thread; they meet at the regulariser, which
/// sees the whole batch, and at the sums of gradients, which they add to one after the other. Sums run over shards in order,
/// so results depend on the number of shards (in rounding) and never on the number of threads.
///
/// Shards may go through in several rounds, which need the memory of one. The regulariser then needs two passes: the
/// first collects the pooled features of all images, the second repeats each round's forward pass and goes back with the
/// exact gradient. Both compute the same bits as a single round.
package final class TrainingStep<Backend: KernelBackend> {
    package let networks: MethodNetworks
    package let objective: StepObjective
    package let targetRule: any TargetEncoderRule
    package let limits: StepLimits
    package let backend: Backend
    /// The processes that share each round's shards.
    let communicator: any Communicator

    /// What the last step, or the last forward pass alone, took; the batch is at hand when it begins.
    package private(set) var phases = PhaseSeconds()

    /// As many shards as are in memory at once.
    private let shardTeam: ShardTeam<Backend>
    /// Sums of gradients; each is of a few shards, which add to it in their order.
    private let sums: [Tensor<Backend>]
    /// Each shard's part of the batch's mean.
    var predictionLosses: [Double]
    let common: Shard<Backend>.Common
    let regularization: Regularization<Backend>
    let update: ParameterUpdate<Backend>

    /// The epsilon of the LayerNorm of targets, without parameters.
    package static var targetNormEpsilon: Double { 1e-5 }

    package init(
        _ networks: MethodNetworks, objective: StepObjective, targetRule: any TargetEncoderRule, limits: StepLimits,
        backend: Backend, threads: Int, work: NetworkWork = .needed,
        communicator: any Communicator = SingleProcess()
    ) {
        precondition(
            limits.rounds * communicator.count <= limits.sums,
            "\(limits.shards) shards for \(limits.rounds) rounds of \(communicator.count) ranks")
        self.communicator = communicator
        self.networks = networks
        self.objective = objective
        self.targetRule = targetRule
        self.limits = limits
        self.backend = backend
        let team = ThreadTeam(threads: threads)
        common = Shard<Backend>.Common(
            networks: networks, objective: objective, targetRule: targetRule, work: work,
            encoderPositions: networks.encoder.positions(on: backend),
            predictorRange: networks.predictorRange,
            pooled: PooledFeatures(
                objective, blocks: limits.blockCount, images: limits.imageCount, largestTarget: limits.targetCount,
                width: networks.encoder.settings.width, on: backend),
            predictionLoss: objective.prediction.evaluator(width: networks.encoder.settings.width, on: backend))
        let constants = networks.predictor.constants(on: backend)
        let needs = ShardNeeds(targetRule, common, work)
        let lanes = limits.lanes(ofRanks: communicator.count)
        let groups = (lanes + StepLimits.shardsPerSum - 1) / StepLimits.shardsPerSum
        let sums = (0..<groups).map { _ in backend.makeTensor(Shape(networks.count)) }
        let orders = (0..<groups).map { _ in SummationOrder(members: StepLimits.shardsPerSum) }
        let isWhole = limits.rounds == 1 && communicator.count == 1
        let shards = (0..<lanes).map { lane in
            let (group, member) = (lane / StepLimits.shardsPerSum, lane % StepLimits.shardsPerSum)
            return Shard(
                networks, images: isWhole ? limits.images(ofShard: lane).count : limits.largestShard, limits: limits,
                needs, predictor: networks.predictor.passes(constants),
                gradients: GradientSums(sums[group], turn: SummationTurn(orders[group], member: member)),
                on: backend)
        }
        self.sums = sums
        let temporary = Shard<Backend>.workspaceElements(
            networks, images: limits.largestShard, limits: limits, needs, on: backend
        ).temporary
        shardTeam = ShardTeam(
            shards, common: common, limits: limits,
            temporaries: (0..<min(threads, lanes)).map { _ in Workspace(backend, capacity: temporary) }, orders: orders,
            team: team)
        predictionLosses = Array(repeating: 0, count: limits.shards)
        regularization = Regularization(
            networks, objective, common.pooled, largestTarget: limits.targetCount, on: backend)
        // The sums of a single round are added up in the first of them.
        let isInPlace = limits.rounds == 1
        update = ParameterUpdate(
            networks, gradients: isInPlace ? sums[0] : backend.makeTensor(Shape(networks.count)), isInPlace: isInPlace,
            ranks: communicator.count, team: team, backend: backend)
    }

    /// Losses of a batch, without changing anything. Each process computes all of it alone.
    ///
    /// - Throws: What the batch's images throw.
    package func evaluate(_ batch: StepBatch, state: TrainingState<Backend>) throws -> StepMetrics {
        for shards in roundsAlone { try forward(batch, shards, state) }
        return measure(batch, state)
    }

    /// What the forward passes compute of the first `count` images' shards, without the other processes.
    ///
    /// - Parameter visit: Called for one shard after the other, in order; valid during the call.
    /// - Throws: What the batch's images throw.
    package func forEachOutput(
        of batch: StepBatch, first count: Int, state: TrainingState<Backend>, visit: (ShardOutputs<Backend>) -> Void
    ) throws {
        for shards in roundsAlone {
            guard limits.images(ofShards: shards).lowerBound < count else { return }
            try forward(batch, shards, state)
            outputs.prefix(shards.count).forEach(visit)
        }
    }

    /// Losses and the gradient of the whole objective, flat like the online parameters.
    ///
    /// - Throws: `TrainingError` if a loss is not finite; what the batch's images throw.
    package func gradients(
        _ batch: StepBatch, state: TrainingState<Backend>
    ) throws -> (StepMetrics, Tensor<Backend>) {
        let metrics = try passes(batch, state, part: .whole)
        try check(metrics, step: state.step + 1)
        return (metrics, update.gradients)
    }

    /// The images that each step asks its batch for, in this order.
    package var imageParts: [Range<Int>] {
        let pass = (0..<limits.rounds).map { limits.images(ofShards: ownShards(ofRound: $0)) }
        return needsTwoPasses(.whole) ? pass + pass : pass
    }

    /// The most images that it asks for at once.
    package var imagesAtOnce: Int { shardTeam.shards.count * limits.largestShard }

    /// This process's part of a round.
    private func ownShards(ofRound round: Int) -> Range<Int> {
        limits.shards(ofRound: round, rank: communicator.rank, of: communicator.count)
    }

    /// All shards, as many at a time as this process has memory for.
    private var roundsAlone: [Range<Int>] {
        let count = shardTeam.shards.count
        return stride(from: 0, to: limits.shards, by: count).map { $0..<min($0 + count, limits.shards) }
    }

    /// One whole step.
    ///
    /// - Throws: `TrainingError` if a loss or the gradient is not finite; parameters are then unchanged.
    package func callAsFunction(
        _ batch: StepBatch, _ hyperparameters: StepHyperparameters, state: inout TrainingState<Backend>
    ) throws -> StepMetrics {
        let step = state.step + 1
        var metrics = try passes(batch, state, part: .whole)
        try check(metrics, step: step)
        var stopwatch = PhaseStopwatch()
        let norms = update.norms()
        metrics.gradientNorm = norms.total
        metrics.encoderGradientNorm = norms.encoder
        metrics.predictorGradientNorm = norms.predictor
        guard metrics.gradientNorm.isFinite else { throw TrainingError.nonFinite("the gradient", step: step) }
        update.apply(
            hyperparameters, norm: metrics.gradientNorm, t: step, state: state)
        stopwatch.lap(.update)
        phases += stopwatch.seconds
        state.step = step
        return metrics
    }

    /// What the last round of `evaluate` computed, shard by shard.
    package var outputs: [ShardOutputs<Backend>] { shardTeam.shards.compactMap(\.outputs) }

    /// Allocations of the step's workspaces since it was made; constant once the largest masks were met.
    package var allocations: Int {
        (shardTeam.shards.map(\.workspace) + shardTeam.temporaries).reduce(regularization.workspace.allocations) {
            $0 + $1.allocations
        }
    }
    /// Elements of a workspace: planned, and used at most.
    package typealias Elements = (planned: Int, used: Int)
    /// Of the workspaces of shards, and of the temporary memory of threads.
    package var workspaceElements: (shards: [Elements], threads: [Elements]) {
        let elements = { (workspace: Workspace<Backend>) in (workspace.capacity, workspace.highWaterMark) }
        return (shardTeam.shards.map { elements($0.workspace) }, shardTeam.temporaries.map(elements))
    }

    // MARK: Phases

    private func isRegularized(_ part: LossPart) -> Bool {
        for term in objective.terms.indices where includes(term, in: part) { return true }
        return false
    }

    /// Whether a part of the objective has the gradient of a term.
    private func includes(_ term: Int, in part: LossPart) -> Bool {
        objective.terms[term].isActive && part.terms.includes(term)
    }
    /// Whether the regulariser's gradient is needed before all shards have been in memory at once.
    private func needsTwoPasses(_ part: LossPart) -> Bool { isRegularized(part) && limits.rounds > 1 }

    /// Everything up to the sum of gradients and its norms. The losses may not be finite.
    ///
    /// - Parameter part: The part of the objective whose gradient is taken.
    /// - Throws: What the batch's images throw.
    func passes(_ batch: StepBatch, _ state: TrainingState<Backend>, part: LossPart) throws -> StepMetrics {
        phases = PhaseSeconds()
        var metrics = StepMetrics()
        regularization.begin()
        if needsTwoPasses(part) {
            for round in 0..<limits.rounds {
                shardTeam.forwardViews(try input(batch, ownShards(ofRound: round), state))
            }
            exchange(batch, views: true, losses: false)
            regularize(batch, state, part, &metrics)
        }
        for round in 0..<limits.rounds {
            try forward(batch, ownShards(ofRound: round), state)
            // All are in memory at once.
            if limits.rounds == 1 {
                exchange(batch, views: true, losses: true)
                metrics = measure(batch, state, part)
            }
            backward(round: round, state, part)
        }
        if needsTwoPasses(part) {
            exchange(batch, views: false, losses: true)
            gatherLosses(state, &metrics)
        } else if limits.rounds > 1 {
            exchange(batch, views: true, losses: true)
            metrics = measure(batch, state, part)
        }
        return metrics
    }

    private func input(
        _ batch: StepBatch, _ numbers: Range<Int>, _ state: TrainingState<Backend>
    ) throws -> ShardTeam<Backend>.Input {
        precondition(
            batch.imageCount == limits.imageCount && batch.blockCount == limits.blockCount,
            "a batch of \(batch.imageCount) images for a step of \(limits.imageCount)")
        return ShardTeam<Backend>.Input(
            batch: batch, numbers: numbers, buffer: try batch.images.buffer(limits.images(ofShards: numbers)),
            online: state.onlineParameters, target: state.targetParameters)
    }

    private func forward(_ batch: StepBatch, _ numbers: Range<Int>, _ state: TrainingState<Backend>) throws {
        phases += shardTeam.forward(try input(batch, numbers, state))
        for (lane, number) in numbers.enumerated() { predictionLosses[number] = shardTeam.shards[lane].predictionLoss }
    }

    /// The losses, once every shard has been through its forward pass.
    private func measure(
        _ batch: StepBatch, _ state: TrainingState<Backend>, _ part: LossPart = .whole
    ) -> StepMetrics {
        var stopwatch = PhaseStopwatch()
        var metrics = StepMetrics()
        regularize(batch, state, part, &metrics)
        gatherLosses(state, &metrics)
        stopwatch.lap(.loss)
        phases += stopwatch.seconds
        return metrics
    }

    private func gatherLosses(_ state: TrainingState<Backend>, _ metrics: inout StepMetrics) {
        metrics.predictionLoss = predictionLosses.reduce(0, +)
        metrics.loss = metrics.predictionLoss
        var place = 0
        for term in objective.terms.indices {
            let weight = objective.weight(of: term, at: state.step)
            if weight != 0 { metrics.loss += weight * metrics.terms[place] }
            place += 1 + objective.terms[term].declaration.parts.count
        }
    }

    private func check(_ metrics: StepMetrics, step: Int) throws {
        guard metrics.predictionLoss.isFinite else { throw TrainingError.nonFinite("the prediction loss", step: step) }
        guard !metrics.loss.isFinite else { return }
        var place = 0
        for term in objective.terms {
            guard !term.isActive || metrics.terms[place].isFinite else {
                throw TrainingError.nonFinite("the \(term.declaration.title) loss", step: step)
            }
            place += 1 + term.declaration.parts.count
        }
        throw TrainingError.nonFinite("the loss", step: step)
    }

    /// The round's gradients, added to those before.
    private func backward(round: Int, _ state: TrainingState<Backend>, _ part: LossPart) {
        let numbers = ownShards(ofRound: round)
        let sums = self.sums.prefix((numbers.count + StepLimits.shardsPerSum - 1) / StepLimits.shardsPerSum)
        update.clear(sums)
        let gradient = ShardTeam<Backend>.Gradient(
            online: state.onlineParameters, includesPrediction: part.includesPrediction,
            pooled: regularization.reached)
        if targetRule.hasGradient { phases += shardTeam.backwardThroughTargets(numbers.count, gradient) }
        phases += shardTeam.backward(numbers.count, gradient)
        // The projectors' gradients are those of the whole batch; they join the first sum.
        if numbers.lowerBound == 0 { regularization.addProjectorGradients(to: sums[0]) }
        let (isFirst, isLast) = (round == 0, round == limits.rounds - 1)
        if communicator.count > 1 {
            update.add(sums, isFirst: isFirst, isLast: isLast, communicator: communicator)
        } else {
            update.add(sums, isFirst: isFirst, isLast: isLast)
        }
    }

    /// The terms on the pooled features of the whole batch; leaves the gradient of those that the part includes, times
    /// their weights, beside the features.
    private func regularize(
        _ batch: StepBatch, _ state: TrainingState<Backend>, _ part: LossPart, _ metrics: inout StepMetrics
    ) {
        regularization.clear(targetCount: batch.targetCount)
        metrics.terms = MeasuredValues()
        for term in objective.terms.indices {
            regularization.evaluate(
                term, part: part.terms.part, isIncluded: includes(term, in: part),
                weight: objective.weight(of: term, at: state.step), state: state, targetCount: batch.targetCount,
                to: &metrics.terms)
        }
    }
}
