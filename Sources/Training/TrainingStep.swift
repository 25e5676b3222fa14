import ExperimentSpec
package import Kernels
package import Networks
import Objectives
import TensorCore

/// One step of C-JEPA: targets, context, prediction, loss, regulariser, gradients, AdamW, target encoder.
///
/// The batch is split into shards that each go through the networks on one thread; they meet at the regulariser, which
/// sees the whole batch, and at the sums of gradients, which they add to one after the other. Sums run over shards in order,
/// so results depend on the number of shards (in rounding) and never on the number of threads.
package final class TrainingStep<Backend: KernelBackend> {
    package let networks: MethodNetworks
    package let objective: StepObjective
    package let targetRule: TargetRule
    package let limits: StepLimits
    package let backend: Backend
    package let team: ThreadTeam

    /// What the last step, or the last forward pass alone, took; the batch is at hand when it begins.
    package private(set) var phases = PhaseSeconds()

    private let shards: [Shard<Backend>]
    /// Which thread did each shard in the last pass.
    private let threadOfShard: HostBuffer<Int>
    /// Sums of gradients; each is of a few shards, which add to it in their order.
    private let sums: [Tensor<Backend>]
    private let orders: [SummationOrder]
    /// Temporary memory of each thread.
    private let temporaries: [Workspace<Backend>]
    private let common: Shard<Backend>.Common
    private let regularizerWorkspace: Workspace<Backend>
    private let projectorGradients: Tensor<Backend>?
    let update: ParameterUpdate<Backend>

    /// Shards that add to one sum of gradients. More need less memory, and make more threads wait for each other: a shard
    /// follows the one before it at a distance of a block's backward pass or less.
    private static var shardsPerSum: Int { 4 }

    /// The epsilon of the LayerNorm of targets, without parameters.
    package static var targetNormEpsilon: Double { 1e-5 }

    package init(
        _ networks: MethodNetworks, objective: StepObjective, targetRule: TargetRule, limits: StepLimits,
        backend: Backend, threads: Int, work: NetworkWork = .needed
    ) {
        self.networks = networks
        self.objective = objective
        self.targetRule = targetRule
        self.limits = limits
        self.backend = backend
        team = ThreadTeam(threads: threads)
        let width = networks.encoder.settings.width
        let viewCount = objective.pairs == .blocks ? limits.blockCount : 2
        let viewShape = Shape(viewCount, limits.imageCount, width)
        common = Shard<Backend>.Common(
            networks: networks, objective: objective, targetRule: targetRule, work: work,
            encoderPositions: networks.encoder.positions(on: backend),
            predictorPositions: networks.predictor?.positions(on: backend), views: backend.makeTensor(viewShape),
            dViews: backend.makeTensor(viewShape))
        let needs = TargetNeeds(targetRule, objective, work)
        let groups = (limits.shards + Self.shardsPerSum - 1) / Self.shardsPerSum
        let sums = (0..<groups).map { _ in backend.makeTensor(Shape(networks.count)) }
        let orders = (0..<groups).map { _ in SummationOrder(members: Self.shardsPerSum) }
        shards = (0..<limits.shards).map { index in
            let (group, member) = (index / Self.shardsPerSum, index % Self.shardsPerSum)
            return Shard(
                networks, range: limits.images(ofShard: index), limits: limits, needs,
                gradients: GradientSums(sums[group], turn: SummationTurn(orders[group], member: member)), on: backend)
        }
        threadOfShard = HostBuffer(count: limits.shards)
        (self.sums, self.orders) = (sums, orders)
        let mostImages = limits.shardSizes.max() ?? 0
        let temporary = Shard<Backend>.workspaceElements(
            networks, images: mostImages, limits: limits, needs, on: backend
        ).temporary
        temporaries = (0..<min(threads, limits.shards)).map { _ in Workspace(backend, capacity: temporary) }
        regularizerWorkspace = Workspace(
            backend, capacity: Self.regularizerElements(networks, views: viewCount, images: limits.imageCount))
        projectorGradients = networks.section("projector").map { backend.makeTensor(Shape($0.layout.count)) }
        update = ParameterUpdate(networks, team: team, backend: backend)
    }

    /// Losses of a batch, without changing anything.
    package func evaluate(_ batch: StepBatch, state: TrainingState<Backend>) -> StepMetrics {
        forward(batch, state)
    }

    /// Losses and the gradient of the whole objective, flat like the online parameters.
    package func gradients(_ batch: StepBatch, state: TrainingState<Backend>) -> (StepMetrics, Tensor<Backend>) {
        let metrics = forward(batch, state)
        backward(state)
        return (metrics, update.sum(sums))
    }

    /// One whole step.
    ///
    /// - Throws: `TrainingError` if a loss or the gradient is not finite; parameters are then unchanged.
    package func callAsFunction(
        _ batch: StepBatch, _ hyperparameters: StepHyperparameters, state: inout TrainingState<Backend>
    ) throws -> StepMetrics {
        var metrics = forward(batch, state)
        let step = state.step + 1
        guard metrics.predictionLoss.isFinite else { throw TrainingError.nonFinite("the prediction loss", step: step) }
        guard metrics.loss.isFinite else { throw TrainingError.nonFinite("the VICReg loss", step: step) }
        backward(state)
        var stopwatch = PhaseStopwatch()
        _ = update.sum(sums)
        let norms = update.norms()
        metrics.gradientNorm = norms.total
        metrics.encoderGradientNorm = norms.encoder
        metrics.predictorGradientNorm = norms.predictor
        guard metrics.gradientNorm.isFinite else { throw TrainingError.nonFinite("the gradient", step: step) }
        update.apply(
            hyperparameters, norm: metrics.gradientNorm, t: step, state: state,
            averagesTarget: targetRule == .movingAverage)
        stopwatch.lap(.update)
        phases += stopwatch.seconds
        state.step = step
        return metrics
    }

    /// What the last `evaluate` computed, shard by shard.
    package var outputs: [ShardOutputs<Backend>] { shards.compactMap(\.outputs) }

    /// Allocations of the step's workspaces since it was made; constant once the largest masks were met.
    package var allocations: Int {
        (shards.map(\.workspace) + temporaries).reduce(regularizerWorkspace.allocations) { $0 + $1.allocations }
    }
    /// Elements of a workspace: planned, and used at most.
    package typealias Elements = (planned: Int, used: Int)
    /// Of the workspaces of shards, and of the temporary memory of threads.
    package var workspaceElements: (shards: [Elements], threads: [Elements]) {
        let elements = { (workspace: Workspace<Backend>) in (workspace.capacity, workspace.highWaterMark) }
        return (shards.map { elements($0.workspace) }, temporaries.map(elements))
    }

    // MARK: Phases

    /// Everything up to the sum of gradients.
    ///
    /// - Parameter part: The part of the objective whose gradient is taken.
    func passes(_ batch: StepBatch, _ state: TrainingState<Backend>, part: LossPart) {
        _ = forward(batch, state, part)
        backward(state, part)
        _ = update.sum(sums)
    }

    private func forward(
        _ batch: StepBatch, _ state: TrainingState<Backend>, _ part: LossPart = .whole
    ) -> StepMetrics {
        precondition(
            batch.imageCount == limits.imageCount && batch.blockCount == limits.blockCount,
            "a batch of \(batch.imageCount) images for a step of \(limits.imageCount)")
        team.forEach(shards.count) { index, thread in
            threadOfShard[index] = thread
            shards[index].forward(
                batch, online: state.onlineParameters, target: state.targetParameters, temporary: temporaries[thread],
                common)
        }
        phases = PhaseSeconds.critical(threads: team.threads, shards.count, thread: { threadOfShard[$0] }) {
            shards[$0].forwardSeconds
        }
        var stopwatch = PhaseStopwatch()
        var metrics = StepMetrics()
        metrics.predictionLoss = shards.reduce(0) { $0 + $1.predictionLoss }
        regularize(state, part, &metrics)
        metrics.loss = metrics.predictionLoss
        if objective.regularizerWeight != 0 { metrics.loss += objective.regularizerWeight * metrics.vicregLoss }
        stopwatch.lap(.loss)
        phases += stopwatch.seconds
        return metrics
    }

    private func backward(_ state: TrainingState<Backend>, _ part: LossPart = .whole) {
        let regularized = objective.regularizerWeight != 0 && part.includesRegularizer
        update.clear(sums)
        if targetRule == .sharedWithGradient {
            backwardInTurn { shard, temporary in
                shard.backwardThroughTargets(
                    online: state.onlineParameters, includesPrediction: part.includesPrediction,
                    regularized: regularized, temporary: temporary, common)
            }
        }
        backwardInTurn { shard, temporary in
            shard.backward(
                online: state.onlineParameters, includesPrediction: part.includesPrediction, regularized: regularized,
                temporary: temporary, common)
        }
        // The projector's gradient is that of the whole batch; it joins the first sum.
        if regularized, let section = networks.section("projector"), let projectorGradients {
            backend.add(
                projectorGradients, times: 1,
                to: sums[0].window(at: section.offset, Shape(section.layout.count)))
        }
    }

    /// Calls `pass` for every shard on all threads; the shards add to their sums of gradients in their order.
    private func backwardInTurn(_ pass: (Shard<Backend>, Workspace<Backend>) -> Void) {
        for order in orders { order.reset() }
        team.forEach(shards.count) { index, thread in
            threadOfShard[index] = thread
            pass(shards[index], temporaries[thread])
        }
        phases += PhaseSeconds.critical(threads: team.threads, shards.count, thread: { threadOfShard[$0] }) {
            shards[$0].backwardSeconds
        }
    }

    /// VICReg on the pooled features of the whole batch; leaves β_vicreg times its gradient in `common.dViews`.
    private func regularize(_ state: TrainingState<Backend>, _ part: LossPart, _ metrics: inout StepMetrics) {
        let vicreg = part.vicreg ?? objective.vicreg
        let workspace = regularizerWorkspace
        workspace.reset()
        guard common.views.shape[0] >= 2 && common.views.shape[1] >= 2 else {
            // A single block or image has no pairs; a spec that needs them is refused before.
            precondition(objective.regularizerWeight == 0, "VICReg of \(common.views.shape)")
            metrics.terms = VICReg.Terms(invariance: .nan, variance: .nan, covariance: .nan)
            metrics.vicregLoss = .nan
            return
        }
        let scale = objective.regularizerWeight
        if let projector = networks.projector, let section = networks.section("projector"), let projectorGradients {
            let (viewCount, images, width) = (common.views.shape[0], common.views.shape[1], common.views.shape[2])
            let flat = Shape(viewCount * images, width)
            let parameters = state.online.window(at: section.offset, Shape(section.layout.count))
            let projected = projector.forward(
                common.views.reshaped(flat), parameters: parameters, workspace: workspace)
            let shape = Shape(viewCount, images, projector.outputWidth)
            let gradient = workspace.take(shape)
            metrics.terms = vicreg.evaluate(
                views: projected.output.reshaped(shape), scale: scale, gradient: gradient, workspace: workspace)
            backend.fill(projectorGradients, with: 0)
            projector.backward(
                projected, dy: gradient.reshaped(projected.output.shape), parameters: parameters,
                gradients: projectorGradients, workspace: workspace, dx: common.dViews.reshaped(flat))
        } else {
            metrics.terms = vicreg.evaluate(
                views: common.views, scale: scale, gradient: common.dViews, workspace: workspace)
        }
        metrics.vicregLoss = vicreg.total(metrics.terms)
    }

    private static func regularizerElements(_ networks: MethodNetworks, views: Int, images: Int) -> Int {
        let width = networks.projector?.outputWidth ?? networks.encoder.settings.width
        return VICReg.elements(rows: images, columns: width)
            + (networks.projector?.elements(rows: views * images) ?? 0) + alignedElements(views * images * width)
    }
}
