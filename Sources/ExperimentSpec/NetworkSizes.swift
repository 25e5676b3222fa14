import Networks
import Objectives

/// Parameters, FLOPs and values in memory of the encoder. D width, n tokens.
struct NetworkSizes: Sendable {
    private let model: ModelConfiguration
    /// N.
    let patches: Int
    private let blocks: BlockCosts

    init(
        _ model: ModelConfiguration, precision: TrainingConfiguration.Precision = .float32, recomputes: Bool = false
    ) {
        self.model = model
        blocks = BlockCosts(mlpRatio: model.mlpRatio, isNarrow: precision == .bf16, recomputes: recomputes)
        let grid = model.imageSize / model.patchSize
        patches = grid * grid
    }

    private var patchValues: Int { model.channels * model.patchSize * model.patchSize }

    // MARK: Parameters

    var encoderParameters: Int {
        let width = model.width
        return BlockCosts.linear(patchValues, width) + model.depth * blocks.parameters(width) + 2 * width
    }

    // MARK: FLOPs of a forward pass over one image

    /// Patch embedding of all tokens, and the blocks over them.
    func encoderFlops(tokens: Double) -> Double { embeddingFlops(tokens: tokens) + encoderBlocksFlops(tokens: tokens) }

    func embeddingFlops(tokens: Double) -> Double { 2 * tokens * Double(patchValues * model.width) }

    func encoderBlocksFlops(tokens: Double) -> Double {
        Double(model.depth) * blocks.flops(model.width, tokens: tokens)
    }

    // MARK: Values in memory

    /// The encoder on some tokens of each image, with a backward pass.
    func encoderValues(images: Int, tokens: Int) -> PassValues {
        let (width, rows) = (model.width, images * tokens)
        let block = BlockTokens(sequences: images, tokens: tokens, rows: rows)
        let perBlock = blocks.trainedValues(block, width, heads: model.heads)
        let kept =
            rows * (2 * width + 2) + model.depth * perBlock.kept + (blocks.streams(model.depth).kept + 1) * rows * width
        let patches = embeddingValues(images: images, tokens: tokens)
        let backward = rows * width + max(perBlock.backward, patches.backward)
        let forward = perBlock.forward + blocks.streams(model.depth).turning * rows * width
        return PassValues(kept: kept, temporary: max(forward, patches.forward, backward))
    }

    /// Features of so many of all images' tokens (none: all), without a backward pass.
    ///
    /// - Parameter tokens: Of an image; none: all patches.
    func featureValues(images: Int, tokens: Int? = nil, chosen: Int? = nil) -> PassValues {
        let tokens = tokens ?? patches
        let (width, rows) = (model.width, images * tokens)
        let outputs = chosen ?? rows
        let whole = blocks.blockValues(
            BlockTokens(sequences: images, tokens: tokens, rows: rows), width, heads: model.heads)
        let last = blocks.blockValues(
            BlockTokens(sequences: images, tokens: tokens, rows: outputs), width, heads: model.heads)
        let stream = min(2, model.depth - 1) * rows * width
        let stack = outputs * width + stream + max(whole.inference, last.inference)
        let patches = embeddingValues(images: images, tokens: tokens).forward
        return PassValues(kept: outputs * width, temporary: rows * width + max(patches, stack))
    }

    /// What the patch embedding needs for a while: the patches of a few images, and in bfloat16 a packed weight gradient.
    private func embeddingValues(images: Int, tokens: Int) -> (forward: Int, backward: Int) {
        let (rows, width) = (min(images * tokens, max(tokens, 512)), model.width)
        let forward = rows * patchValues
        guard blocks.isNarrow else { return (forward, forward) }
        return (forward, max(forward, rows * (patchValues + width) / 2 + 272 * (patchValues + width)))
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
