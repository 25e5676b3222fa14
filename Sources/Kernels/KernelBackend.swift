package import TensorCore

/// The coarse operations that the engine is made of; one conforming type per device and precision.
///
/// Letters in shapes: B images, T tokens of a sequence, N patches of an image, D width, H heads, M target blocks,
/// Kc context patches, Kp patches of one target block, C channels, p patch size, n rows, d columns.
///
/// Rules that hold for every operation:
/// - Tensors are contiguous and row-major. Outputs do not alias inputs unless an operation says so.
/// - Operations run on the calling thread; a back end may be used from several threads at once on disjoint outputs.
/// - An output is overwritten, unless its documentation says "accumulates".
/// - Gradients of parameters (weights, biases, gamma, beta, mask token) always accumulate.
/// - A shape that does not fit is a programmer's error: `precondition`, naming both shapes.
/// - Linear weights are [out, in], as in the public checkpoints.
package protocol KernelBackend: Sendable {
    /// The type of activations and parameters.
    associatedtype Scalar: BinaryFloatingPoint & Sendable & BitwiseCopyable
    /// Memory of scalars on the device.
    associatedtype Buffer: Sendable
    /// Memory of 32-bit indices on the device.
    associatedtype IndexBuffer: Sendable
    /// Copies of weight matrices in another form (another precision, another order), next to the values that are
    /// trained; a reference or a handle, since it is passed around with every weight.
    associatedtype PackedWeights: Sendable = NoPackedWeights

    /// The name and what was chosen at run time, for provenance: "reference Float", "OpenBLAS SkylakeX, AVX-512".
    var summary: String { get }

    // MARK: Memory

    /// New memory, zeroed.
    func makeBuffer(count: Int) -> Buffer
    /// New memory for indices, zeroed.
    func makeIndexBuffer(count: Int) -> IndexBuffer
    /// Copies `destination.count` numbers from `source`, beginning at `start`, to the device.
    func upload(_ source: HostBuffer<Float>, at start: Int, to destination: Tensor<Self>)
    /// The numbers of host memory from `start` on as a tensor, without a copy, where the device can read host memory; nil
    /// elsewhere, which is the default. The tensor is only read.
    func borrow(_ source: HostBuffer<Float>, at start: Int, _ shape: Shape) -> Tensor<Self>?
    /// Copies `destination.count` indices from `source`, beginning at `start`, to the device.
    func upload(_ source: HostBuffer<Int32>, at start: Int, to destination: IndexTensor<Self>)
    /// Writes the given numbers; `values.count == destination.count`.
    func store(_ values: [Scalar], in destination: Tensor<Self>)
    /// The elements in row-major order.
    func values(of source: Tensor<Self>) -> [Scalar]

    // MARK: Packed weights

    /// Memory for packed copies of matrices of a flat vector, their contents not yet defined; nil for a back end that
    /// reads weights as they are, which is the default.
    ///
    /// - Parameter flat: The whole vector; slots count from its first element.
    func makePackedWeights(of matrices: [PackableMatrix], in flat: Tensor<Self>) -> PackedWeights?
    /// Brings the packed copies of elements `range` of the flat vector up to date with their values.
    ///
    /// Called for everything after parameters were initialised or loaded, and for each piece of the vector by the thread
    /// that has just updated it. Pieces are disjoint, may come on several threads at once, and are cut between matrices
    /// or between groups of 32 rows of one, counted from its first; gaps and vectors that are not packed may lie within.
    func refresh(_ packed: PackedWeights, from flat: Tensor<Self>, range: Range<Int>)

    // MARK: Element by element

    func fill(_ x: Tensor<Self>, with value: Scalar)
    /// y = x.
    func copy(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// y += alpha · x.
    func add(_ x: Tensor<Self>, times alpha: Scalar, to y: Tensor<Self>)
    /// x *= alpha.
    func scale(_ x: Tensor<Self>, by alpha: Scalar)
    /// Σ x², summed in Double in an order that depends on the count alone.
    func sumOfSquares(_ x: Tensor<Self>) -> Double
    /// y = max(x, 0); a NaN stays a NaN.
    func relu(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// dx = dy where x > 0, else 0. `dx` may be `dy`.
    func reluBackward(_ x: Tensor<Self>, dy: Tensor<Self>, dx: Tensor<Self>)

    // MARK: Matrix products

    /// C = alpha · op(A) · op(B) + beta · C, where op transposes if asked; C is not read if beta is 0.
    ///
    /// - Parameters: op(A) is [n, k], op(B) [k, d], C [n, d]; all two-dimensional.
    func multiply(
        _ a: Tensor<Self>, transposed transposeA: Bool, _ b: Tensor<Self>, transposed transposeB: Bool,
        alpha: Scalar, beta: Scalar, to c: Tensor<Self>)

    /// y = x · Wᵀ + b.
    ///
    /// - Parameters: x [.., in], weight [out, in], bias [out] or none, y [.., out].
    func linear(_ x: Tensor<Self>, weight: Tensor<Self>, bias: Tensor<Self>?, to y: Tensor<Self>)
    /// pre = x · Wᵀ + b and y = GELU(pre), the exact form pre · Φ(pre).
    ///
    /// - Parameters: x [.., in], weight [out, in], bias [out], pre [.., out] kept for the backward pass, y [.., out].
    func linearGELU(
        _ x: Tensor<Self>, weight: Tensor<Self>, bias: Tensor<Self>, pre: Tensor<Self>, to y: Tensor<Self>)
    /// `linear` with a weight that may have a packed copy; by default the copy is not used.
    func linear(_ x: Tensor<Self>, weight: Weight<Self>, bias: Tensor<Self>?, to y: Tensor<Self>)
    /// dx = dy · W, or dx += dy · W if `accumulate`.
    func linearBackwardInput(
        dy: Tensor<Self>, weight: Tensor<Self>, dx: Tensor<Self>, accumulate: Bool)
    /// `linearBackwardInput` with a weight that may have a packed copy; by default the copy is not used.
    func linearBackwardInput(
        dy: Tensor<Self>, weight: Weight<Self>, dx: Tensor<Self>, accumulate: Bool)
    /// dW += dyᵀ · x and db += Σ_rows dy.
    func linearBackwardWeight(
        _ x: Tensor<Self>, dy: Tensor<Self>, dWeight: Tensor<Self>, dBias: Tensor<Self>?)
    /// `linearBackwardWeight` with the weight, which may have a packed copy; by default it is not used.
    func linearBackwardWeight(
        _ x: Tensor<Self>, dy: Tensor<Self>, weight: Weight<Self>, dWeight: Tensor<Self>, dBias: Tensor<Self>?)
    /// dx = dy · GELU′(pre). `dx` may be `dy`.
    func geluBackward(pre: Tensor<Self>, dy: Tensor<Self>, dx: Tensor<Self>)

    // MARK: Transformer

    /// y = (x − mean) · rstd · gamma + beta over the last axis, biased variance; without gamma and beta: no affine part.
    ///
    /// - Parameters: x, y [.., D]; gamma, beta [D], both or neither; mean, rstd [rows], kept for the backward pass.
    func layerNorm(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, beta: Tensor<Self>?, epsilon: Scalar,
        mean: Tensor<Self>, rstd: Tensor<Self>, to y: Tensor<Self>)
    /// dx += the gradient (accumulates: the residual stream), dGamma and dBeta accumulate.
    func layerNormBackward(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, mean: Tensor<Self>, rstd: Tensor<Self>, dy: Tensor<Self>,
        dx: Tensor<Self>, dGamma: Tensor<Self>?, dBeta: Tensor<Self>?)

    /// softmax(q kᵀ / √(D/H)) v for each image and head.
    ///
    /// - Parameters: qkv [B, T, 3·D], for each token q, k, v, each of H heads of D/H; probabilities [B, H, T, T], kept
    ///   for the backward pass; y [B, T, D].
    func attention(qkv: Tensor<Self>, heads: Int, probabilities: Tensor<Self>, to y: Tensor<Self>)
    /// dQKV [B, T, 3·D] is overwritten. `scratch` is [2, T, T] or larger.
    func attentionBackward(
        qkv: Tensor<Self>, heads: Int, probabilities: Tensor<Self>, dy: Tensor<Self>, dQKV: Tensor<Self>,
        scratch: Tensor<Self>)

    /// `attention` with queries, keys and values in separate tensors, some of them common to several sequences.
    ///
    /// - Parameters: probabilities: for each sequence, then head, then query, a row of T; R·H·T in all, kept for the
    ///   backward pass; y: a row of D for each query, in the order of sequences, shared queries before own ones.
    func attention(
        _ operands: AttentionOperands<Self>, heads: Int, probabilities: Tensor<Self>, to y: Tensor<Self>)
    /// Gradients of all operands, overwritten; those of shared ones are summed over their sequences in order. Not for
    /// chosen queries. `scratch` is [2, T, T] or larger.
    func attentionBackward(
        _ operands: AttentionOperands<Self>, heads: Int, probabilities: Tensor<Self>, dy: Tensor<Self>,
        gradients: AttentionOperands<Self>, scratch: Tensor<Self>)

    /// Memory that the block operations need for such a shape; does not shrink where a number of the shape grows.
    func blockMemory(_ block: BlockLayout, _ shape: BlockShape) -> BlockMemory
    /// The output of a transformer block for the tokens that are queries.
    ///
    /// The residual stream, that is x and y, is in `Scalar`; what is between them is the back end's affair: the precision
    /// and place of activations, how many sequences go through at once, which passes are one. By default it is composed
    /// of the operations above.
    /// - Parameters:
    ///   - parameters: Of the network, which `block`'s slots refer to.
    ///   - kept: Memory of `blockMemory(…).kept` elements for what the backward pass needs, in any form; none: there will
    ///     be no backward pass.
    ///   - scratch: Memory of `forwardScratch` elements, or `inferenceScratch` without `kept`.
    ///   - y: Of `input.outputShape`; not the input's memory.
    func blockForward(
        _ block: BlockLayout, _ input: BlockInput<Self>, parameters: Parameters<Self>, kept: Tensor<Self>?,
        scratch: Tensor<Self>, to y: Tensor<Self>)
    /// The gradients of a transformer block. That of the bias of keys, which softmax cannot see, is set to 0.
    ///
    /// - Parameters:
    ///   - input: As in the forward pass; the contents of its tensors only where `needsInput` says so.
    ///   - kept: As the forward pass left it.
    ///   - scratch: Memory of `backwardScratch` elements.
    ///   - dy: Gradient of the output, of `input.outputShape`; its contents are lost.
    func blockBackward(
        _ block: BlockLayout, _ input: BlockInput<Self>, parameters: Parameters<Self>, kept: Tensor<Self>,
        scratch: Tensor<Self>, dy: Tensor<Self>, gradients: BlockGradients<Self>)

    // MARK: Patches and tokens

    /// Cuts images into patches, each in the order (channel, row, column) of a convolution weight [D, C, p, p].
    ///
    /// - Parameters: images [B, C, height, width]; indices [B, K] of the patches wanted in raster order, or all N;
    ///   y [B, K or N, C·p·p].
    func patches(
        of images: Tensor<Self>, patchSize: Int, indices: IndexTensor<Self>?, to y: Tensor<Self>)
    /// Elements of scratch for the patch embedding and for its backward pass; grow with B and K.
    func patchScratch(_ shape: PatchShape) -> (forward: Int, backward: Int)
    /// y[b, k, :] = W · patch(b, k) + bias + positions[place of the patch]: a convolution whose stride is its size.
    ///
    /// The pixels go to the product a few images at a time; there is no copy of all patches.
    /// - Parameters: W [D, C·p·p], bias [D], positions [N, D], y [B, K, D]; `scratch` as `patchScratch` says.
    func embedPatches(
        _ input: PatchInput<Self>, weight: Weight<Self>, bias: Tensor<Self>, positions: Tensor<Self>,
        scratch: Tensor<Self>, to y: Tensor<Self>)
    /// dW += dyᵀ · patches and db += Σ dy. No gradient flows to the images.
    func embedPatchesBackward(
        _ input: PatchInput<Self>, dy: Tensor<Self>, weight: Weight<Self>, scratch: Tensor<Self>,
        dWeight: Tensor<Self>, dBias: Tensor<Self>)
    /// x[b, k, :] += table[indices[b, k], :], or table[k, :] without indices.
    ///
    /// - Parameters: x [B, K, D], table [N, D], indices [B, K] or none (then K ≤ N).
    func addRows(of table: Tensor<Self>, indices: IndexTensor<Self>?, to x: Tensor<Self>)
    /// y[m, b, k, :] = x[b, indices[m, b, k], :].
    ///
    /// - Parameters: x [B, N, D], indices [M, B, Kp], y [M, B, Kp, D].
    func gatherBlocks(_ x: Tensor<Self>, indices: IndexTensor<Self>, to y: Tensor<Self>)
    /// dx[b, indices[m, b, k], :] += dy[m, b, k, :] (accumulates, in the order of m and k).
    func gatherBlocksBackward(dy: Tensor<Self>, indices: IndexTensor<Self>, dx: Tensor<Self>)
    /// The predictor's input: for each target block the context tokens, then Kp mask tokens at the block's positions.
    ///
    /// y[m, b, 0..<Kc, :] = context[b]; y[m, b, Kc + k, :] = maskToken + table[indices[m, b, k]].
    /// - Parameters: context [B, Kc, P], maskToken [P], table [N, P], indices [M, B, Kp], y [M, B, Kc+Kp, P].
    func appendMaskTokens(
        context: Tensor<Self>, maskToken: Tensor<Self>, table: Tensor<Self>, indices: IndexTensor<Self>,
        to y: Tensor<Self>)
    /// dContext[b] = Σ_m dy[m, b, 0..<Kc] (overwrites); dMaskToken accumulates over all mask tokens.
    func appendMaskTokensBackward(
        dy: Tensor<Self>, dContext: Tensor<Self>, dMaskToken: Tensor<Self>)
    /// y[s, :] = shared[s mod B], then own[s]: each sequence in one piece.
    ///
    /// - Parameters: shared [B, Kc, D], own [S, To, D] with S a multiple of B, y [S, Kc+To, D].
    func joinTokens(shared: Tensor<Self>, own: Tensor<Self>, to y: Tensor<Self>)
    /// dShared[b] = Σ dy[s, 0..<Kc] over the sequences s with s mod B = b, in order; dOwn[s] = dy[s, Kc...]; both
    /// overwritten.
    func joinTokensBackward(dy: Tensor<Self>, dShared: Tensor<Self>, dOwn: Tensor<Self>)
    /// y[b, k, :] = x[b, T − K + k, :]: the last K tokens of each sequence.
    ///
    /// - Parameters: x [B, T, D], y [B, K, D].
    func lastTokens(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// dx[b, T − K + k, :] = dy[b, k, :] and 0 elsewhere.
    func lastTokensBackward(dy: Tensor<Self>, dx: Tensor<Self>)
    /// y[b, :] = mean over t of x[b, t, :].
    ///
    /// - Parameters: x [B, T, D], y [B, D].
    func meanTokens(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// dx[b, t, :] += dy[b, :] / T (accumulates).
    func meanTokensBackward(dy: Tensor<Self>, dx: Tensor<Self>)

    // MARK: Matrices, for terms that are written as expressions

    /// y = f(x), element by element. `y` may be `x`.
    func apply(_ function: ElementFunction, _ x: Tensor<Self>, to y: Tensor<Self>)
    /// y = a ∘ b, element by element; an operand's extent of 1 is repeated. `y` may be an operand of its shape.
    ///
    /// - Parameters: a, b [n or 1, d or 1], y [n, d].
    func combine(_ operation: ElementOperation, _ a: Tensor<Self>, _ b: Tensor<Self>, to y: Tensor<Self>)
    /// Sums, in Double, over each axis of which y has one entry.
    ///
    /// - Parameters: x [n, d], y [n or 1, d or 1].
    func sum(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// Maxima over each axis of which y has one entry; NaN where any element is; shapes as for `sum`.
    func maximum(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// y = xᵀ.
    func transpose(_ x: Tensor<Self>, to y: Tensor<Self>)
    /// column[j] = matrix[j, j].
    ///
    /// - Parameters: matrix [n, n], column [n, 1].
    func diagonal(of matrix: Tensor<Self>, to column: Tensor<Self>)
    /// matrix[j, j] = column[j], zeros elsewhere; shapes as for `diagonal`.
    func diagonalMatrix(_ column: Tensor<Self>, to matrix: Tensor<Self>)
    /// The only element of x.
    func number(in x: Tensor<Self>) -> Double
    /// Standard normal numbers in row-major order, as the stream gives them.
    func fillNormal(_ x: Tensor<Self>, from stream: RandomStream)

    // MARK: Losses and statistics

    /// Σ loss(prediction − target), and gradient = scale · loss′.
    ///
    /// - Parameters: prediction, target, gradient of equal shape; gradient is with respect to the prediction.
    /// - Returns: The unscaled sum, in Double.
    func elementwiseLoss(
        _ loss: ElementwiseLoss, prediction: Tensor<Self>, target: Tensor<Self>, scale: Scalar,
        gradient: Tensor<Self>
    ) -> Double
    /// mean[j] = mean over rows of x[:, j]; variance[j] = Σ (x − mean)² / (n − correction).
    ///
    /// - Parameters: x [n, d]; mean, variance [d]; correction 0 (biased) or 1 (unbiased).
    func columnMoments(
        _ x: Tensor<Self>, correction: Int, mean: Tensor<Self>, variance: Tensor<Self>)
    /// y[i, j] = (x[i, j] − mean[j]) · factor[j], factor 1 if none. `y` may be `x`.
    func normalizeColumns(
        _ x: Tensor<Self>, mean: Tensor<Self>, factor: Tensor<Self>?, to y: Tensor<Self>)
    /// Sets the diagonal of the square matrix x to zero.
    func zeroDiagonal(_ x: Tensor<Self>)
    /// The hinge on standard deviations, s_j = √(variance[j] + epsilon): Σ_j max(0, 1 − s_j), summed in Double, and
    /// factor[j] = −scale / s_j where s_j < 1, else 0.
    ///
    /// - Parameters: variance, factor [d].
    func standardDeviationHinge(
        variance: Tensor<Self>, epsilon: Scalar, scale: Scalar, factor: Tensor<Self>
    ) -> Double
    /// y[i, j] += x[i, j] · factor[j].
    func addColumns(_ x: Tensor<Self>, times factor: Tensor<Self>, to y: Tensor<Self>)
    /// BatchNorm over rows with batch statistics, biased variance: y = (x − mean) · rstd · gamma + beta.
    ///
    /// - Parameters: x, y [n, d]; gamma, beta [d] or none (no affine part); mean, rstd [d], kept for the backward pass.
    func batchNorm(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, beta: Tensor<Self>?, epsilon: Scalar,
        mean: Tensor<Self>, rstd: Tensor<Self>, to y: Tensor<Self>)
    /// dx overwritten; dGamma, dBeta accumulate.
    func batchNormBackward(
        _ x: Tensor<Self>, gamma: Tensor<Self>?, mean: Tensor<Self>, rstd: Tensor<Self>, dy: Tensor<Self>,
        dx: Tensor<Self>, dGamma: Tensor<Self>?, dBeta: Tensor<Self>?)
    /// Σ over rows of −log softmax(logits)[label]; gradient = scale · (softmax − one-hot).
    ///
    /// - Parameters: logits, gradient [n, classes]; labels [n]. `gradient` may be `logits`.
    func softmaxCrossEntropy(
        logits: Tensor<Self>, labels: IndexTensor<Self>, scale: Scalar, gradient: Tensor<Self>
    ) -> Double

    // MARK: Optimisation

    /// One AdamW step (Loshchilov & Hutter, ICLR 2019), in PyTorch's order: p −= lr·λ·p, then the Adam update.
    ///
    /// m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= lr · (m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε).
    func adamW(
        parameters: Tensor<Self>, gradients: Tensor<Self>, firstMoments: Tensor<Self>, secondMoments: Tensor<Self>,
        _ step: AdamWStep)
    /// target = momentum · target + (1 − momentum) · source.
    func exponentialMovingAverage(source: Tensor<Self>, momentum: Double, target: Tensor<Self>)
}

/// A loss that sums over elements.
package enum ElementwiseLoss: String, Sendable, CaseIterable {
    /// ½x² where |x| < 1, |x| − ½ elsewhere (beta 1).
    case smoothL1 = "smooth_l1"
    /// x².
    case l2
    /// |x|.
    case l1
}

/// The numbers of one AdamW step.
package struct AdamWStep: Sendable, Hashable {
    package var learningRate: Double
    package var weightDecay: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    /// Count of steps including this one, from 1: the bias corrections are 1 − βᵗ.
    package var t: Int

    package init(
        learningRate: Double, weightDecay: Double, beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-8, t: Int
    ) {
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.t = t
    }
}
