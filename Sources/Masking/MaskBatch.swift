/// The masks of one batch, rectangular: every image has Kc context patches and M target blocks of Kp patches.
///
/// Patch indices count in raster order, row · gridWidth + column.
package struct MaskBatch: Sendable, Hashable {
    /// B, images.
    package let images: Int
    /// M, target blocks of an image.
    package let blocks: Int
    /// Kc, context patches of an image.
    package let contextCount: Int
    /// Kp, patches of a target block.
    package let targetCount: Int
    /// Size of every target block of the batch; none where targets are no rectangles.
    package let targetSize: BlockSize?
    /// Size of the context block before targets were taken out; none where it was no rectangle.
    package let contextSize: BlockSize?
    /// Patch indices, [B, Kc], ascending within an image.
    package let context: [Int32]
    /// Patch indices, [M, B, Kp], ascending within a block.
    package let targets: [Int32]
    /// Context patches of each image before the batch was cut to the smallest, [B]; Kc where nothing is cut.
    package let uncutContextCounts: [Int]
    /// Images for which the rules had to give way: a context that may overlap targets, or targets put at one place.
    package let relaxedImages: Int
    /// Images with the masks of the step's reference, since a thousand draws of their own did not have Kc patches.
    package let sharedImages: Int

    /// - Parameters:
    ///   - context: [B, Kc], ascending within an image, and `targets`, [M, B, Kp], ascending within a block.
    ///   - uncutContextCounts: None: nothing was cut.
    package init(
        images: Int, blocks: Int, context: [Int32], targets: [Int32], targetSize: BlockSize? = nil,
        contextSize: BlockSize? = nil, uncutContextCounts: [Int]? = nil, relaxedImages: Int = 0, sharedImages: Int = 0
    ) {
        precondition(
            images > 0 && blocks > 0 && context.count % images == 0 && targets.count % (images * blocks) == 0,
            "\(context.count) context patches and \(targets.count) target patches of \(images) images, \(blocks) blocks"
        )
        self.images = images
        self.blocks = blocks
        contextCount = context.count / images
        targetCount = targets.count / (images * blocks)
        self.targetSize = targetSize
        self.contextSize = contextSize
        self.context = context
        self.targets = targets
        self.uncutContextCounts = uncutContextCounts ?? Array(repeating: context.count / images, count: images)
        self.relaxedImages = relaxedImages
        self.sharedImages = sharedImages
    }

    /// Context patches of one image.
    package func context(image: Int) -> ArraySlice<Int32> {
        precondition(image >= 0 && image < images, "image \(image) of \(images)")
        return context[image * contextCount..<(image + 1) * contextCount]
    }

    /// Patches of one target block of one image.
    package func target(block: Int, image: Int) -> ArraySlice<Int32> {
        precondition(image >= 0 && image < images, "image \(image) of \(images)")
        precondition(block >= 0 && block < blocks, "block \(block) of \(blocks)")
        let start = (block * images + image) * targetCount
        return targets[start..<start + targetCount]
    }
}
