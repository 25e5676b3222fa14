package import Declarations
package import Kernels
import TensorCore

/// No network: the mean of the context features is the prediction for every patch (section B.2 of the paper).
package struct MeanPredictor: FeaturePredictor {
    package static let name = "none"
    package static let summary = "the mean of the context features is the prediction for every patch"
    /// It reads none of them; but they are in the hashes of its runs, which stay as they are.
    package static let keys = TransformerPredictor.keys
    package static let distinguishesBlocks = false

    private let width: Int

    package init(_ settings: Settings, _ encoder: EncoderSummary, recomputes: Bool) { self.init(width: encoder.width) }

    /// - Parameter width: D.
    package init(width: Int) { self.width = width }

    package func passes<Backend: KernelBackend>(_ constants: [Tensor<Backend>]) -> any PredictorPasses<Backend> {
        Passes<Backend>()
    }

    package func forwardElements(
        _ shape: PredictionShape, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int) {
        let predictions = alignedElements(shape.blocks * shape.images * shape.blockTokens * width)
        return (predictions + alignedElements(shape.images * width), 0)
    }

    package func backwardElements(_ shape: PredictionShape, on backend: some KernelBackend) -> Int {
        2 * alignedElements(shape.images * width)
    }

    package func forwardFlops(context: Double, target: Double, blocks: Double) -> Double { 0 }

    package func values(_ shape: PredictionShape, isNarrow: Bool) -> PassValues {
        PassValues(kept: shape.images * (shape.blocks * shape.blockTokens + 1) * width, temporary: 0)
    }

    private final class Passes<Backend: KernelBackend>: PredictorPasses {
        func forward(
            context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
            parameters: Parameters<Backend>, workspace: Workspace<Backend>, work: NetworkWork
        ) -> Tensor<Backend> {
            let backend = workspace.backend
            let (images, width) = (context.shape[0], context.shape[2])
            let (blocks, tokens) = (blockIndices.shape[0], blockIndices.shape[2])
            let result = workspace.takeZeroed(Shape(blocks, images, tokens, width))
            let mean = workspace.take(Shape(images, width))
            backend.meanTokens(context, to: mean)
            backend.scale(mean, by: Backend.Scalar(tokens))
            for block in 0..<blocks {
                backend.meanTokensBackward(dy: mean, dx: plane(block, of: result))
            }
            return result
        }

        func backward(
            dy: Tensor<Backend>, parameters: Parameters<Backend>, gradients: GradientSums<Backend>,
            workspace: Workspace<Backend>, dContext: Tensor<Backend>
        ) {
            let (backend, temporary) = (workspace.backend, workspace.temporary)
            let mark = temporary.mark
            defer { temporary.release(to: mark) }
            let shape = dy.shape
            let perImage = Shape(shape[1], shape[3])
            let (dMean, part) = (temporary.takeZeroed(perImage), temporary.take(perImage))
            for block in 0..<shape[0] {
                backend.meanTokens(plane(block, of: dy), to: part)
                backend.add(part, times: Backend.Scalar(shape[2]), to: dMean)
            }
            backend.fill(dContext, with: 0)
            backend.meanTokensBackward(dy: dMean, dx: dContext)
        }

        /// Block m of [M, B, Kp, D] as [B, Kp, D].
        private func plane(_ block: Int, of x: Tensor<Backend>) -> Tensor<Backend> {
            let shape = Shape(x.shape[1], x.shape[2], x.shape[3])
            return x.window(at: block * shape.count, shape)
        }
    }
}
