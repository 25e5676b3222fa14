package import TensorCore

/// Where a step gets its images from.
package enum StepImages {
    /// All of them, [B, C, S, S], normalised.
    case whole(HostBuffer<Float>)
    /// Those of a range of the batch, [range.count or more, C, S, S]; valid until the next call. A step asks in the order
    /// of its `imageParts`.
    case parts((Range<Int>) throws -> HostBuffer<Float>)

    /// A buffer that holds the images of `range`, and the image of the batch that stands first in it.
    func buffer(_ range: Range<Int>) throws -> (images: HostBuffer<Float>, first: Int) {
        switch self {
        case .whole(let images): (images, 0)
        case .parts(let part): (try part(range), range.lowerBound)
        }
    }
}

/// The input of one step: images and the masks drawn for the whole batch.
package struct StepBatch {
    package let images: StepImages
    /// B.
    package let imageCount: Int
    /// Patch indices of the context, [B, Kc].
    package let context: [Int32]
    /// Patch indices of the target blocks, [M, B, Kp].
    package let targets: [Int32]
    /// M.
    package let blockCount: Int

    package init(
        images: StepImages, imageCount: Int, context: [Int32], targets: [Int32], blockCount: Int
    ) {
        precondition(context.count % imageCount == 0, "\(context.count) context indices of \(imageCount) images")
        precondition(
            targets.count % (imageCount * blockCount) == 0,
            "\(targets.count) target indices of \(blockCount) blocks of \(imageCount) images")
        self.images = images
        self.imageCount = imageCount
        self.context = context
        self.targets = targets
        self.blockCount = blockCount
    }

    /// Kc.
    package var contextCount: Int { context.count / imageCount }
    /// Kp.
    package var targetCount: Int { targets.count / (imageCount * blockCount) }
}

/// The largest sizes that a step can meet; memory is planned for them once.
package struct StepLimits: Sendable, Hashable {
    /// B.
    package var imageCount: Int
    /// M.
    package var blockCount: Int
    /// The largest Kc.
    package var contextCount: Int
    /// The largest Kp.
    package var targetCount: Int
    /// Parts that the batch is split into; fixes the order of summation.
    package var shards: Int
    /// Groups of shards that go through the networks one after the other; no result depends on it.
    package var rounds: Int

    package init(
        imageCount: Int, blockCount: Int, contextCount: Int, targetCount: Int, shards: Int, rounds: Int = 1
    ) {
        precondition(shards >= 1 && shards <= imageCount, "\(shards) shards of \(imageCount) images")
        precondition(
            rounds >= 1 && rounds <= Self.sums(ofShards: shards),
            "\(rounds) rounds of \(shards) shards")
        self.imageCount = imageCount
        self.blockCount = blockCount
        self.contextCount = contextCount
        self.targetCount = targetCount
        self.shards = shards
        self.rounds = rounds
    }

    /// The images of a shard; sizes differ by at most one.
    func images(ofShard shard: Int) -> Range<Int> {
        (shard * imageCount / shards)..<((shard + 1) * imageCount / shards)
    }

    /// The images of consecutive shards.
    func images(ofShards shards: Range<Int>) -> Range<Int> {
        images(ofShard: shards.lowerBound).lowerBound..<images(ofShard: shards.upperBound - 1).upperBound
    }

    /// Shards that add to one sum of gradients, one after the other. The gradient is the sum of these sums in their
    /// order, so rounds and ranks share out whole sums: then its bits do not depend on them.
    package static let shardsPerSum = 4

    /// Sums of gradients.
    package var sums: Int { Self.sums(ofShards: shards) }
    static func sums(ofShards shards: Int) -> Int { (shards + shardsPerSum - 1) / shardsPerSum }

    /// The shards of a round.
    func shards(ofRound round: Int) -> Range<Int> { shards(ofRound: round, rank: 0, of: 1) }

    /// The part of a round's shards that is a rank's, out of `count` ranks; at least one.
    func shards(ofRound round: Int, rank: Int, of count: Int) -> Range<Int> {
        let first = round * sums / rounds
        let inRound = (round + 1) * sums / rounds - first
        let (start, end) = (first + rank * inRound / count, first + (rank + 1) * inRound / count)
        return (start * Self.shardsPerSum)..<min(end * Self.shardsPerSum, shards)
    }

    /// Shards that a rank has in memory at once, at most.
    func lanes(ofRanks count: Int) -> Int {
        let perRound = (sums + rounds - 1) / rounds
        return min(shards, (perRound + count - 1) / count * Self.shardsPerSum)
    }

    /// Images of the largest shard.
    var largestShard: Int { (imageCount + shards - 1) / shards }
}
