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

/// Draws placements for blocks of given sizes, under the rules of the settings' sampler.
struct PlacementDraw {
    private let settings: MaskSettings
    let targetSize: BlockSize
    let contextSize: BlockSize
    /// Whether a patch lies in a target, [gridHeight · gridWidth]; all false between calls.
    private var isHidden: [Bool]

    /// - Parameter settings: Validated.
    init(_ settings: MaskSettings, targetSize: BlockSize, contextSize: BlockSize) {
        self.settings = settings
        self.targetSize = targetSize
        self.contextSize = contextSize
        isHidden = Array(repeating: false, count: settings.patches)
    }

    /// The first of `MaskSampler.drawsForCount` placements that keeps `contextCount` patches; nil where none does.
    mutating func next(contextCount: Int, from random: inout RandomStream) -> Placement? {
        for _ in 0..<MaskSampler.drawsForCount {
            let placement = next(from: &random)
            if placement.contextCount == contextCount { return placement }
        }
        return nil
    }

    mutating func next(from random: inout RandomStream) -> Placement {
        switch settings.sampler {
        case .ijepa:
            let targets = drawTargets(from: &random)
            // All targets are taken out for twenty tries, then all but the last, and so on; with none taken out
            // every place is valid (see `validate`).
            for dropped in 0...targets.count {
                let hiding = targets.count - dropped
                if let placement = place(targets, hiding: hiding, isRelaxed: dropped > 0, from: &random) {
                    return placement
                }
            }
        case .uniform:
            for _ in 0..<MaskSampler.tries {
                let targets = drawTargets(from: &random)
                if let placement = place(targets, hiding: targets.count, isRelaxed: false, from: &random) {
                    return placement
                }
            }
            // Targets at one place leave enough context wherever it lies (see `validate`).
            let targets = Array(repeating: drawBlock(targetSize, from: &random), count: settings.targetBlocks)
            if let placement = place(targets, hiding: targets.count, isRelaxed: true, from: &random) {
                return placement
            }
        }
        preconditionFailure("validated settings always end in a mask: \(settings)")
    }

    /// The context's patches without those of targets, ascending.
    mutating func context(of placement: Placement) -> [Int32] {
        let targets = placement.targets.prefix(placement.hidingTargets)
        hide(targets, true)
        defer { hide(targets, false) }
        var kept: [Int32] = []
        kept.reserveCapacity(placement.contextCount)
        placement.context.forEachPatch(gridWidth: settings.gridWidth) { patch in
            if !isHidden[Int(patch)] { kept.append(patch) }
        }
        return kept
    }

    private mutating func drawTargets(from random: inout RandomStream) -> [Block] {
        (0..<settings.targetBlocks).map { _ in drawBlock(targetSize, from: &random) }
    }

    private func drawBlock(_ size: BlockSize, from random: inout RandomStream) -> Block {
        // The public code's upper bounds leave out the last place, and so the last row and column.
        let places = settings.sampler == .ijepa ? 0 : 1
        let top = random.integer(below: settings.gridHeight - size.height + places)
        let left = random.integer(below: settings.gridWidth - size.width + places)
        return Block(top: top, left: left, size: size)
    }

    /// A context of more than `minKeep` patches besides the first `hiding` targets; nil if twenty places gave none.
    private mutating func place(
        _ targets: [Block], hiding: Int, isRelaxed: Bool, from random: inout RandomStream
    ) -> Placement? {
        hide(targets.prefix(hiding), true)
        defer { hide(targets.prefix(hiding), false) }
        for _ in 0..<MaskSampler.tries {
            let context = drawBlock(contextSize, from: &random)
            var count = 0
            context.forEachPatch(gridWidth: settings.gridWidth) { if !isHidden[Int($0)] { count += 1 } }
            if count > settings.minKeep {
                return Placement(
                    targets: targets, context: context, hidingTargets: hiding, contextCount: count,
                    isRelaxed: isRelaxed)
            }
        }
        return nil
    }

    private mutating func hide(_ targets: ArraySlice<Block>, _ hides: Bool) {
        for target in targets { target.forEachPatch(gridWidth: settings.gridWidth) { isHidden[Int($0)] = hides } }
    }
}
