import TensorCore

/// A block at its place.
struct Block {
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

/// Where the blocks of one image lie.
struct Placement {
    let targets: [Block]
    let context: Block
    /// The targets whose patches are taken out of the context: all of them, but where the public sampler gives way.
    let hidingTargets: Int
    /// Patches that the context keeps.
    let contextCount: Int
    /// Whether the rules had to give way.
    let isRelaxed: Bool
}

/// Draws placements for blocks of one step's sizes, which are drawn once per batch.
struct PlacementDraw {
    let settings: BlockMaskSettings
    let targetSize: BlockSize
    let contextSize: BlockSize
    /// Whether a patch lies in a target, [grid.count]; all false between calls.
    private var isHidden: [Bool]

    /// Tries before the rules give way; the public code's number.
    static let tries = 20
    /// Streams of the draws that a whole batch shares; image positions stay below them.
    private static let batchStream = Int(UInt32.max)
    static let referenceStream = batchStream - 1

    /// - Parameter settings: Validated.
    init(_ settings: BlockMaskSettings, seed: UInt64, step: Int) {
        var random = Self.stream(seed: seed, step: step, Self.batchStream)
        self.settings = settings
        targetSize = settings.drawSize(settings.targetScale, settings.targetAspect, from: &random)
        contextSize = settings.drawSize(settings.contextScale, settings.contextAspect, from: &random)
        isHidden = Array(repeating: false, count: settings.grid.count)
    }

    /// The random numbers of one image of a step.
    static func stream(seed: UInt64, step: Int, _ sample: Int) -> RandomStream {
        RandomStream(seed: seed, purpose: .masks, epoch: step, sample: sample)
    }

    /// The context's patches without those of targets, ascending.
    mutating func context(of placement: Placement) -> [Int32] {
        let targets = placement.targets.prefix(placement.hidingTargets)
        hide(targets, true)
        defer { hide(targets, false) }
        var kept: [Int32] = []
        kept.reserveCapacity(placement.contextCount)
        placement.context.forEachPatch(gridWidth: settings.grid.width) { patch in
            if !isHidden[Int(patch)] { kept.append(patch) }
        }
        return kept
    }

    func drawTargets(from random: inout RandomStream) -> [Block] {
        (0..<settings.targetBlocks).map { _ in drawBlock(targetSize, from: &random) }
    }

    func drawTargetsAtOnePlace(from random: inout RandomStream) -> [Block] {
        Array(repeating: drawBlock(targetSize, from: &random), count: settings.targetBlocks)
    }

    private func drawBlock(_ size: BlockSize, from random: inout RandomStream) -> Block {
        // The public code's upper bounds leave out the last place, and so the last row and column.
        let places = settings.rules.leavesBorder ? 0 : 1
        let top = random.integer(below: settings.grid.height - size.height + places)
        let left = random.integer(below: settings.grid.width - size.width + places)
        return Block(top: top, left: left, size: size)
    }

    /// A context of more than `minKeep` patches besides the first `hiding` targets; nil if twenty places gave none.
    mutating func place(
        _ targets: [Block], hiding: Int, isRelaxed: Bool, from random: inout RandomStream
    ) -> Placement? {
        hide(targets.prefix(hiding), true)
        defer { hide(targets.prefix(hiding), false) }
        for _ in 0..<Self.tries {
            let context = drawBlock(contextSize, from: &random)
            var count = 0
            context.forEachPatch(gridWidth: settings.grid.width) { if !isHidden[Int($0)] { count += 1 } }
            if count > settings.minKeep {
                return Placement(
                    targets: targets, context: context, hidingTargets: hiding, contextCount: count,
                    isRelaxed: isRelaxed)
            }
        }
        return nil
    }

    private mutating func hide(_ targets: ArraySlice<Block>, _ hides: Bool) {
        for target in targets { target.forEachPatch(gridWidth: settings.grid.width) { isHidden[Int($0)] = hides } }
    }
}

extension BlockMaskSettings {
    func drawSize(_ scale: [Double], _ aspect: [Double], from random: inout RandomStream) -> BlockSize {
        let u = random.uniform()
        let v = rules.tiesAspectToScale ? u : random.uniform()
        let patches = Int(Double(grid.count) * (scale[0] + u * (scale[1] - scale[0])))
        return BlockSize(patches: patches, aspect: aspect[0] + v * (aspect[1] - aspect[0]), largest: largestBlock)
    }
}

extension MaskBatch {
    /// - Parameter contexts: Context patches of each image, equally many.
    init(_ placements: [Placement], contexts: [[Int32]], sharedImages: Int, _ draw: PlacementDraw) {
        let blocks = draw.settings.targetBlocks
        var targets: [Int32] = []
        targets.reserveCapacity(blocks * placements.count * draw.targetSize.count)
        for block in 0..<blocks {
            for placement in placements {
                placement.targets[block].forEachPatch(gridWidth: draw.settings.grid.width) { targets.append($0) }
            }
        }
        self.init(
            images: placements.count, blocks: blocks, context: contexts.flatMap { $0 }, targets: targets,
            targetSize: draw.targetSize, contextSize: draw.contextSize,
            uncutContextCounts: placements.map(\.contextCount), relaxedImages: placements.count { $0.isRelaxed },
            sharedImages: sharedImages)
    }
}
