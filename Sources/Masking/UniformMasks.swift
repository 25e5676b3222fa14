package import Declarations
import TensorCore

/// Draws scale and aspect ratio independently, places blocks anywhere in the grid, and never lets the context overlap a
/// target (twenty context places are tried, then new target places).
///
/// All images of a step need as many context patches, Kc. With `fixed` a reference that is no image of the batch is drawn
/// first and says Kc, and each image is drawn until it has so many. So every image has the distribution of a single one,
/// uncut, whatever the batch size. Where a thousand draws do not have Kc patches, the image takes the reference's masks,
/// which have the same distribution. With `batch` contexts are cut, at random places.
package struct UniformMasks: BlockMaskSampler {
    /// How all images of a step come to have as many context patches.
    enum ContextCount: String, SpecChoice {
        /// Drawn for each step; images are drawn until they have so many. Nothing depends on the batch size.
        case fixed
        /// Images are cut to the fewest of the batch, so that a larger batch shows less of each image.
        case batch
    }

    package static let name = "uniform"
    package static let summary = "seeded per image, reaches every patch"
    package static let keys =
        [
            DeclaredKey(
                "context_count", default: ContextCount.fixed,
                "How uniform gives all images of a step equally many context patches. fixed: draws the number for each step, "
                    + "cuts nothing; batch: cuts to the fewest of the batch, so batch size changes the task.",
                earlierValue: .batch)
        ] + BlockMaskSettings.keys

    package let blocks: BlockMaskSettings
    package let limits: MaskLimits
    package let cutsContexts: Bool

    /// Draws of an image's masks before it takes the reference's. A few tens are enough on average.
    private static let drawsForCount = 1000

    package init(_ settings: Settings, grid: PatchGrid) throws(MaskError) {
        blocks = try BlockMaskSettings(settings, grid: grid, rules: .uniform)
        limits = blocks.limits
        cutsContexts = settings["context_count", as: ContextCount.self] == .batch
    }

    package func sample(seed: UInt64, step: Int, imageCount: Int) -> MaskBatch {
        precondition(imageCount > 0, "a batch of \(imageCount) images has no masks")
        var draw = PlacementDraw(blocks, seed: seed, step: step)
        if cutsContexts { return cutBatch(&draw, seed: seed, step: step, imageCount: imageCount) }
        let reference = self.reference(of: &draw, seed: seed, step: step)
        var placements: [Placement] = []
        placements.reserveCapacity(imageCount)
        var sharedImages = 0
        for image in 0..<imageCount {
            var random = PlacementDraw.stream(seed: seed, step: step, image)
            let own = placement(&draw, contextCount: reference.contextCount, from: &random)
            if own == nil { sharedImages += 1 }
            placements.append(own ?? reference)
        }
        return MaskBatch(
            placements, contexts: placements.map { draw.context(of: $0) }, sharedImages: sharedImages, draw)
    }

    private func cutBatch(_ draw: inout PlacementDraw, seed: UInt64, step: Int, imageCount: Int) -> MaskBatch {
        var placements: [Placement] = []
        placements.reserveCapacity(imageCount)
        var priorities: [[Int]] = []
        for image in 0..<imageCount {
            var random = PlacementDraw.stream(seed: seed, step: step, image)
            let placement = placement(&draw, from: &random)
            placements.append(placement)
            priorities.append(random.shuffled(placement.contextCount))
        }
        let count = placements.map(\.contextCount).min() ?? 0
        let contexts = zip(placements, priorities).map { placement, priority in
            let context = draw.context(of: placement)
            return priority.prefix(count).sorted().map { context[$0] }
        }
        return MaskBatch(placements, contexts: contexts, sharedImages: 0, draw)
    }

    package func patchCounts(seed: UInt64, step: Int) -> (context: Int, target: Int)? {
        guard !cutsContexts else { return nil }
        var draw = PlacementDraw(blocks, seed: seed, step: step)
        return (reference(of: &draw, seed: seed, step: step).contextCount, draw.targetSize.count)
    }

    /// The image that is in no batch and says Kc.
    private func reference(of draw: inout PlacementDraw, seed: UInt64, step: Int) -> Placement {
        var random = PlacementDraw.stream(seed: seed, step: step, PlacementDraw.referenceStream)
        return placement(&draw, from: &random)
    }

    /// The first of `drawsForCount` placements that keeps `contextCount` patches; nil where none does.
    private func placement(
        _ draw: inout PlacementDraw, contextCount: Int, from random: inout RandomStream
    ) -> Placement? {
        for _ in 0..<Self.drawsForCount {
            let placement = placement(&draw, from: &random)
            if placement.contextCount == contextCount { return placement }
        }
        return nil
    }

    private func placement(_ draw: inout PlacementDraw, from random: inout RandomStream) -> Placement {
        for _ in 0..<PlacementDraw.tries {
            let targets = draw.drawTargets(from: &random)
            if let placement = draw.place(targets, hiding: targets.count, isRelaxed: false, from: &random) {
                return placement
            }
        }
        // Targets at one place leave enough context wherever it lies (see `validate`).
        let targets = draw.drawTargetsAtOnePlace(from: &random)
        if let placement = draw.place(targets, hiding: targets.count, isRelaxed: true, from: &random) {
            return placement
        }
        preconditionFailure("validated settings always end in a mask")
    }
}

extension RandomStream {
    /// The numbers 0..<count in random order.
    fileprivate mutating func shuffled(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }
}
