import TensorCore

/// The patches of some images, as an encoder takes them.
package struct PatchInput<Backend: KernelBackend>: Sendable {
    /// [B, C, height, width].
    package let images: Tensor<Backend>
    /// p.
    package let patchSize: Int
    /// The patches' places in raster order, [B, K]; none: all N.
    package let indices: IndexTensor<Backend>?

    package init(_ images: Tensor<Backend>, patchSize: Int, indices: IndexTensor<Backend>?) {
        precondition(
            images.shape.rank == 4 && patchSize > 0,
            "patches of \(patchSize) of images \(images.shape), which are not [B, C, height, width]")
        self.images = images
        self.patchSize = patchSize
        self.indices = indices
    }

    /// K: patches of each image.
    package var tokens: Int {
        indices?.shape[1] ?? (images.shape[2] / patchSize) * (images.shape[3] / patchSize)
    }

    /// - Parameter width: D, of what the patches become.
    package func shape(width: Int) -> PatchShape {
        PatchShape(
            images: images.shape[0], tokens: tokens, elements: images.shape[1] * patchSize * patchSize, width: width)
    }

    /// Calls `body` with a few images at a time, in order, and with the row where the first of their patches lies among
    /// all.
    package func forEachGroup(_ body: (_ part: PatchInput, _ firstRow: Int) -> Void) {
        let (extents, tokens) = (images.shape, tokens)
        let atOnce = max(1, PatchShape.rowsAtOnce / max(tokens, 1))
        for first in stride(from: 0, to: extents[0], by: atOnce) {
            let count = min(atOnce, extents[0] - first)
            let pixels = extents[1] * extents[2] * extents[3]
            let part = PatchInput(
                images.window(at: first * pixels, Shape(count, extents[1], extents[2], extents[3])),
                patchSize: patchSize, indices: indices?.window(at: first * tokens, Shape(count, tokens)))
            body(part, first * tokens)
        }
    }
}

/// The sizes of a patch embedding.
package struct PatchShape: Sendable, Hashable {
    /// B, K: images, and patches of each.
    package var images, tokens: Int
    /// C·p·p, numbers of a patch, and D.
    package var elements, width: Int

    package init(images: Int, tokens: Int, elements: Int, width: Int) {
        (self.images, self.tokens, self.elements, self.width) = (images, tokens, elements, width)
    }

    /// Patches that are cut at once, unless a single image has more: enough for products at full speed, few enough to stay
    /// in the second cache.
    static var rowsAtOnce: Int { 512 }

    /// No fewer than the rows of any group; grows with B and K.
    package var groupRows: Int { min(images * tokens, max(tokens, Self.rowsAtOnce)) }
}
