package import Kernels
import TensorCore

/// The map from pooled features to the space that a regulariser acts on.
///
/// `linear`: one map without bias (a shift changes nothing for terms that centre their views). `mlp`: Linear–BatchNorm–ReLU twice, then a
/// linear map without bias, as the public VICReg code's expander.
package struct Projector: Sendable {
    package enum Settings: Sendable, Hashable {
        case linear(input: Int, output: Int)
        case mlp(input: Int, widths: [Int], batchNorm: BatchNorm = .perView)
    }

    /// Over which rows a BatchNorm takes its statistics.
    package enum BatchNorm: Sendable, Hashable {
        /// The rows of one view: the public VICReg code calls its projector once for each view.
        case perView
        /// All rows of all views.
        case joint
    }

    package let layout: ParameterLayout
    package let outputWidth: Int
    private let batchNorm: BatchNorm
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
        // A linear map has no BatchNorm.
        case .linear(let from, let to): (input, widths, batchNorm) = (from, [to], .perView)
        case .mlp(let from, let through, let norm): (input, widths, batchNorm) = (from, through, norm)
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
        /// Rows are those of all views: [M · n, width]; mean and rstd [M, width], or [1, width] where views share them.
        struct Hidden: Sendable {
            let input, linear, mean, rstd, normalized: Tensor<Backend>
        }
        let hidden: [Hidden]
        let lastInput: Tensor<Backend>
        /// [M, n, d].
        package let output: Tensor<Backend>
    }

    /// - Parameter views: [M, n, input width], M views of the same n images.
    package func forward<Backend: KernelBackend>(
        _ views: Tensor<Backend>, parameters: Tensor<Backend>, workspace: Workspace<Backend>
    ) -> Activations<Backend> {
        let backend = workspace.backend
        let (viewCount, images) = (views.shape[0], views.shape[1])
        let rows = viewCount * images
        let groups = normGroups(views: viewCount)
        var x = views.reshaped(Shape(rows, views.shape[2]))
        var saved: [Activations<Backend>.Hidden] = []
        for layer in hiddenLayers {
            let shape = Shape(rows, layer.width)
            let linear = workspace.take(shape)
            let moments = Shape(groups, layer.width)
            let (mean, rstd) = (workspace.take(moments), workspace.take(moments))
            let (normalized, activated) = (workspace.take(shape), workspace.take(shape))
            backend.linear(
                x, weight: layer.linear.weight(parameters), bias: layer.linear.bias(parameters), to: linear)
            for group in 0..<groups {
                backend.batchNorm(
                    linear.part(group, of: groups), gamma: layer.norm.weight(parameters),
                    beta: layer.norm.bias(parameters), epsilon: Backend.Scalar(Self.normEpsilon),
                    mean: mean.vector(group), rstd: rstd.vector(group), to: normalized.part(group, of: groups))
            }
            backend.relu(normalized, to: activated)
            saved.append(.init(input: x, linear: linear, mean: mean, rstd: rstd, normalized: normalized))
            x = activated
        }
        let output = workspace.take(Shape(rows, outputWidth))
        backend.linear(x, weight: last(parameters), bias: nil, to: output)
        return Activations(
            hidden: saved, lastInput: x, output: output.reshaped(Shape(viewCount, images, outputWidth)))
    }

    /// Groups of rows that a BatchNorm normalises by themselves; they follow one another.
    private func normGroups(views: Int) -> Int { batchNorm == .perView ? views : 1 }

    /// - Parameters:
    ///   - dy: Gradient of the output, [M, n, d].
    ///   - gradients: Flat, like `parameters`; accumulates.
    ///   - dx: Gradient of the input, [M, n, input width]; overwritten.
    package func backward<Backend: KernelBackend>(
        _ saved: Activations<Backend>, dy: Tensor<Backend>, parameters: Tensor<Backend>, gradients: Tensor<Backend>,
        workspace: Workspace<Backend>, dx: Tensor<Backend>
    ) {
        let backend = workspace.backend
        let mark = workspace.mark
        defer { workspace.release(to: mark) }
        let (viewCount, rows) = (dy.shape[0], dy.shape[0] * dy.shape[1])
        let groups = normGroups(views: viewCount)
        let (dy, dx) = (dy.reshaped(Shape(rows, dy.shape[2])), dx.reshaped(Shape(rows, dx.shape[2])))
        backend.linearBackwardWeight(saved.lastInput, dy: dy, dWeight: last(gradients), dBias: nil)
        var dOutput = saved.hidden.isEmpty ? dx : workspace.take(saved.lastInput.shape)
        backend.linearBackwardInput(dy: dy, weight: last(parameters), dx: dOutput, accumulate: false)
        for (index, (layer, activations)) in zip(hiddenLayers, saved.hidden).enumerated().reversed() {
            backend.reluBackward(activations.normalized, dy: dOutput, dx: dOutput)
            let dLinear = workspace.take(activations.linear.shape)
            for group in 0..<groups {
                backend.batchNormBackward(
                    activations.linear.part(group, of: groups), gamma: layer.norm.weight(parameters),
                    mean: activations.mean.vector(group), rstd: activations.rstd.vector(group),
                    dy: dOutput.part(group, of: groups), dx: dLinear.part(group, of: groups),
                    dGamma: layer.norm.weight(gradients), dBeta: layer.norm.bias(gradients))
            }
            backend.linearBackwardWeight(
                activations.input, dy: dLinear, dWeight: layer.linear.weight(gradients),
                dBias: layer.linear.bias(gradients))
            dOutput = index == 0 ? dx : workspace.take(activations.input.shape)
            backend.linearBackwardInput(
                dy: dLinear, weight: layer.linear.weight(parameters), dx: dOutput, accumulate: false)
        }
    }

    /// Workspace elements of `forward` and `backward` together, for M views of n images.
    package func elements(views: Int, images: Int) -> Int {
        let rows = views * images
        let hidden = hiddenLayers.reduce(0) {
            $0 + 5 * alignedElements(rows * $1.width) + 2 * alignedElements(normGroups(views: views) * $1.width)
        }
        return hidden + alignedElements(rows * outputWidth)
    }
}

extension Tensor {
    /// One of `count` equal parts of the rows of a matrix.
    fileprivate func part(_ index: Int, of count: Int) -> Tensor {
        let shape = Shape(self.shape[0] / count, self.shape[1])
        return window(at: index * shape.count, shape)
    }

    /// One row of a matrix.
    fileprivate func vector(_ row: Int) -> Tensor {
        window(at: row * shape[1], Shape(shape[1]))
    }
}
