/// Draws masks to learn how many patches they keep: for the cost of a step only, the engine has its own samplers.
enum MaskSimulation {
    private static let batches = 8
    /// Where nothing is cut, images are alike whatever batch they are in, and each stands for one.
    private static let singleImages = 512
    /// The smallest of so many images stands for the smallest of a larger batch.
    private static let largestBatch = 256

    /// Expected patches of the context, Kc, and of a target block. The same for equal settings.
    ///
    /// Kc is that of an image, or the smallest of each batch where images are cut to it.
    static func expectedPatches(_ configuration: RunConfiguration) -> (context: Double, target: Double) {
        let masks = configuration.masks
        let grid = configuration.model.imageSize / configuration.model.patchSize
        let cutsContexts = masks.sampler == .ijepa || masks.contextCount == .batch
        let batches = cutsContexts ? Self.batches : singleImages
        let images = cutsContexts ? min(configuration.training.batchSize, largestBatch) : 1
        var generator = SplitMix(state: 0x6a09_e667_f3bc_c908)
        var (contextSum, targetSum) = (0, 0)
        for _ in 0..<batches {
            let target = masks.targetSizes(grid: grid).size(generator.uniform(), generator.uniform())
            let context = masks.contextSizes(grid: grid).size(generator.uniform(), generator.uniform())
            targetSum += target.area
            contextSum +=
                (0..<images).map { _ in
                    keptPatches(context, target, masks: masks, grid: grid, &generator)
                }.min() ?? 0
        }
        return (Double(contextSum) / Double(batches), Double(targetSum) / Double(batches))
    }

    /// Patches of one context that no target block covers; drawn again while they are too few, as the samplers do.
    private static func keptPatches(
        _ context: BlockSizes.Size, _ target: BlockSizes.Size, masks: MaskConfiguration, grid: Int,
        _ generator: inout SplitMix
    ) -> Int {
        var kept = 0
        for _ in 0..<20 {
            var isHidden = [Bool](repeating: false, count: grid * grid)
            for _ in 0..<masks.targetBlocks {
                forEachPatch(of: target, masks: masks, grid: grid, &generator) { isHidden[$0] = true }
            }
            kept = 0
            forEachPatch(of: context, masks: masks, grid: grid, &generator) { kept += isHidden[$0] ? 0 : 1 }
            if kept > masks.minKeep { break }
        }
        return max(kept, min(masks.minKeep + 1, context.area))
    }

    private static func forEachPatch(
        of size: BlockSizes.Size, masks: MaskConfiguration, grid: Int, _ generator: inout SplitMix,
        _ body: (Int) -> Void
    ) {
        // The public sampler never reaches the last row and column.
        let reach = masks.sampler == .ijepa ? grid - 1 : grid
        let top = generator.below(reach - size.height + 1)
        let left = generator.below(reach - size.width + 1)
        for row in top..<top + size.height {
            for column in left..<left + size.width { body(row * grid + column) }
        }
    }
}

/// Steele, Lea and Flood's SplitMix64.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    /// In [0, 1).
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func below(_ count: Int) -> Int { min(Int(uniform() * Double(count)), max(count - 1, 0)) }
}
