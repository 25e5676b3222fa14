import Declarations
import Masking

/// The settings of a sampler of blocks, as tests vary them.
struct MaskSettings: Hashable, Sendable {
    enum Sampler: String, CaseIterable, Sendable { case ijepa, uniform }
    enum ContextCount: String, CaseIterable, Sendable { case fixed, batch }

    var sampler = Sampler.uniform
    var contextCount = ContextCount.fixed
    var gridHeight: Int
    var gridWidth: Int
    var targetBlocks = 4
    var targetScale = [0.15, 0.2]
    var targetAspect = [0.75, 1.5]
    var contextScale = [0.85, 1.0]
    var contextAspect = [1.0, 1.0]
    var minKeep = 10

    var patches: Int { gridHeight * gridWidth }
    var cutsContexts: Bool { sampler == .ijepa || contextCount == .batch }

    /// - Throws: `MaskError` where no masks can be drawn.
    func validate() throws(MaskError) { _ = try makeSampler(self) }

    // What the sampler says.
    var targetSizes: [BlockSize] { blocks?.targetSizes ?? [] }
    var contextSizes: [BlockSize] { blocks?.contextSizes ?? [] }
    var maximumContextCount: Int { (try? makeSampler(self).limits.contextCount) ?? 0 }
    var maximumTargetCount: Int { (try? makeSampler(self).limits.targetCount) ?? 0 }
    private var blocks: BlockMaskSettings? { (try? makeSampler(self) as? any BlockMaskSampler)?.blocks }
}

/// The sampler of a spec with these settings.
func makeSampler(_ settings: MaskSettings) throws(MaskError) -> any MaskSampler {
    let values: [String: SpecValue] = [
        "context_count": .text(settings.contextCount.rawValue), "target_blocks": settings.targetBlocks.specValue,
        "target_scale": settings.targetScale.specValue, "target_aspect": settings.targetAspect.specValue,
        "context_scale": settings.contextScale.specValue, "context_aspect": settings.contextAspect.specValue,
        "min_keep": settings.minKeep.specValue,
    ]
    let grid = PatchGrid(height: settings.gridHeight, width: settings.gridWidth)
    for type in MaskSamplers.standard where type.name == settings.sampler.rawValue {
        return try type.init(Settings(type.keys, values), grid: grid)
    }
    preconditionFailure("there is no sampler \(settings.sampler)")
}
