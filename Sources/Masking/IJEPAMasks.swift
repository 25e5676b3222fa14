package import Declarations
import TensorCore

/// Behaves as the public I-JEPA code (facebookresearch/ijepa, src/masks/multiblock.py): one uniform number gives both
/// scale and aspect ratio; blocks never touch the last row or column; a context that keeps too little is drawn again, and
/// after every twenty tries one target fewer is taken out of it, so that it may overlap; contexts lose their last patches
/// in raster order. Its positions are unseeded there, and seeded here.
package struct IJEPAMasks: BlockMaskSampler {
    package static let name = "ijepa"
    package static let summary =
        "as in the public code, including its faults; contexts are cut to the fewest of the batch"
    package static let keys = BlockMaskSettings.keys

    package let blocks: BlockMaskSettings
    package let limits: MaskLimits
    package var cutsContexts: Bool { true }

    package init(_ settings: Settings, grid: PatchGrid) throws(MaskError) {
        blocks = try BlockMaskSettings(settings, grid: grid, rules: .publicCode)
        limits = blocks.limits
    }

    package func sample(seed: UInt64, step: Int, imageCount: Int) -> MaskBatch {
        precondition(imageCount > 0, "a batch of \(imageCount) images has no masks")
        var draw = PlacementDraw(blocks, seed: seed, step: step)
        let placements = (0..<imageCount).map { image in
            var random = PlacementDraw.stream(seed: seed, step: step, image)
            return Self.placement(&draw, from: &random)
        }
        let count = placements.map(\.contextCount).min() ?? 0
        return MaskBatch(
            placements, contexts: placements.map { Array(draw.context(of: $0).prefix(count)) }, sharedImages: 0, draw)
    }

    /// All targets are taken out for twenty tries, then all but the last, and so on; with none taken out every place is
    /// valid (see `validate`).
    private static func placement(_ draw: inout PlacementDraw, from random: inout RandomStream) -> Placement {
        let targets = draw.drawTargets(from: &random)
        for dropped in 0...targets.count {
            let hiding = targets.count - dropped
            if let placement = draw.place(targets, hiding: hiding, isRelaxed: dropped > 0, from: &random) {
                return placement
            }
        }
        preconditionFailure("validated settings always end in a mask")
    }
}
