import Declarations

extension BlockMaskSettings {
    /// Refuses settings from which valid masks cannot always be drawn, so that sampling itself cannot fail or hang.
    ///
    /// The public code loops for ever on some of these (a target block that can never keep more than `min_keep`).
    func validate() throws(MaskError) {
        do {
            try check()
        } catch {
            // Blocks without a patch come of few patches, whatever a mask must keep.
            let sizes = ["model.patch_size", "model.image_size"]
            let masks = ["target_scale", "context_scale", "target_aspect", "context_aspect", "min_keep"]
            throw MaskError(
                setting: error.setting, problem: error.problem, remedy: error.remedy,
                culprits: (error.setting == "masks.target_scale" ? sizes : []) + masks.map { "masks.\($0)" })
        }
    }

    private func check() throws(MaskError) {
        guard grid.height > 0 && grid.width > 0 else {
            throw MaskError(
                setting: "model.patch_size", problem: "the grid of \(grid.height)×\(grid.width) patches is empty",
                remedy: "choose an image size of at least one patch")
        }
        guard targetBlocks > 0 else {
            throw MaskError(
                setting: "masks.target_blocks", problem: "\(targetBlocks) target blocks leave nothing to predict",
                remedy: "use at least 1")
        }
        guard minKeep >= 0 else {
            throw MaskError(
                setting: "masks.min_keep", problem: "\(minKeep) is negative", remedy: "use 0 or more")
        }
        try Self.check("masks.target_scale", targetScale, largest: 1)
        try Self.check("masks.target_aspect", targetAspect, largest: nil)
        try Self.check("masks.context_scale", contextScale, largest: 1)
        try Self.check("masks.context_aspect", contextAspect, largest: nil)
        try checkSizes()
    }

    private static func check(_ setting: String, _ range: [Double], largest: Double?) throws(MaskError) {
        let limit = largest ?? .greatestFiniteMagnitude
        if range.count == 2, range[0] > range[1] {
            let numbers = range.map { SpecValue.shortest($0) }
            throw MaskError(
                setting: setting,
                problem: "the lower end of the range is above its upper end: [\(numbers[0]), \(numbers[1])]",
                remedy: "write [\(numbers[1]), \(numbers[0])]")
        }
        guard range.count == 2, range[0] > 0, range[0] <= range[1], range[1] <= limit else {
            throw MaskError(
                setting: setting, problem: "\(range) is not a range",
                remedy: "give the smallest and the largest value, above 0"
                    + (largest.map { " and at most \($0)" } ?? ""))
        }
    }

    /// The error for a block that can be too small, naming the setting that makes it so.
    private func tooSmall(_ size: BlockSize, _ name: String, kind: String, scale: [Double]) -> MaskError {
        let range = "\(kind)_scale \(scale[0])…\(scale[1])"
        let problem =
            size.count == 0
            ? "a \(name) can be empty on the grid of \(grid.height)×\(grid.width) patches (\(range))"
            : "a \(name) can be \(size) = \(size.count) of the patches of the \(grid.height)×\(grid.width) grid "
                + "(\(range)), not more than min_keep = \(minKeep)"
        let square = BlockSize(patches: Int(Double(grid.count) * scale[0]), aspect: 1, largest: largestBlock)
        if square.count > minKeep && square.count > 2 * size.count {
            return MaskError(
                setting: "masks.\(kind)_aspect", problem: problem,
                remedy: "use a masks.\(kind)_aspect nearer to 1; square blocks have \(square.count) patches at least")
        }
        guard size.count > 0 else {
            let enough = smallestScale(kind: kind).map { ", \($0) or more" } ?? ""
            return MaskError(
                setting: "masks.\(kind)_scale", problem: problem,
                remedy: "use a larger masks.\(kind)_scale\(enough), or smaller patches")
        }
        return MaskError(
            setting: "masks.min_keep", problem: problem,
            remedy: "use \(largestMinKeepRemedy)a larger masks.\(kind)_scale, or smaller patches")
    }

    /// The smallest share of the patches, to three decimals, with which no block is empty; none where it is not small.
    private func smallestScale(kind: String) -> Double? {
        (1...16).lazy.map { (Double($0) / Double(grid.count) * 1000).rounded(.up) / 1000 }.first { scale in
            guard scale <= 1 else { return false }
            var other = self
            if kind == "target" {
                other.targetScale = [scale, max(scale, targetScale[1])]
                return other.targetSizes.first.map { $0.count > 0 } ?? false
            }
            other.contextScale = [scale, max(scale, contextScale[1])]
            return other.contextSizes.first.map { $0.count > 0 } ?? false
        }
    }

    /// "a masks.min_keep of at most 5, ", or nothing where even 0 is too much.
    private var largestMinKeepRemedy: String {
        let (target, context) = (targetSizes.first?.count ?? 0, contextSizes.first?.count ?? 0)
        let remaining = rules.mayOverlap ? context : context - (targetSizes.last?.count ?? 0)
        let most = min(target, context, remaining) - 1
        return most >= 0 ? "a masks.min_keep of at most \(most), " : ""
    }

    private func checkSizes() throws(MaskError) {
        let targets = targetSizes
        let contexts = contextSizes
        guard let target = targets.first, let largestTarget = targets.last, let context = contexts.first else {
            preconditionFailure("ranges were checked, so there are sizes")
        }
        guard largestBlock.count > minKeep else {
            throw MaskError(
                setting: "model.patch_size",
                problem: "on the grid of \(grid.height)×\(grid.width) patches a block has at most \(largestBlock) = "
                    + "\(largestBlock.count), never more than min_keep = \(minKeep)",
                remedy: "use \(largestMinKeepRemedy)smaller patches, or larger images")
        }
        guard target.count > minKeep else {
            throw tooSmall(target, "target block", kind: "target", scale: targetScale)
        }
        guard context.count > minKeep else {
            throw tooSmall(context, "context block", kind: "context", scale: contextScale)
        }
        // With all targets at one place this many patches remain at least, wherever the blocks lie: the last resort
        // of the uniform sampler. The public sampler gives up on disjointness instead.
        let remaining = context.count - largestTarget.count
        guard rules.mayOverlap || remaining > minKeep else {
            throw MaskError(
                setting: "masks.context_scale",
                problem:
                    "a context block of \(context) = \(context.count) patches keeps \(max(remaining, 0)) when a target "
                    + "block of \(largestTarget) = \(largestTarget.count) is taken out of it, not more than min_keep = "
                    + "\(minKeep)",
                remedy: "use \(largestMinKeepRemedy)"
                    + "\(contextScale[0] < 1 ? "a larger masks.context_scale, or " : "")a smaller masks.target_scale")
        }
    }
}
