package import Kernels
import TensorCore

/// One pre-norm transformer block: x + Attn(LN(x)), then x + MLP(LN(x)).
package struct TransformerBlock: Sendable {
    package let width: Int
    package let heads: Int
    package let hidden: Int
    private let norm1: Affine
    private let qkv: Affine
    private let proj: Affine
    private let norm2: Affine
    private let fc1: Affine
    private let fc2: Affine

    /// The epsilon of every LayerNorm with parameters.
    package static let normEpsilon = 1e-6

    /// Weight and bias of a linear map or a normalisation.
    struct Affine: Sendable {
        let weight: ParameterSlot
        let bias: ParameterSlot

        init(_ layout: ParameterLayout, _ name: String) {
            weight = layout["\(name).weight"]
            bias = layout["\(name).bias"]
        }
    }

    /// What the backward pass needs; R = B·T rows.
    package struct Activations<Backend: KernelBackend>: Sendable {
        let x, mean1, rstd1, y1, qkv, probabilities, attended: Tensor<Backend>
        let middle, mean2, rstd2, y2, pre, activated: Tensor<Backend>
    }

    /// Declares the block's parameters as `name.norm1.weight` and so on; `layer` counts from 1.
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

    init(_ layout: ParameterLayout, name: String, width: Int, heads: Int, hidden: Int) {
        precondition(width % heads == 0, "\(heads) heads do not divide the width \(width)")
        (self.width, self.heads, self.hidden) = (width, heads, hidden)
        norm1 = Affine(layout, "\(name).norm1")
        qkv = Affine(layout, "\(name).attn.qkv")
        proj = Affine(layout, "\(name).attn.proj")
        norm2 = Affine(layout, "\(name).norm2")
        fc1 = Affine(layout, "\(name).mlp.fc1")
        fc2 = Affine(layout, "\(name).mlp.fc2")
    }

    /// - Parameters:
    ///   - x: Input, [B, T, D].
    ///   - parameters: The network's flat parameters.
    ///   - output: [B, T, D]; overwritten.
    package func forward<Backend: KernelBackend>(
        _ x: Tensor<Backend>, parameters: Tensor<Backend>, workspace: Workspace<Backend>, output: Tensor<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let (images, tokens) = (x.shape[0], x.shape[1])
        let rows = Shape(images * tokens)
        let wide = { (columns: Int) in Shape(images, tokens, columns) }
        let saved = Activations(
            x: x, mean1: workspace.take(rows), rstd1: workspace.take(rows), y1: workspace.take(wide(width)),
            qkv: workspace.take(wide(3 * width)),
            probabilities: workspace.take(Shape(images, heads, tokens, tokens)),
            attended: workspace.take(wide(width)), middle: workspace.take(wide(width)),
            mean2: workspace.take(rows), rstd2: workspace.take(rows), y2: workspace.take(wide(width)),
            pre: workspace.take(wide(hidden)), activated: workspace.take(wide(hidden)))

        backend.layerNorm(
            x, gamma: norm1.weight(parameters), beta: norm1.bias(parameters), epsilon: Backend.Scalar(Self.normEpsilon),
            mean: saved.mean1, rstd: saved.rstd1, to: saved.y1)
        backend.linear(saved.y1, weight: qkv.weight(parameters), bias: qkv.bias(parameters), to: saved.qkv)
        backend.attention(qkv: saved.qkv, heads: heads, probabilities: saved.probabilities, to: saved.attended)
        backend.linear(
            saved.attended, weight: proj.weight(parameters), bias: proj.bias(parameters), to: saved.middle)
        backend.add(x, times: 1, to: saved.middle)

        backend.layerNorm(
            saved.middle, gamma: norm2.weight(parameters), beta: norm2.bias(parameters),
            epsilon: Backend.Scalar(Self.normEpsilon), mean: saved.mean2, rstd: saved.rstd2, to: saved.y2)
        backend.linearGELU(
            saved.y2, weight: fc1.weight(parameters), bias: fc1.bias(parameters), pre: saved.pre, to: saved.activated)
        backend.linear(saved.activated, weight: fc2.weight(parameters), bias: fc2.bias(parameters), to: output)
        backend.add(saved.middle, times: 1, to: output)
        return saved
    }

    /// - Parameters:
    ///   - gradients: Flat, like `parameters`; accumulates.
    ///   - dx: Gradient of the output on entry, of the input on return, [B, T, D].
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, parameters: Tensor<Backend>, gradients: Tensor<Backend>,
        workspace: Workspace<Backend>, dx: Tensor<Backend>
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let tokens = dx.shape[1]
        let dNarrow = workspace.take(dx.shape)
        let dHidden = workspace.take(saved.pre.shape)
        let dQKV = workspace.take(saved.qkv.shape)
        let scratch = workspace.take(Shape(2, tokens, tokens))

        backend.linearBackwardWeight(
            saved.activated, dy: dx, dWeight: fc2.weight(gradients), dBias: fc2.bias(gradients))
        backend.linearBackwardInput(dy: dx, weight: fc2.weight(parameters), dx: dHidden, accumulate: false)
        backend.geluBackward(pre: saved.pre, dy: dHidden, dx: dHidden)
        backend.linearBackwardWeight(
            saved.y2, dy: dHidden, dWeight: fc1.weight(gradients), dBias: fc1.bias(gradients))
        backend.linearBackwardInput(dy: dHidden, weight: fc1.weight(parameters), dx: dNarrow, accumulate: false)
        backend.layerNormBackward(
            saved.middle, gamma: norm2.weight(parameters), mean: saved.mean2, rstd: saved.rstd2, dy: dNarrow, dx: dx,
            dGamma: norm2.weight(gradients), dBeta: norm2.bias(gradients))

        backend.linearBackwardWeight(
            saved.attended, dy: dx, dWeight: proj.weight(gradients), dBias: proj.bias(gradients))
        backend.linearBackwardInput(dy: dx, weight: proj.weight(parameters), dx: dNarrow, accumulate: false)
        backend.attentionBackward(
            qkv: saved.qkv, heads: heads, probabilities: saved.probabilities, dy: dNarrow, dQKV: dQKV, scratch: scratch)
        backend.linearBackwardWeight(saved.y1, dy: dQKV, dWeight: qkv.weight(gradients), dBias: qkv.bias(gradients))
        // A bias of all keys shifts each row of scores by a constant, which softmax does not see. Its gradient is zero; what
        // rounding leaves in its place AdamW would blow up to steps of full size.
        backend.fill(qkv.bias(gradients).window(at: width, Shape(width)), with: 0)
        backend.linearBackwardInput(dy: dQKV, weight: qkv.weight(parameters), dx: dNarrow, accumulate: false)
        backend.layerNormBackward(
            saved.x, gamma: norm1.weight(parameters), mean: saved.mean1, rstd: saved.rstd1, dy: dNarrow, dx: dx,
            dGamma: norm1.weight(gradients), dBeta: norm1.bias(gradients))
    }

    /// Workspace elements that one forward pass keeps, its output not counted.
    package func keptElements(images: Int, tokens: Int) -> Int {
        let rows = images * tokens
        return 4 * alignedElements(rows) + 4 * alignedElements(rows * width) + alignedElements(3 * rows * width)
            + alignedElements(rows * heads * tokens) + 2 * alignedElements(rows * hidden)
    }

    /// Workspace elements that one backward pass needs while it runs.
    package func backwardElements(images: Int, tokens: Int) -> Int {
        let rows = images * tokens
        return alignedElements(rows * width) + alignedElements(rows * hidden) + alignedElements(3 * rows * width)
            + alignedElements(2 * tokens * tokens)
    }
}
