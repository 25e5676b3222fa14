extension MaskSettings {
    /// Refuses settings from which valid masks cannot always be drawn, so that sampling itself cannot fail or hang.
    ///
    /// The public code loops for ever on some of these (a target block that can never keep more than `min_keep`).
    package func validate() throws(MaskError) {
        guard gridHeight > 0 && gridWidth > 0 else {
            throw MaskError(
                setting: "model.patch_size", problem: "the grid of \(gridHeight)×\(gridWidth) patches is empty",
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
        guard range.count == 2, range[0] > 0, range[0] <= range[1], range[1] <= limit else {
            throw MaskError(
                setting: setting, problem: "\(range) is not a range",
                remedy: "give the smallest and the largest value, above 0"
                    + (largest.map { " and at most \($0)" } ?? ""))
        }
    }

    /// The error for a block that can be too small, naming the setting that makes it so.
    private func tooSmall(_ size: BlockSize, _ name: String, kind: String, scale: [Double]) -> MaskError {
        let problem =
            "a \(name) can be \(size) = \(size.count) of the patches of the \(gridHeight)×\(gridWidth) grid "
            + "(\(kind)_scale \(scale[0])…\(scale[1])), not more than min_keep = \(minKeep)"
        let square = BlockSize(patches: Int(Double(patches) * scale[0]), aspect: 1, largest: largestBlock)
        if square.count > minKeep && square.count > 2 * size.count {
            return MaskError(
                setting: "masks.\(kind)_aspect", problem: problem,
                remedy: "use a masks.\(kind)_aspect nearer to 1; square blocks have \(square.count) patches at least")
        }
        guard size.count > 0 else {
            return MaskError(
                setting: "masks.\(kind)_scale", problem: problem,
                remedy: "use a larger masks.\(kind)_scale, or smaller patches")
        }
        return MaskError(
            setting: "masks.min_keep", problem: problem,
            remedy:
                "use a masks.min_keep of at most \(size.count - 1), a larger masks.\(kind)_scale, or smaller patches")
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
                problem: "on the grid of \(gridHeight)×\(gridWidth) patches a block has at most \(largestBlock) = "
                    + "\(largestBlock.count), never more than min_keep = \(minKeep)",
                remedy: "use smaller patches or larger images")
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
        guard sampler == .ijepa || remaining > minKeep else {
            throw MaskError(
                setting: "masks.context_scale",
                problem: "a context block of \(context) = \(context.count) patches without a target block of "
                    + "\(largestTarget) = \(largestTarget.count) need not keep more than min_keep = \(minKeep)",
                remedy: "use a larger masks.context_scale, a smaller masks.target_scale, or a smaller masks.min_keep")
        }
    }
}
