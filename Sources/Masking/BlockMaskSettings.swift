import Declarations

/// In what the samplers of blocks differ.
package struct BlockRules: Sendable, Hashable {
    /// One draw gives scale and aspect ratio; if not, there is one for each.
    let tiesAspectToScale: Bool
    /// Blocks are smaller than the grid in both directions, and none reaches the last row or column.
    let leavesBorder: Bool
    /// A context that would keep too little may overlap targets.
    let mayOverlap: Bool

    /// The public I-JEPA code's.
    package static let publicCode = BlockRules(tiesAspectToScale: true, leavesBorder: true, mayOverlap: true)
    package static let uniform = BlockRules(tiesAspectToScale: false, leavesBorder: false, mayOverlap: false)
}

/// A sampler whose context and targets are rectangles of patches.
package protocol BlockMaskSampler: MaskSampler {
    var blocks: BlockMaskSettings { get }
}

extension BlockMaskSampler {
    package static var blocksKey: String? { BlockMaskSettings.targetBlocks.name }
    package var grid: PatchGrid { blocks.grid }
}

/// The grid, and the ranges of the sizes of blocks.
package struct BlockMaskSettings: Sendable, Hashable {
    package let rules: BlockRules
    package let grid: PatchGrid
    /// M, target blocks of an image.
    package let targetBlocks: Int
    /// Smallest and largest share of the image's patches in a target block.
    package var targetScale: [Double]
    /// Smallest and largest ratio of a target block's height to its width.
    package let targetAspect: [Double]
    package var contextScale: [Double]
    package let contextAspect: [Double]
    /// Every block, and every context after the targets are taken out, keeps more patches than this.
    package let minKeep: Int

    static let targetBlocks = DeclaredKey(
        "target_blocks", default: 4, "Target blocks per image, M.", limits: .between(1, 256),
        synonyms: "num_pred_masks num_blocks n_targets num_targets npred n_pred", isIdentityAtDefault: true)

    /// The keys of all samplers of blocks, as old as the first hashes.
    static let keys = [
        targetBlocks,
        DeclaredKey(
            "target_scale", default: [0.15, 0.2], "Share of the patches in a target block.", limits: .positiveShare,
            count: 2...2, synonyms: "pred_mask_scale", isIdentityAtDefault: true),
        DeclaredKey(
            "target_aspect", default: [0.75, 1.5], "Height over width of a target block.", limits: .aspect,
            count: 2...2, synonyms: "aspect_ratio", isIdentityAtDefault: true),
        DeclaredKey(
            "context_scale", default: [0.85, 1.0],
            "Share of the patches in the context block, before target patches are removed.", limits: .positiveShare,
            count: 2...2, synonyms: "enc_mask_scale", isIdentityAtDefault: true),
        DeclaredKey(
            "context_aspect", default: [1.0, 1.0], "Height over width of the context block.", limits: .aspect,
            count: 2...2, isIdentityAtDefault: true),
        DeclaredKey(
            "min_keep", default: 10, "A mask is accepted when it keeps more patches than this.",
            limits: .between(0, 65_536), isIdentityAtDefault: true),
    ]

    /// - Throws: `MaskError` for settings from which valid masks cannot always be drawn.
    init(_ settings: Settings, grid: PatchGrid, rules: BlockRules) throws(MaskError) {
        self.rules = rules
        self.grid = grid
        targetBlocks = settings["target_blocks"]
        targetScale = settings["target_scale"]
        targetAspect = settings["target_aspect"]
        contextScale = settings["context_scale"]
        contextAspect = settings["context_aspect"]
        minKeep = settings["min_keep"]
        try validate()
    }

    /// The largest block. The public code keeps every block smaller than the grid in both directions.
    var largestBlock: BlockSize {
        let border = rules.leavesBorder ? 1 : 0
        return BlockSize(height: grid.height - border, width: grid.width - border)
    }

    /// Every size that a target block can be drawn with, smallest first.
    package var targetSizes: [BlockSize] { sizes(scale: targetScale, aspect: targetAspect) }
    /// Every size that the context block can be drawn with before targets are taken out, smallest first.
    package var contextSizes: [BlockSize] { sizes(scale: contextScale, aspect: contextAspect) }

    /// The most that a batch can have: what memory must be planned for.
    var limits: MaskLimits {
        let targets = targetSizes
        let context = contextSizes.last?.count ?? 0
        // Where the rules give up on disjointness the context is the whole block.
        let disjoint = min(context, grid.count - (targets.first?.count ?? 0))
        return MaskLimits(
            blocks: targetBlocks, contextCount: rules.mayOverlap ? context : disjoint,
            targetCount: targets.last?.count ?? 0)
    }

    /// Walks K = floor(N · scale) and, for each, the aspect ratios at which a rounded side changes.
    private func sizes(scale: [Double], aspect: [Double]) -> [BlockSize] {
        let n = Double(grid.count)
        let smallest = Int(n * scale[0])
        let largest = Int(n * scale[1])
        var found = Set<BlockSize>()
        for k in smallest...largest {
            var (low, high) = (aspect[0], aspect[1])
            if rules.tiesAspectToScale && scale[1] > scale[0] {
                // One draw u gives both, so only a part of the aspect ratios goes with this K.
                let ratio = (high - low) / (n * (scale[1] - scale[0]))
                let first = max(aspect[0], aspect[0] + ratio * (Double(k) - n * scale[0]))
                let last = min(aspect[1], aspect[0] + ratio * (Double(k + 1) - n * scale[0]))
                (low, high) = (min(first, aspect[1]), max(last, aspect[0]))
            }
            var breaks = [low, high]
            for side in 0...max(grid.height, grid.width) {
                let half = (Double(side) + 0.5) * (Double(side) + 0.5)
                for value in [half / Double(max(k, 1)), Double(k) / half] where value > low && value < high {
                    breaks.append(value)
                }
            }
            breaks.sort()
            let middles = zip(breaks, breaks.dropFirst()).map { ($0 + $1) / 2 }
            for value in breaks + middles {
                found.insert(BlockSize(patches: k, aspect: value, largest: largestBlock))
            }
        }
        return found.sorted()
    }
}
