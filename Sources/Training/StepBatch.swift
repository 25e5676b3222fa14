package import TensorCore

/// The input of one step: images and the masks drawn for them.
package struct StepBatch: Sendable {
    /// [B, C, S, S], normalised.
    package let images: HostBuffer<Float>
    /// B.
    package let imageCount: Int
    /// Patch indices of the context, [B, Kc].
    package let context: [Int32]
    /// Patch indices of the target blocks, [M, B, Kp].
    package let targets: [Int32]
    /// M.
    package let blockCount: Int

    package init(
        images: HostBuffer<Float>, imageCount: Int, context: [Int32], targets: [Int32], blockCount: Int
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

    package init(imageCount: Int, blockCount: Int, contextCount: Int, targetCount: Int, shards: Int) {
        precondition(shards >= 1 && shards <= imageCount, "\(shards) shards of \(imageCount) images")
        self.imageCount = imageCount
        self.blockCount = blockCount
        self.contextCount = contextCount
        self.targetCount = targetCount
        self.shards = shards
    }

    var shardSizes: [Int] { (0..<shards).map { images(ofShard: $0).count } }

    /// The images of a shard; sizes differ by at most one.
    func images(ofShard shard: Int) -> Range<Int> {
        (shard * imageCount / shards)..<((shard + 1) * imageCount / shards)
    }
}
