/// Parameters, FLOPs and values in memory of the encoder and the predictor. D width, H heads, h hidden width, n tokens.
struct NetworkSizes: Sendable {
    private let model: ModelConfiguration
    /// N.
    let patches: Int

    /// Whether blocks keep only their inputs, and are run again in the backward pass.
    private let recomputes: Bool

    init(_ model: ModelConfiguration, recomputes: Bool = false) {
        self.model = model
        self.recomputes = recomputes
        let grid = model.imageSize / model.patchSize
        patches = grid * grid
    }

    private var patchValues: Int { model.channels * model.patchSize * model.patchSize }
    private func hidden(_ width: Int) -> Int { Int(Double(width) * model.mlpRatio) }

    // MARK: Parameters

    var encoderParameters: Int {
        let width = model.width
        return linear(patchValues, width) + model.depth * blockParameters(width) + 2 * width
    }

    var predictorParameters: Int {
        let predictor = model.predictor
        guard predictor.kind == .transformer else { return 0 }
        let maskToken = predictor.width
        return linear(model.width, predictor.width) + maskToken + predictor.depth * blockParameters(predictor.width)
            + 2 * predictor.width + linear(predictor.width, model.width)
    }

    /// Two LayerNorms, qkv, the attention's projection and the two maps of the MLP.
    private func blockParameters(_ width: Int) -> Int {
        4 * width + linear(width, 3 * width) + linear(width, width) + linear(width, hidden(width))
            + linear(hidden(width), width)
    }

    private func linear(_ input: Int, _ output: Int) -> Int { input * output + output }

    // MARK: FLOPs of a forward pass over one image

    /// Only the patches that are encoded are embedded.
    func encoderFlops(tokens: Double) -> Double {
        2 * tokens * Double(patchValues * model.width) + Double(model.depth) * blockFlops(model.width, tokens: tokens)
    }

    func predictorFlops(context: Double, target: Double, blocks: Double) -> Double {
        let predictor = model.predictor
        let maps = 2 * Double(model.width * predictor.width)
        return maps * context
            + blocks
            * (Double(predictor.depth) * blockFlops(predictor.width, tokens: context + target) + maps * target)
    }

    /// qkv 6nD², scores and their use 4n²D, projection 2nD², MLP 4nDh.
    private func blockFlops(_ width: Int, tokens: Double) -> Double {
        let (wide, hidden) = (Double(width), Double(hidden(width)))
        return tokens * (8 * wide * wide + 4 * wide * hidden) + 4 * tokens * tokens * wide
    }

    // MARK: Values in memory, one image

    /// A forward pass with everything that the backward pass needs, and that pass itself.
    func encoderValues(tokens: Int) -> (forward: Double, backward: Double) {
        let width = model.width
        let forward =
            tokens * (patchValues + (model.depth + 2) * width + 2)
            + (recomputes ? 0 : model.depth) * blockValues(width, heads: model.heads, tokens: tokens)
        let backward = backwardValues(width, heads: model.heads, tokens: tokens)
        return (Double(forward), Double(tokens * width + backward))
    }

    /// Features of all patches without a backward pass: one block at a time, and outputs normalised and averaged.
    var featureValues: Double {
        let block = max(
            blockValues(model.width, heads: model.heads, tokens: patches), patches * max(patchValues, 2))
        return Double(4 * patches * model.width + block + 2 * patches + model.width)
    }

    /// As `encoderValues`, of the predictor's M sequences of Kc + Kp tokens.
    func predictorValues(context: Int, target: Int, blocks: Int) -> (forward: Double, backward: Double) {
        let predictor = model.predictor
        let (width, tokens) = (predictor.width, context + target)
        let heads = predictor.heads ?? model.heads
        let perBlock = blockValues(width, heads: heads, tokens: tokens)
        let forward =
            context * width + blocks * tokens * (predictor.depth + 1) * width
            + blocks * (recomputes ? 0 : predictor.depth) * perBlock
            + blocks * target * (2 * width + 2 + model.width)
        let backward =
            blocks * target * 2 * width + blocks * tokens * width
            + max(blocks * backwardValues(width, heads: heads, tokens: tokens), context * width)
        return (Double(forward), Double(backward))
    }

    /// Residual input, two LayerNorm outputs and the attention's, qkv, 7D, and four numbers of the norms; attention
    /// weights, Hn; the MLP before and after GELU, 2h.
    private func blockValues(_ width: Int, heads: Int, tokens: Int) -> Int {
        tokens * (7 * width + 4 + heads * tokens + 2 * hidden(width))
    }

    /// Gradients inside one block, and what its repeated forward pass keeps.
    private func backwardValues(_ width: Int, heads: Int, tokens: Int) -> Int {
        let gradients = tokens * (4 * width + hidden(width) + 2 * tokens)
        return gradients + (recomputes ? blockValues(width, heads: heads, tokens: tokens) : 0)
    }
}

/// The projector in front of VICReg: last map without bias, hidden maps with bias and BatchNorm.
struct ProjectorSizes: Sendable {
    let parameters: Int
    let outputWidth: Int
    /// Forward FLOPs of one row.
    let flopsPerRow: Double

    init(_ configuration: RunConfiguration) {
        let projector = configuration.objective.vicreg.projector
        guard configuration.objective.vicreg.weight > 0, projector.kind != .none else {
            (parameters, outputWidth, flopsPerRow) = (0, configuration.model.width, 0)
            return
        }
        var (width, count, flops) = (configuration.model.width, 0, 0.0)
        for (index, next) in projector.widths.enumerated() {
            let isLast = index == projector.widths.count - 1
            count += width * next + (isLast ? 0 : 3 * next)
            flops += 2 * Double(width * next)
            width = next
        }
        (parameters, outputWidth, flopsPerRow) = (count, width, flops)
    }
}
