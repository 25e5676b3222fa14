import Objectives

/// Parameters, FLOPs and values in memory of the encoder and the predictor. D width, H heads, h hidden width, n tokens.
struct NetworkSizes: Sendable {
    private let model: ModelConfiguration
    /// Whether activations inside blocks are bfloat16; two of them count as one value.
    private let isNarrow: Bool
    /// N.
    let patches: Int

    /// Whether blocks keep only their inputs, and are run again in the backward pass.
    private let recomputes: Bool

    init(
        _ model: ModelConfiguration, precision: TrainingConfiguration.Precision = .float32, recomputes: Bool = false
    ) {
        self.model = model
        isNarrow = precision == .bf16
        self.recomputes = recomputes
        let grid = model.imageSize / model.patchSize
        patches = grid * grid
    }

    private var patchValues: Int { model.channels * model.patchSize * model.patchSize }
    fileprivate func hidden(_ width: Int) -> Int { Int(Double(width) * model.mlpRatio) }

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

    /// Patch embedding of all tokens, and the blocks over them.
    func encoderFlops(tokens: Double) -> Double { embeddingFlops(tokens: tokens) + encoderBlocksFlops(tokens: tokens) }

    func embeddingFlops(tokens: Double) -> Double { 2 * tokens * Double(patchValues * model.width) }

    func encoderBlocksFlops(tokens: Double) -> Double { Double(model.depth) * blockFlops(model.width, tokens: tokens) }

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

    // MARK: Values in memory

    /// Values of some images' passes: those that a pass leaves for the backward pass, and the most that it needs for a
    /// while, forward or backward.
    struct PassValues {
        var kept = 0
        var temporary = 0
    }

    /// Tokens of a block as the engine counts them: sequences of tokens, the first of which may be shared by sequences of
    /// an image, and rows of output.
    fileprivate struct BlockTokens {
        var sequences, tokens, rows: Int
        var shared = 0
        var images = 0
        var isWhole: Bool { rows == sequences * tokens }
        /// Rows that keys and values are computed for.
        var inputRows: Int { sequences * (tokens - shared) + images * shared }
    }

    /// The encoder on some tokens of each image, with a backward pass.
    func encoderValues(images: Int, tokens: Int) -> PassValues {
        let (width, rows) = (model.width, images * tokens)
        let block = BlockTokens(sequences: images, tokens: tokens, rows: rows)
        let perBlock = trainedValues(block, width, heads: model.heads)
        let kept = rows * (2 * width + 2) + model.depth * perBlock.kept + (streams(model.depth).kept + 1) * rows * width
        let patches = embeddingValues(images: images, tokens: tokens)
        let backward = rows * width + max(perBlock.backward, patches.backward)
        let forward = perBlock.forward + streams(model.depth).turning * rows * width
        return PassValues(kept: kept, temporary: max(forward, patches.forward, backward))
    }

    /// Features of so many of all images' tokens (none: all), without a backward pass.
    ///
    /// - Parameter tokens: Of an image; none: all patches.
    func featureValues(images: Int, tokens: Int? = nil, chosen: Int? = nil) -> PassValues {
        let tokens = tokens ?? patches
        let (width, rows) = (model.width, images * tokens)
        let outputs = chosen ?? rows
        let whole = blockValues(
            BlockTokens(sequences: images, tokens: tokens, rows: rows), width, heads: model.heads)
        let last = blockValues(
            BlockTokens(sequences: images, tokens: tokens, rows: outputs), width, heads: model.heads)
        let stream = min(2, model.depth - 1) * rows * width
        let blocks = outputs * width + stream + max(whole.inference, last.inference)
        let patches = embeddingValues(images: images, tokens: tokens).forward
        return PassValues(kept: outputs * width, temporary: rows * width + max(patches, blocks))
    }

    /// What the patch embedding needs for a while: the patches of a few images, and in bfloat16 a packed weight gradient.
    private func embeddingValues(images: Int, tokens: Int) -> (forward: Int, backward: Int) {
        let (rows, width) = (min(images * tokens, max(tokens, 512)), model.width)
        let forward = rows * patchValues
        guard isNarrow else { return (forward, forward) }
        return (forward, max(forward, rows * (patchValues + width) / 2 + 272 * (patchValues + width)))
    }

