package import Kernels
import TensorCore

/// The map from pooled predictions to the space that VICReg acts on.
///
/// `linear`: one map without bias (VICReg's terms do not see a shift). `mlp`: Linear–BatchNorm–ReLU twice, then a
/// linear map without bias, as the public VICReg code's expander. BatchNorm takes its statistics over all rows that
/// are given at once.
package struct Projector: Sendable {
    package enum Settings: Sendable, Hashable {
        case linear(input: Int, output: Int)
        case mlp(input: Int, widths: [Int])
    }

    package let layout: ParameterLayout
    package let outputWidth: Int
    private let hiddenLayers: [HiddenLayer]
    private let last: ParameterSlot

    private struct HiddenLayer: Sendable {
        let linear: AffineSlots
        let norm: AffineSlots
        let width: Int
    }

    /// The epsilon of BatchNorm, PyTorch's default.
    private static let normEpsilon = 1e-5

    package init(_ settings: Settings) {
        var builder = ParameterLayout.Builder()
        let (input, widths): (Int, [Int])
        switch settings {
        case .linear(let from, let to): (input, widths) = (from, [to])
        case .mlp(let from, let through): (input, widths) = (from, through)
        }
        precondition(!widths.isEmpty, "a projector needs an output width")
        var width = input
        for (index, next) in widths.dropLast().enumerated() {
            builder.add("\(index).linear.weight", Shape(next, width), decays: true, .uniformFanIn)
            builder.add("\(index).linear.bias", Shape(next), decays: false, .zeros)
            builder.addNorm("\(index).norm", width: next)
            width = next
        }
        builder.add("last.weight", Shape(widths[widths.count - 1], width), decays: true, .uniformFanIn)
        let layout = builder.build()
        self.layout = layout
        outputWidth = widths[widths.count - 1]
        hiddenLayers = widths.dropLast().enumerated().map { index, width in
            HiddenLayer(
                linear: AffineSlots(layout, "\(index).linear"),
                norm: AffineSlots(layout, "\(index).norm"), width: width)
        }
        last = layout["last.weight"]
    }

    /// What the backward pass needs.
    package struct Activations<Backend: KernelBackend>: Sendable {
        struct Hidden: Sendable {
            let input, linear, mean, rstd, normalized: Tensor<Backend>
        }
        let hidden: [Hidden]
        let lastInput: Tensor<Backend>
        /// [n, d].
        package let output: Tensor<Backend>
    }

    /// - Parameter x: [n, input width].
    package func forward<Backend: KernelBackend>(
        _ x: Tensor<Backend>, parameters: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let rows = x.shape[0]
        var x = x
        var saved: [Activations<Backend>.Hidden] = []
        for layer in hiddenLayers {
            let shape = Shape(rows, layer.width)
            let linear = workspace.take(shape)
            let (mean, rstd) = (workspace.take(Shape(layer.width)), workspace.take(Shape(layer.width)))
            let (normalized, activated) = (workspace.take(shape), workspace.take(shape))
            backend.linear(
                x, weight: layer.linear.weight(parameters), bias: layer.linear.bias(parameters), to: linear)
            backend.batchNorm(
                linear, gamma: layer.norm.weight(parameters), beta: layer.norm.bias(parameters),
                epsilon: Backend.Scalar(Self.normEpsilon), mean: mean, rstd: rstd, to: normalized)
            backend.relu(normalized, to: activated)
            saved.append(.init(input: x, linear: linear, mean: mean, rstd: rstd, normalized: normalized))
            x = activated
        }
        let output = workspace.take(Shape(rows, outputWidth))
        backend.linear(x, weight: last(parameters), bias: nil, to: output)
        return Activations(hidden: saved, lastInput: x, output: output)
    }

    /// - Parameters:
    ///   - dy: Gradient of the output, [n, d].
    ///   - gradients: Flat, like `parameters`; accumulates.
    ///   - dx: Gradient of the input, [n, input width]; overwritten.
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Tensor<Backend>, gradients: Tensor<Backend>,
        workspace: Workspace<Backend>, dx: Tensor<Backend>
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        backend.linearBackwardWeight(saved.lastInput, dy: dy, dWeight: last(gradients), dBias: nil)
        var dOutput = saved.hidden.isEmpty ? dx : workspace.take(saved.lastInput.shape)
        backend.linearBackwardInput(dy: dy, weight: last(parameters), dx: dOutput, accumulate: false)
        for (index, (layer, activations)) in zip(hiddenLayers, saved.hidden).enumerated().reversed() {
            backend.reluBackward(activations.normalized, dy: dOutput, dx: dOutput)
            let dLinear = workspace.take(activations.linear.shape)
            backend.batchNormBackward(
                activations.linear, gamma: layer.norm.weight(parameters), mean: activations.mean,
                rstd: activations.rstd, dy: dOutput, dx: dLinear, dGamma: layer.norm.weight(gradients),
                dBeta: layer.norm.bias(gradients))
            backend.linearBackwardWeight(
                activations.input, dy: dLinear, dWeight: layer.linear.weight(gradients),
                dBias: layer.linear.bias(gradients))
            dOutput = index == 0 ? dx : workspace.take(activations.input.shape)
            backend.linearBackwardInput(
                dy: dLinear, weight: layer.linear.weight(parameters), dx: dOutput, accumulate: false)
        }
    }

    /// Workspace elements of `forward` and `backward` together.
    package func elements(rows: Int) -> Int {
        let perRow = hiddenLayers.reduce(0) {
            $0 + 5 * alignedElements(rows * $1.width) + 2 * alignedElements($1.width)
        }
        return perRow + alignedElements(rows * outputWidth)
    }
}
