import Declarations
import Kernels
import Networks
import TensorCore

/// A predictor that the program does not have: a map of low rank of the mean context feature, and a vector for each place.
///
/// ŷ[m, b, k] = U (V mean(context[b]) + v) + u + P[blockIndices[m, b, k]]; V [r, D], U [D, r], P [N, D]. All that it takes
/// is this file and a place in the list.
struct PlacePredictor: FeaturePredictor {
    static let name = "place"
    static let summary = "a map of the mean context feature, and a vector for each place"
    static let keys = [
        DeclaredKey(
            "rank", default: 4, "Rank of the map.", limits: .between(1, 1024), synonyms: "bottleneck")
    ]

    let layout: ParameterLayout
    private let encoder: EncoderSummary
    private let rank: Int

    static func findings(_ settings: Settings, _ encoder: EncoderSummary) -> [SpecFinding] {
        let rank: Int = settings["rank"]
        guard rank > encoder.width else { return [] }
        return [
            SpecFinding(
                ["\(Predictors.group).rank", "model.width"],
                message: "a rank of \(rank) is above the width \(encoder.width)", remedy: "at most the width")
        ]
    }

    init(_ settings: Settings, _ encoder: EncoderSummary, recomputes: Bool) {
        rank = settings["rank"]
        self.encoder = encoder
        var builder = ParameterLayout.Builder()
        builder.addLinear("down", input: encoder.width, output: rank)
        builder.addLinear("up", input: rank, output: encoder.width)
        builder.add("places", Shape(encoder.grid * encoder.grid, encoder.width), decays: true, .token)
        layout = builder.build()
    }

    var matrices: [PackableMatrix] {
        ["down", "up"].map { PackableMatrix(slot: layout["\($0).weight"], needsInputGradient: true) }
    }

    func passes<Backend: KernelBackend>(_ constants: [Tensor<Backend>]) -> any PredictorPasses<Backend> {
        Passes<Backend>(
            down: AffineSlots(layout, "down"), up: AffineSlots(layout, "up"), places: layout["places"])
    }

    func forwardElements(
        _ shape: PredictionShape, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int) {
        let predictions = alignedElements(shape.blocks * shape.images * shape.blockTokens * encoder.width)
        return (
            predictions + 2 * alignedElements(shape.images * encoder.width) + alignedElements(shape.images * rank), 0
        )
    }

    func backwardElements(_ shape: PredictionShape, on backend: some KernelBackend) -> Int {
        3 * alignedElements(shape.images * encoder.width) + alignedElements(shape.images * rank)
    }

    func forwardFlops(context: Double, target: Double, blocks: Double) -> Double {
        4 * Double(rank * encoder.width)
    }

    private final class Passes<Backend: KernelBackend>: PredictorPasses {
        private let down, up: AffineSlots
        private let places: ParameterSlot
        private var saved: (mean: Tensor<Backend>, inner: Tensor<Backend>, indices: IndexTensor<Backend>)?

        init(down: AffineSlots, up: AffineSlots, places: ParameterSlot) {
            self.down = down
            self.up = up
            self.places = places
        }

        func forward(
            context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
            parameters: Parameters<Backend>, workspace: Workspace<Backend>, work: NetworkWork
        ) -> Tensor<Backend> {
            let backend = workspace.backend
            let (images, width) = (context.shape[0], context.shape[2])
            let (blocks, tokens) = (blockIndices.shape[0], blockIndices.shape[2])
            let result = workspace.takeZeroed(Shape(blocks, images, tokens, width))
            let (mean, outer) = (workspace.take(Shape(images, width)), workspace.take(Shape(images, width)))
            let inner = workspace.take(Shape(images, down.weight.shape[0]))
            backend.meanTokens(context, to: mean)
            backend.linear(mean, weight: parameters.weight(down.weight), bias: down.bias(parameters), to: inner)
            backend.linear(inner, weight: parameters.weight(up.weight), bias: up.bias(parameters), to: outer)
            // The transpose of a mean over k divides by Kp.
            backend.scale(outer, by: Backend.Scalar(tokens))
            for block in 0..<blocks { backend.meanTokensBackward(dy: outer, dx: plane(block, of: result)) }
            let rows = Shape(blocks * images, tokens)
            backend.addRows(
                of: places(parameters), indices: blockIndices.window(at: 0, rows),
                to: result.reshaped(Shape(rows[0], tokens, width)))
            saved = (mean, inner, blockIndices)
            return result
        }

        func backward(
            dy: Tensor<Backend>, parameters: Parameters<Backend>, gradients: GradientSums<Backend>,
            workspace: Workspace<Backend>, dContext: Tensor<Backend>
        ) {
            guard let (mean, inner, indices) = saved else { preconditionFailure("backward without forward") }
            let (backend, temporary) = (workspace.backend, workspace.temporary)
            let mark = temporary.mark
            defer { temporary.release(to: mark) }
            let (rows, width) = (dy.shape.rows, dy.shape[3])
            let table = places(gradients)
            backend.gatherBlocksBackward(
                dy: dy.reshaped(Shape(1, 1, rows, width)), indices: indices.window(at: 0, Shape(1, 1, rows)),
                dx: table.reshaped(Shape(1, table.shape[0], width)))
            let (dOuter, part) = (temporary.takeZeroed(mean.shape), temporary.take(mean.shape))
            for block in 0..<dy.shape[0] {
                backend.meanTokens(plane(block, of: dy), to: part)
                backend.add(part, times: Backend.Scalar(dy.shape[2]), to: dOuter)
            }
            let (dInner, dMean) = (temporary.take(inner.shape), temporary.take(mean.shape))
            backend.linearBackwardWeight(
                inner, dy: dOuter, weight: parameters.weight(up.weight), dWeight: up.weight(gradients),
                dBias: up.bias(gradients))
            backend.linearBackwardInput(
                dy: dOuter, weight: parameters.weight(up.weight), dx: dInner, accumulate: false)
            backend.linearBackwardWeight(
                mean, dy: dInner, weight: parameters.weight(down.weight), dWeight: down.weight(gradients),
                dBias: down.bias(gradients))
            backend.linearBackwardInput(
                dy: dInner, weight: parameters.weight(down.weight), dx: dMean, accumulate: false)
            backend.fill(dContext, with: 0)
            backend.meanTokensBackward(dy: dMean, dx: dContext)
            gradients.turn?.advance()
        }

        /// Block m of [M, B, Kp, D] as [B, Kp, D].
        private func plane(_ block: Int, of x: Tensor<Backend>) -> Tensor<Backend> {
            let shape = Shape(x.shape[1], x.shape[2], x.shape[3])
            return x.window(at: block * shape.count, shape)
        }
    }
}