    /// The predictor's M sequences of Kc + Kp tokens of each image, with a backward pass.
    func predictorValues(images: Int, context: Int, target: Int, blocks: Int) -> PassValues {
        let predictor = model.predictor
        let (width, heads) = (predictor.width, predictor.heads ?? model.heads)
        let (sequences, tokens) = (blocks * images, context + target)
        let (rows, maskRows) = (sequences * tokens, sequences * target)
        var values = PassValues(
            kept: images * context * width + maskRows * (3 * width + 2 + model.width)
                + streams(predictor.depth).kept * rows * width)
        var backward = 0
        for layer in 0..<predictor.depth {
            var block = BlockTokens(sequences: sequences, tokens: tokens, rows: rows)
            if layer == 0 { (block.shared, block.images) = (context, images) }
            if layer == predictor.depth - 1 { block.rows = maskRows }
            let part = trainedValues(block, width, heads: heads)
            values.kept += part.kept
            values.temporary = max(values.temporary, part.forward + streams(predictor.depth).turning * rows * width)
            backward = max(backward, part.backward)
        }
        let stream = predictor.depth > 1 ? rows * width : 0
        values.temporary = max(
            values.temporary, maskRows * 3 * width + images * context * width + stream + backward)
        return values
    }

    /// Outputs of all blocks but the last that stay, or that take turns in two places: float32 blocks read their inputs
    /// again in the backward pass, as blocks that are run again do; bfloat16 blocks keep what they need of them.
    private func streams(_ depth: Int) -> (kept: Int, turning: Int) {
        let reads = recomputes || !isNarrow
        return !reads && depth > 3 ? (0, 2) : (reads ? depth - 1 : min(2, depth - 1), 0)
    }

    /// What a block keeps between its passes and needs in each.
    private func trainedValues(
        _ block: BlockTokens, _ width: Int, heads: Int
    ) -> (kept: Int, forward: Int, backward: Int) {
        let values = blockValues(block, width, heads: heads)
        guard recomputes else { return (values.kept, values.forward, values.backward) }
        let repeated = max(block.rows * width + values.forward, values.backward)
        return (0, values.inference, values.kept + repeated)
    }

    /// What the float32 block keeps: queries, keys and values, statistics, two numbers of each row of attention weights,
    /// attention's output, the residual stream after it, and the MLP before GELU; and what it needs while it runs.
    private func blockValues(
        _ block: BlockTokens, _ width: Int, heads: Int
    ) -> (kept: Int, forward: Int, inference: Int, backward: Int) {
        let (rows, inputRows, hidden) = (block.rows, block.inputRows, hidden(width))
        if isNarrow { return narrowBlockValues(block, width, heads: heads) }
        let keys = inputRows * (block.isWhole ? 3 : 2) * width
        let queries = block.isWhole ? 0 : rows * width
        let kept = 2 * (inputRows + rows) + keys + queries + 2 * rows * heads + 2 * rows * width
        let normalized = max(inputRows, rows) * width
        let (weights, chunk) = (block.tokens * block.tokens, min(rows, 512) * hidden)
        let backward = max(2 * weights + keys + normalized + 3 * queries, 2 * min(rows, 2048) * hidden)
        return (
            kept + rows * hidden, normalized + queries + max(weights, chunk),
            kept + normalized + queries + max(weights, 2 * chunk), normalized + rows * width + backward
        )
    }
}

extension NetworkSizes {
    /// The same of the bfloat16 block, which works on groups of sequences of some 512 rows.
    private func narrowBlockValues(
        _ block: BlockTokens, _ width: Int, heads: Int
    ) -> (kept: Int, forward: Int, inference: Int, backward: Int) {
        let hidden = hidden(width)
        func kept(rows: Int, inputRows: Int, goesBack: Bool) -> Int {
            let normal = goesBack ? (inputRows + rows) * width : 0
            let narrow = inputRows * 3 * width + rows * ((block.isWhole ? 1 : 2) * width + hidden) + normal
            return inputRows + rows + rows * heads + narrow / 2
        }
        let group = min(block.sequences * block.tokens, max(block.tokens, 512))
        let groupRows = min(block.rows, group)
        let attention = block.tokens * (2 * block.tokens + 4 * width / max(heads, 1))
        let forward = groupRows * width + (group * (2 * width + hidden) + attention) / 2
        let shared = block.images * block.shared * 3 * width
        let backward = (group * (6 * width + hidden) + attention + 3 * hidden * width) / 2 + shared
        return (
            kept(rows: block.rows, inputRows: block.inputRows, goesBack: true), forward,
            forward + kept(rows: groupRows, inputRows: group, goesBack: false) + shared / 2, backward
        )
    }
}

/// A projector in front of a regulariser: last map without bias, hidden maps with bias and BatchNorm.
struct ProjectorSizes: Sendable {
    let parameters: Int
    let outputWidth: Int
    /// Forward FLOPs of one row.
    let flopsPerRow: Double

    init(of term: ObjectiveTerm, in configuration: RunConfiguration) {
        guard term.weight.weight > 0, let projector = configuration.projector(of: term)?.settings else {
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
