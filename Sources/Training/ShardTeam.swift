import Kernels
import Networks
import TensorCore

/// The shards of a step that are in memory at once, and the threads that take them through the networks.
///
/// A pass does with every shard the same, each on the next thread that is free. What it reads lies here while it lasts,
/// so that no step makes a closure.
final class ShardTeam<Backend: KernelBackend>: TeamWork {
    let shards: [Shard<Backend>]
    let team: ThreadTeam
    let common: Shard<Backend>.Common
    /// Temporary memory of each thread.
    let temporaries: [Workspace<Backend>]
    private let limits: StepLimits
    /// The sums of gradients that shards add to in their order.
    private let orders: [SummationOrder]
    /// Which thread did each shard in the last pass.
    private let threadOfShard: HostBuffer<Int>
    private var pass: Pass?

    /// What shards go forward on.
    struct Input {
        let batch: StepBatch
        /// Of the first shard, and of those after it.
        let numbers: Range<Int>
        /// Holds their images; `first` is the image of the batch that stands first in it.
        let buffer: (images: HostBuffer<Float>, first: Int)
        let online, target: Parameters<Backend>
    }

    /// What they go back with.
    struct Gradient {
        let online: Parameters<Backend>
        let includesPrediction: Bool
        /// The pooled features with respect to which there is a gradient.
        let pooled: PooledGradients
    }

    private enum Pass {
        case forwardViews(Input), forward(Input)
        case backwardThroughTargets(Gradient), backward(Gradient)
    }

    init(
        _ shards: [Shard<Backend>], common: Shard<Backend>.Common, limits: StepLimits,
        temporaries: [Workspace<Backend>], orders: [SummationOrder], team: ThreadTeam
    ) {
        self.shards = shards
        self.common = common
        self.limits = limits
        self.temporaries = temporaries
        self.orders = orders
        self.team = team
        threadOfShard = HostBuffer(count: shards.count)
    }

    /// Pooled features alone.
    func forwardViews(_ input: Input) {
        run(.forwardViews(input), input.numbers.count)
    }

    /// - Returns: What the pass took.
    func forward(_ input: Input) -> PhaseSeconds {
        let count = input.numbers.count
        run(.forward(input), count)
        return PhaseSeconds.critical(threads: team.threads, count, thread: { threadOfShard[$0] }) {
            shards[$0].forwardSeconds
        }
    }

    /// The first `count` shards' gradients through the targets; to be called before `backward`.
    func backwardThroughTargets(_ count: Int, _ gradient: Gradient) -> PhaseSeconds {
        backward(.backwardThroughTargets(gradient), count)
    }

    /// The first `count` shards' gradients.
    func backward(_ count: Int, _ gradient: Gradient) -> PhaseSeconds {
        backward(.backward(gradient), count)
    }

    private func backward(_ pass: Pass, _ count: Int) -> PhaseSeconds {
        for order in orders { order.reset() }
        run(pass, count)
        return PhaseSeconds.critical(threads: team.threads, count, thread: { threadOfShard[$0] }) {
            shards[$0].backwardSeconds
        }
    }

    private func run(_ pass: Pass, _ count: Int) {
        self.pass = pass
        team.forEach(count, of: self)
        self.pass = nil
    }

    func doPiece(_ index: Int, thread: Int) {
        threadOfShard[index] = thread
        let (shard, temporary) = (shards[index], temporaries[thread])
        switch pass {
        case nil: preconditionFailure("a shard without a pass")
        case .forwardViews(let input):
            shard.forwardViews(
                input.batch, limits.images(ofShard: input.numbers.lowerBound + index), from: input.buffer,
                online: input.online, target: input.target, temporary: temporary, common)
        case .forward(let input):
            shard.forward(
                input.batch, limits.images(ofShard: input.numbers.lowerBound + index), from: input.buffer,
                online: input.online, target: input.target, temporary: temporary, common)
        case .backwardThroughTargets(let gradient):
            shard.backwardThroughTargets(
                online: gradient.online, includesPrediction: gradient.includesPrediction,
                pooled: gradient.pooled, temporary: temporary, common)
        case .backward(let gradient):
            shard.backward(
                online: gradient.online, includesPrediction: gradient.includesPrediction,
                pooled: gradient.pooled, temporary: temporary, common)
        }
    }
}
