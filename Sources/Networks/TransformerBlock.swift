package import Kernels
import TensorCore

/// How transformer blocks, x + Attn(LN(x)) and then x + MLP(LN(x)), lie in a network's parameters.
enum TransformerBlock {
    /// Declares a block's parameters as `name.norm1.weight` and so on; `layer` counts from 1.
    static func declare(
        in builder: inout ParameterLayout.Builder, name: String, width: Int, hidden: Int, layer: Int
    ) {
        builder.addNorm("\(name).norm1", width: width)
        builder.addLinear("\(name).attn.qkv", input: width, output: 3 * width)
        builder.addLinear("\(name).attn.proj", input: width, output: width, rescaledByLayer: layer)
        builder.addNorm("\(name).norm2", width: width)
        builder.addLinear("\(name).mlp.fc1", input: width, output: hidden)
        builder.addLinear("\(name).mlp.fc2", input: hidden, output: width, rescaledByLayer: layer)
    }
}

extension BlockLayout {
    /// The block that was declared under that name.
    init(_ layout: ParameterLayout, name: String, width: Int, heads: Int, hidden: Int) {
        self.init(
            width: width, heads: heads, hidden: hidden, norm1: AffineSlots(layout, "\(name).norm1"),
            qkv: AffineSlots(layout, "\(name).attn.qkv"), proj: AffineSlots(layout, "\(name).attn.proj"),
            norm2: AffineSlots(layout, "\(name).norm2"), fc1: AffineSlots(layout, "\(name).mlp.fc1"),
            fc2: AffineSlots(layout, "\(name).mlp.fc2"))
    }
}

extension AffineSlots {
    /// What `addLinear` or `addNorm` declared under that name.
    package init(_ layout: ParameterLayout, _ name: String) {
        self.init(weight: layout["\(name).weight"], bias: layout["\(name).bias"])
    }
}
