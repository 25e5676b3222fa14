import Declarations
import Masking
import TensorCore

/// A sampler that the program does not have: patches at random, as MAE hides them, in disjoint sets of equal size.
struct ScatteredMasks: MaskSampler {
    static let name = "scattered"
    static let summary = "random patches"
    static let keys = [
        DeclaredKey("ratio", default: 0.75, "Share of the patches that are hidden.", limits: .share, synonyms: "hide"),
        DeclaredKey("sets", default: 3, "Sets that the hidden patches are split into.", limits: .between(1, 16)),
    ]
    static var blocksKey: String? { "sets" }

    let grid: PatchGrid
    let limits: MaskLimits
    var cutsContexts: Bool { false }

    init(_ settings: Settings, grid: PatchGrid) throws(MaskError) {
        let (ratio, sets): (Double, Int) = (settings["ratio"], settings["sets"])
        let each = Int(ratio * Double(grid.count)) / sets
        self.grid = grid
        limits = MaskLimits(blocks: sets, contextCount: grid.count - sets * each, targetCount: each)
        guard each > 0, limits.contextCount > 0 else {
            throw MaskError(
                setting: "masks.ratio", problem: "leaves nothing to see, or nothing to predict",
                remedy: "use a ratio nearer to 0.5", culprits: ["masks.sets"])
        }
    }

    func sample(seed: UInt64, step: Int, imageCount: Int) -> MaskBatch {
        var context: [Int32] = []
        var sets = [[Int32]](repeating: [], count: limits.blocks)
        for image in 0..<imageCount {
            var random = RandomStream(seed: seed, purpose: .masks, epoch: step, sample: image)
            var patches = (0..<Int32(grid.count)).map { $0 }
            random.shuffle(&patches)
            context += patches.prefix(limits.contextCount).sorted()
            for block in 0..<limits.blocks {
                let start = limits.contextCount + block * limits.targetCount
                sets[block] += patches[start..<start + limits.targetCount].sorted()
            }
        }
        return MaskBatch(images: imageCount, blocks: limits.blocks, context: context, targets: sets.flatMap { $0 })
    }
}
