import Masking

/// How much of a step a trial takes: all of it, or where that is long, a part that does the same work on fewer images.
///
/// A part has as many images in a shard as the step, and a pass over several rounds where the step has several, as long
/// as it is short enough; its time is stretched by the number of images.
package struct TrialSize: Sendable, Hashable {
    /// Images of the trial's step.
    package let images: Int
    /// Shards that they are split into, and rounds of them.
    package let shards, rounds: Int

    /// FLOP of a step that is short enough: about ten seconds' work of a small processor.
    package static let enough = 1e12

    private init(images: Int, shards: Int, rounds: Int) {
        (self.images, self.shards, self.rounds) = (images, shards, rounds)
    }

    /// Everything.
    package init(_ limits: StepLimits) {
        self.init(images: limits.imageCount, shards: limits.shards, rounds: limits.rounds)
    }

    /// - Parameters:
    ///   - flops: Of the whole step.
    ///   - threads: That must have work.
    ///   - enough: FLOP that are enough.
    package init(_ limits: StepLimits, flops: Double, threads: Int, enough: Double) {
        let flopsPerImage = flops / Double(limits.imageCount)
        let group = StepLimits.shardsPerSum
        // Several rounds have a second pass, so two stand for any number.
        let rounds = min(limits.rounds, 2)
        let most = limits.lanes(ofRanks: 1)
        let least = min(most, (threads + group - 1) / group * group)
        let wanted = max(1, Int(min(enough / flopsPerImage, 1e9)) / rounds)
        var perShard = max(1, limits.imageCount / limits.shards)
        let lanes = max(least, min(most, wanted / perShard / group * group))
        perShard = min(perShard, max(1, wanted / lanes))
        let images = rounds * lanes * perShard
        guard flops > enough, images >= 2, images < limits.imageCount else {
            self.init(limits)
            return
        }
        self.init(images: images, shards: rounds * lanes, rounds: rounds)
    }
}

extension MaskBatch {
    /// The context patches of the first images, [count, Kc], and those of their blocks, [M, count, Kp].
    func first(_ count: Int) -> (context: [Int32], targets: [Int32]) {
        guard count < images else { return (context, targets) }
        let targets = (0..<blocks).flatMap { block in (0..<count).flatMap { target(block: block, image: $0) } }
        return (Array(context.prefix(count * contextCount)), targets)
    }
}
