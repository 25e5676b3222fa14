package import Kernels
import TensorCore

/// A transformer block by itself: its parameters one after the other, each on a multiple of 16 elements.
package struct LoneBlock: Sendable {
    package let layout: BlockLayout
    /// Elements of the flat vector of parameters.
    package let count: Int

    package init(width: Int, heads: Int, hidden: Int) {
        var offset = 0
        func slot(_ shape: Shape) -> ParameterSlot {
            defer { offset += alignedElements(shape.count) }
            return ParameterSlot(offset: offset, shape: shape)
        }
        func affine(_ output: Int, _ input: Int? = nil) -> AffineSlots {
            AffineSlots(weight: slot(input.map { Shape(output, $0) } ?? Shape(output)), bias: slot(Shape(output)))
        }
        layout = BlockLayout(
            width: width, heads: heads, hidden: hidden, norm1: affine(width), qkv: affine(3 * width, width),
            proj: affine(width, width), norm2: affine(width), fc1: affine(hidden, width), fc2: affine(width, hidden))
        count = offset
    }
}
