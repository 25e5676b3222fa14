package import Declarations

/// Draws the context and the targets of every image of a batch.
///
/// A type that conforms, in one file, and its name in `MaskSamplers.standard` are all that a new sampler takes. Its keys
/// are those of the group `masks`.
///
/// The masks of a step are a pure function of (seed, step, position in the batch); nothing is kept between calls, so
/// any thread may call at any time.
package protocol MaskSampler: DeclaredOption {
    /// The key that says how many target blocks there are, for errors of terms that compare them; none: no key does.
    static var blocksKey: String? { get }

    /// - Throws: `MaskError` if the settings cannot always be met on this grid: sampling itself cannot fail.
    init(_ settings: Settings, grid: PatchGrid) throws(MaskError)

    var grid: PatchGrid { get }
    /// What memory is planned for. Asked often: a stored property.
    var limits: MaskLimits { get }
    /// Whether Kc depends on which other images are in a batch, since contexts are cut to the fewest of it.
    var cutsContexts: Bool { get }

    /// Masks for the `imageCount` images of training step `step`, from 0.
    func sample(seed: UInt64, step: Int, imageCount: Int) -> MaskBatch

    /// Kc and Kp of a step, which no batch size changes; nil where contexts are cut.
    func patchCounts(seed: UInt64, step: Int) -> (context: Int, target: Int)?
}

/// The sizes of masks.
package struct MaskLimits: Sendable, Hashable {
    /// M, target blocks of every image.
    package let blocks: Int
    /// The largest Kc, context patches of an image, that a batch can have.
    package let contextCount: Int
    /// The largest Kp, patches of a target block.
    package let targetCount: Int

    package init(blocks: Int, contextCount: Int, targetCount: Int) {
        self.blocks = blocks
        self.contextCount = contextCount
        self.targetCount = targetCount
    }
}

extension MaskSampler {
    package static var blocksKey: String? { nil }

    package func patchCounts(seed: UInt64, step: Int) -> (context: Int, target: Int)? {
        guard !cutsContexts else { return nil }
        let masks = sample(seed: seed, step: step, imageCount: 1)
        return (masks.contextCount, masks.targetCount)
    }

    /// Expected Kc and Kp of batches, for the cost of a step. The same at every call.
    ///
    /// Where nothing is cut, a step's counts hold for every batch. Else the smallest context of a batch decides, and that
    /// of at most 256 images stands for the smallest of a larger batch.
    package func expectedPatches(imageCount: Int) -> (context: Double, target: Double) {
        // No seed of a run, so that estimates are draws of their own.
        let seed: UInt64 = 0x6a09_e667_f3bc_c908
        let steps = cutsContexts ? 8 : 512
        var (context, target) = (0, 0)
        for step in 0..<steps {
            if let counts = patchCounts(seed: seed, step: step) {
                (context, target) = (context + counts.context, target + counts.target)
            } else {
                let masks = sample(seed: seed, step: step, imageCount: min(imageCount, 256))
                (context, target) = (context + masks.contextCount, target + masks.targetCount)
            }
        }
        return (Double(context) / Double(steps), Double(target) / Double(steps))
    }
}
