import TensorCore

/// Draws context and target blocks for batches of images.
///
/// The masks of a step are a pure function of (seed, step, position in the batch); nothing is kept between calls, so
/// any thread may call at any time. The size of the target blocks and of the context block is drawn once per batch.
///
/// - `ijepa` behaves as the public I-JEPA code (facebookresearch/ijepa, src/masks/multiblock.py): one uniform number
///   gives both scale and aspect ratio; blocks never touch the last row or column; a context that keeps too little
///   is drawn again, and after every twenty tries one target fewer is taken out of it, so that it may overlap;
///   contexts lose their last patches in raster order. Its positions are unseeded there, and seeded here.
/// - `uniform` draws scale and aspect ratio independently, places blocks anywhere in the grid, and never lets the context
///   overlap a target (twenty context places are tried, then new target places). All images of a step need as many
///   context patches, Kc. With `contextCount: fixed` a reference that is no image of the batch is drawn first and says
///   Kc, and each image is drawn until it has so many. So every image has the distribution of a single one, uncut,
///   whatever the batch size. Where a thousand draws do not have Kc patches, the image takes the reference's masks, which
///   have the same distribution. With `contextCount: batch` contexts are cut, at random places.
package struct MaskSampler: Sendable {
    package let settings: MaskSettings

    /// Tries before the rules give way; the public code's number.
    static let tries = 20
    /// Draws of an image's masks before it takes the reference's. A few tens are enough on average.
    static let drawsForCount = 1000
    /// Streams of the draws that a whole batch shares; image positions stay below them.
    private static let batchStream = Int(UInt32.max)
    private static let referenceStream = batchStream - 1

    /// - Throws: `MaskError` if the settings cannot always be met.
    package init(_ settings: MaskSettings) throws(MaskError) {
        try settings.validate()
        self.settings = settings
    }

    /// Masks for the `imageCount` images of training step `step`.
    package func sample(seed: UInt64, step: Int, imageCount: Int) -> MaskBatch {
        precondition(imageCount > 0, "a batch of \(imageCount) images has no masks")
        func stream(_ sample: Int) -> RandomStream {
            RandomStream(seed: seed, purpose: .masks, epoch: step, sample: sample)
        }
        var draw = placementDraw(seed: seed, step: step)

        var placements: [Placement] = []
        placements.reserveCapacity(imageCount)
        var contexts: [[Int32]] = []
        var sharedImages = 0
        if settings.cutsContexts {
            var priorities: [[Int]] = []
            for image in 0..<imageCount {
                var random = stream(image)
                let placement = draw.next(from: &random)
                placements.append(placement)
                if settings.sampler == .uniform { priorities.append(random.shuffled(placement.contextCount)) }
            }
            let count = placements.map(\.contextCount).min() ?? 0
            for (image, placement) in placements.enumerated() {
                let context = draw.context(of: placement)
                contexts.append(
                    priorities.isEmpty
                        ? Array(context.prefix(count)) : priorities[image].prefix(count).sorted().map { context[$0] })
            }
        } else {
            let reference = self.reference(of: &draw, seed: seed, step: step)
            for image in 0..<imageCount {
                var random = stream(image)
                let own = draw.next(contextCount: reference.contextCount, from: &random)
                if own == nil { sharedImages += 1 }
                placements.append(own ?? reference)
                contexts.append(draw.context(of: own ?? reference))
            }
        }

        var targets: [Int32] = []
        targets.reserveCapacity(settings.targetBlocks * imageCount * draw.targetSize.count)
        for block in 0..<settings.targetBlocks {
            for placement in placements {
                placement.targets[block].forEachPatch(gridWidth: settings.gridWidth) { targets.append($0) }
            }
        }
        return MaskBatch(
            images: imageCount, blocks: settings.targetBlocks, contextCount: contexts[0].count,
            targetCount: draw.targetSize.count, targetSize: draw.targetSize, contextSize: draw.contextSize,
            context: contexts.flatMap { $0 }, targets: targets, uncutContextCounts: placements.map(\.contextCount),
            relaxedImages: placements.count { $0.isRelaxed }, sharedImages: sharedImages)
    }

    /// Kc and Kp of a step, which no batch size changes; nil where contexts are cut to the fewest of a batch.
    package func patchCounts(seed: UInt64, step: Int) -> (context: Int, target: Int)? {
        guard !settings.cutsContexts else { return nil }
        var draw = placementDraw(seed: seed, step: step)
        return (reference(of: &draw, seed: seed, step: step).contextCount, draw.targetSize.count)
    }

    /// Draws with the block sizes of a step.
    private func placementDraw(seed: UInt64, step: Int) -> PlacementDraw {
        var random = RandomStream(seed: seed, purpose: .masks, epoch: step, sample: Self.batchStream)
        let targetSize = drawSize(settings.targetScale, settings.targetAspect, from: &random)
        let contextSize = drawSize(settings.contextScale, settings.contextAspect, from: &random)
        return PlacementDraw(settings, targetSize: targetSize, contextSize: contextSize)
    }

    /// The image that is in no batch and says Kc.
    private func reference(of draw: inout PlacementDraw, seed: UInt64, step: Int) -> Placement {
        var random = RandomStream(seed: seed, purpose: .masks, epoch: step, sample: Self.referenceStream)
        return draw.next(from: &random)
    }

    private func drawSize(_ scale: [Double], _ aspect: [Double], from random: inout RandomStream) -> BlockSize {
        let u = random.uniform()
        let v = settings.sampler == .ijepa ? u : random.uniform()
        let patches = Int(Double(settings.patches) * (scale[0] + u * (scale[1] - scale[0])))
        return BlockSize(
            patches: patches, aspect: aspect[0] + v * (aspect[1] - aspect[0]), largest: settings.largestBlock)
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
