package import Declarations
package import Kernels

/// From the features of the context to those of the hidden blocks; one of the kinds that `model.predictor.kind` names.
///
/// A type that conforms, in one file, and its name in `Predictors.standard` are all that a new kind takes: its keys, checks,
/// parameters, packed copies, memory, costs, checkpoints and documentation follow.
package protocol FeaturePredictor: DeclaredOption {
    /// Whether predictions of different target blocks differ; terms that compare blocks need it.
    static var distinguishesBlocks: Bool { get }

    /// What makes these settings impossible; keys by their whole paths, below `Predictors.group`.
    static func findings(_ settings: Settings, _ encoder: EncoderSummary) -> [SpecFinding]

    /// - Parameters:
    ///   - settings: Those of the keys that the type declares, without findings.
    ///   - recomputes: Whether transformer blocks keep only their inputs and are run again in the backward pass.
    init(_ settings: Settings, _ encoder: EncoderSummary, recomputes: Bool)

    /// Its parameters; `ParameterLayout.none` where there are none.
    var layout: ParameterLayout { get }
    /// The matrices of `layout` that a back end may keep packed.
    var matrices: [PackableMatrix] { get }

    /// What all passes read and never change, such as a table of positions; made once for a run.
    func constants<Backend: KernelBackend>(on backend: Backend) -> [Tensor<Backend>]
    /// Made once for each shard.
    ///
    /// - Parameter constants: Those above.
    func passes<Backend: KernelBackend>(_ constants: [Tensor<Backend>]) -> any PredictorPasses<Backend>

    /// Workspace elements of a forward pass: those that stay taken, predictions included, and those that are soon given
    /// back.
    func forwardElements(
        _ shape: PredictionShape, on backend: some KernelBackend
    ) -> (kept: Int, temporary: Int)
    /// Elements of temporary memory of a backward pass.
    func backwardElements(_ shape: PredictionShape, on backend: some KernelBackend) -> Int

    /// Floating-point operations for one image, as in `StepFLOPs`: those of matrix products.
    ///
    /// - Parameters:
    ///   - context, target, blocks: Kc, Kp and M; the first two may be expected values.
    func forwardFlops(context: Double, target: Double, blocks: Double) -> Double
    func backwardFlops(context: Double, target: Double, blocks: Double) -> Double

    /// Values in memory, for estimates: those that a forward pass leaves, and the most that either pass needs besides.
    ///
    /// - Parameter isNarrow: Whether activations inside blocks are bfloat16; two of them count as one value.
    func values(_ shape: PredictionShape, isNarrow: Bool) -> PassValues
}

/// A predictor on a back end, for one part of a batch after the other, on one thread at a time.
///
/// It keeps from a forward pass what the backward pass needs: memory of the workspace, so that a step allocates nothing.
package protocol PredictorPasses<Backend>: AnyObject {
    associatedtype Backend: KernelBackend

    /// - Parameters:
    ///   - context: Features of the context patches, [B, Kc, D].
    ///   - contextIndices: Their places, [B, Kc].
    ///   - blockIndices: Places of the target blocks, [M, B, Kp].
    ///   - parameters: Of the predictor's layout.
    ///   - workspace: What is taken from it stays until the next step; its `temporary` is given back before returning.
    ///   - work: Whether results that nothing reads are computed too; other results may differ in rounding.
    /// - Returns: [M, B, Kp, D].
    func forward(
        context: Tensor<Backend>, contextIndices: IndexTensor<Backend>, blockIndices: IndexTensor<Backend>,
        parameters: Parameters<Backend>, workspace: Workspace<Backend>, work: NetworkWork
    ) -> Tensor<Backend>

    /// Of the last forward pass.
    ///
    /// - Parameters:
    ///   - dy: Gradient of the predictions, [M, B, Kp, D].
    ///   - gradients: Flat, like `parameters`; accumulates. Shards add in turn: `advance` lets the next one begin with the
    ///     parameters that this one has finished, and is called as often for every shard.
    ///   - dContext: Gradient of the context features, [B, Kc, D]; overwritten.
    func backward(
        dy: Tensor<Backend>, parameters: Parameters<Backend>, gradients: GradientSums<Backend>,
        workspace: Workspace<Backend>, dContext: Tensor<Backend>)
}

extension FeaturePredictor {
    package static var distinguishesBlocks: Bool { true }
    package static func findings(_ settings: Settings, _ encoder: EncoderSummary) -> [SpecFinding] { [] }
    package var layout: ParameterLayout { .none }
    package var matrices: [PackableMatrix] { [] }
    package func constants<Backend: KernelBackend>(on backend: Backend) -> [Tensor<Backend>] { [] }

    /// Every product of two matrices has two in the backward pass, of the same size.
    package func backwardFlops(context: Double, target: Double, blocks: Double) -> Double {
        2 * forwardFlops(context: context, target: target, blocks: blocks)
    }

    /// What workspaces are planned for on a back end that keeps everything in full.
    package func values(_ shape: PredictionShape, isNarrow: Bool) -> PassValues {
        let backend = ReferenceBackend<Float>()
        let forward = forwardElements(shape, on: backend)
        return PassValues(
            kept: forward.kept, temporary: max(forward.temporary, backwardElements(shape, on: backend)))
    }
}

extension Predictors {
    /// Where the keys of predictors are.
    package static let group = "model.predictor"
}

/// What a predictor needs to know of the encoder.
package struct EncoderSummary: Sendable, Hashable {
    /// D.
    package let width: Int
    package let heads: Int
    /// Hidden width of a block's MLP, divided by the block's width.
    package let mlpRatio: Double
    /// Patches along one side of the image.
    package let grid: Int

    package init(width: Int, heads: Int, mlpRatio: Double, grid: Int) {
        self.width = width
        self.heads = heads
        self.mlpRatio = mlpRatio
        self.grid = grid
    }
}

/// How much a predictor has to do at once.
package struct PredictionShape: Sendable, Hashable {
    /// B.
    package let images: Int
    /// Kc.
    package let contextTokens: Int
    /// M.
    package let blocks: Int
    /// Kp.
    package let blockTokens: Int

    package init(images: Int, contextTokens: Int, blocks: Int, blockTokens: Int) {
        self.images = images
        self.contextTokens = contextTokens
        self.blocks = blocks
        self.blockTokens = blockTokens
    }
}

/// How much a network does.
package enum NetworkWork: Sendable, Hashable {
    /// What its results depend on.
    case needed
    /// All that the definition says, also where nothing reads it; to compare with.
    case everything
}
