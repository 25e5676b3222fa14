import Declarations
package import Masking
import Synchronization

/// Which masks a run draws: equal for runs whose masks are drawn alike.
package struct MaskChoice: Hashable, Sendable {
    private let type: any MaskSampler.Type
    private let settings: Settings
    private let grid: PatchGrid

    init(_ type: any MaskSampler.Type, _ settings: Settings, grid: PatchGrid) {
        self.type = type
        self.settings = settings
        self.grid = grid
    }

    package static func == (a: MaskChoice, b: MaskChoice) -> Bool {
        a.type == b.type && a.settings == b.settings && a.grid == b.grid
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(type))
        hasher.combine(settings)
        hasher.combine(grid)
    }

    /// The sampler, made once for equal choices: it goes through all sizes that it may draw.
    ///
    /// - Throws: `MaskError` where no masks can be drawn.
    fileprivate func sampler() throws(MaskError) -> any MaskSampler {
        if let known = Self.known.withLock({ $0.samplers[self] }) { return try known.get() }
        let result = Result { () throws(MaskError) in try type.init(settings, grid: grid) as any MaskSampler }
        Self.known.withLock { $0.keep { $0.samplers[self] = result } }
        return try result.get()
    }

    /// Expected Kc and Kp of batches, likewise.
    fileprivate func expectedPatches(imageCount: Int) throws(MaskError) -> (context: Double, target: Double) {
        let sampler = try sampler()
        let images = sampler.cutsContexts ? imageCount : 1
        if let known = Self.known.withLock({ $0.patches[self]?[images] }) { return known }
        let patches = sampler.expectedPatches(imageCount: images)
        Self.known.withLock { $0.keep { $0.patches[self, default: [:]][images] = patches } }
        return patches
    }

    private struct Known {
        var samplers: [MaskChoice: Result<any MaskSampler, MaskError>] = [:]
        var patches: [MaskChoice: [Int: (context: Double, target: Double)]] = [:]

        /// Few are in use at a time; a program that meets many begins again.
        mutating func keep(_ entry: (inout Known) -> Void) {
            if samplers.count + patches.count > 1000 { self = Known() }
            entry(&self)
        }
    }

    private static let known = Mutex(Known())
}

extension RunConfiguration {
    /// Which masks the run draws.
    package var maskChoice: MaskChoice {
        let samplers = Catalogue.current.maskSamplers
        let side = model.imageSize / model.patchSize
        return MaskChoice(
            samplers.option(in: self), samplers.settings(in: self), grid: PatchGrid(height: side, width: side))
    }

    /// What draws the run's masks.
    ///
    /// - Throws: `MaskError` where no masks can be drawn.
    package func maskSampler() throws(MaskError) -> any MaskSampler { try maskChoice.sampler() }

    /// The sizes of masks; where none can be drawn, as if every patch were context and target.
    package var maskLimits: MaskLimits {
        do {
            return try maskSampler().limits
        } catch {
            let side = model.imageSize / model.patchSize
            return MaskLimits(blocks: 1, contextCount: side * side, targetCount: side * side)
        }
    }

    /// Expected patches of a batch's contexts, Kc, and of its target blocks, Kp; likewise.
    var expectedPatches: (context: Double, target: Double) {
        do {
            return try maskChoice.expectedPatches(imageCount: training.batchSize)
        } catch {
            return (Double(maskLimits.contextCount), Double(maskLimits.targetCount))
        }
    }
}
