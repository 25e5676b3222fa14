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
/// - `uniform` draws scale and aspect ratio independently, places blocks anywhere in the grid, never lets the context
///   overlap a target (twenty context places are tried, then new target places), and cuts contexts at random places.
package struct MaskSampler: Sendable {
    package let settings: MaskSettings

    /// Tries before the rules give way; the public code's number.
    static let tries = 20
    /// Stream of the draws that a whole batch shares; image positions stay below it.
    private static let batchStream = Int(UInt32.max)

    /// - Throws: `MaskError` if the settings cannot always be met.
    package init(_ settings: MaskSettings) throws(MaskError) {
        try settings.validate()
        self.settings = settings
    }

    /// Masks for the `imageCount` images of training step `step`.
    package func sample(seed: UInt64, step: Int, imageCount: Int) -> MaskBatch {
        precondition(imageCount > 0, "a batch of \(imageCount) images has no masks")
        var batchRandom = RandomStream(seed: seed, purpose: .masks, epoch: step, sample: Self.batchStream)
        let targetSize = drawSize(settings.targetScale, settings.targetAspect, from: &batchRandom)
        let contextSize = drawSize(settings.contextScale, settings.contextAspect, from: &batchRandom)

        var drafts = (0..<imageCount).map { image in
            var random = RandomStream(seed: seed, purpose: .masks, epoch: step, sample: image)
            return drawImage(targetSize: targetSize, contextSize: contextSize, from: &random)
        }
        let uncut = drafts.map(\.context.count)
        let contextCount = uncut.min() ?? 0
        for image in drafts.indices { drafts[image].cut(to: contextCount) }

        var targets: [Int32] = []
        targets.reserveCapacity(settings.targetBlocks * imageCount * targetSize.count)
        for block in 0..<settings.targetBlocks {
            for draft in drafts {
                draft.targets[block].forEachPatch(gridWidth: settings.gridWidth) { targets.append($0) }
            }
        }
        return MaskBatch(
            images: imageCount, blocks: settings.targetBlocks, contextCount: contextCount,
            targetCount: targetSize.count, targetSize: targetSize, contextSize: contextSize,
            context: drafts.flatMap(\.context), targets: targets, uncutContextCounts: uncut,
            relaxedImages: drafts.count { $0.isRelaxed })
    }

    private func drawSize(_ scale: [Double], _ aspect: [Double], from random: inout RandomStream) -> BlockSize {
        let u = random.uniform()
        let v = settings.sampler == .ijepa ? u : random.uniform()
        let patches = Int(Double(settings.patches) * (scale[0] + u * (scale[1] - scale[0])))
        return BlockSize(
            patches: patches, aspect: aspect[0] + v * (aspect[1] - aspect[0]), largest: settings.largestBlock)
    }

    private func drawImage(
        targetSize: BlockSize, contextSize: BlockSize, from random: inout RandomStream
    ) -> ImageMasks {
        switch settings.sampler {
        case .ijepa:
            let targets = drawTargets(targetSize, from: &random)
            // All targets are taken out for twenty tries, then all but the last, and so on; with none taken out
            // every place is valid (see `validate`).
            for dropped in 0...targets.count {
                let context = drawContext(contextSize, without: targets.dropLast(dropped), from: &random)
                if let context {
                    return ImageMasks(targets: targets, context: context, isRelaxed: dropped > 0)
                }
            }
        case .uniform:
            for _ in 0..<Self.tries {
                let targets = drawTargets(targetSize, from: &random)
                if let context = drawContext(contextSize, without: targets[...], from: &random) {
                    let priority = random.shuffled(context.count)
                    return ImageMasks(targets: targets, context: context, isRelaxed: false, cutPriority: priority)
                }
            }
            // Targets at one place leave enough context wherever it lies (see `validate`).
            let targets = Array(repeating: drawBlock(targetSize, from: &random), count: settings.targetBlocks)
            if let context = drawContext(contextSize, without: targets[...], from: &random) {
                let priority = random.shuffled(context.count)
                return ImageMasks(targets: targets, context: context, isRelaxed: true, cutPriority: priority)
            }
        }
        preconditionFailure("validated settings always end in a mask: \(settings)")
    }

    private func drawTargets(_ size: BlockSize, from random: inout RandomStream) -> [Block] {
        (0..<settings.targetBlocks).map { _ in drawBlock(size, from: &random) }
    }

    private func drawBlock(_ size: BlockSize, from random: inout RandomStream) -> Block {
        // The public code's upper bounds leave out the last place, and so the last row and column.
        let places = settings.sampler == .ijepa ? 0 : 1
        let top = random.integer(below: settings.gridHeight - size.height + places)
        let left = random.integer(below: settings.gridWidth - size.width + places)
        return Block(top: top, left: left, size: size)
    }

    /// A context of more than `minKeep` patches; nil if twenty places gave none.
    private func drawContext(
        _ size: BlockSize, without targets: ArraySlice<Block>, from random: inout RandomStream
    ) -> [Int32]? {
        var hidden = [Bool](repeating: false, count: settings.patches)
        for target in targets { target.forEachPatch(gridWidth: settings.gridWidth) { hidden[Int($0)] = true } }
        for _ in 0..<Self.tries {
            var kept: [Int32] = []
            kept.reserveCapacity(size.count)
            drawBlock(size, from: &random).forEachPatch(gridWidth: settings.gridWidth) { patch in
                if !hidden[Int(patch)] { kept.append(patch) }
            }
            if kept.count > settings.minKeep { return kept }
        }
        return nil
    }
}

/// A block at its place.
private struct Block {
    let top: Int
    let left: Int
    let size: BlockSize

    /// Calls `body` with every patch index in raster order.
    func forEachPatch(gridWidth: Int, _ body: (Int32) -> Void) {
        for row in top..<top + size.height {
            for column in left..<left + size.width { body(Int32(row * gridWidth + column)) }
        }
    }
}

/// The masks of one image before the batch is made rectangular.
private struct ImageMasks {
    let targets: [Block]
    /// Ascending.
    var context: [Int32]
    let isRelaxed: Bool
    /// Places in `context` in the order in which they are kept; none: raster order.
    var cutPriority: [Int] = []

    mutating func cut(to count: Int) {
        guard count < context.count else { return }
        if cutPriority.isEmpty {
            context.removeLast(context.count - count)
        } else {
            context = cutPriority.prefix(count).sorted().map { context[$0] }
        }
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
