package import Declarations

/// Parameters, FLOPs and values in memory of transformer blocks, for estimates. D width, H heads, h hidden width, n tokens.
package struct BlockCosts: Sendable {
    /// h / D.
    private let mlpRatio: Double
    /// Whether activations inside blocks are bfloat16; two of them count as one value.
    package let isNarrow: Bool
    /// Whether blocks keep only their inputs, and are run again in the backward pass.
    private let recomputes: Bool

    package init(mlpRatio: Double, isNarrow: Bool = false, recomputes: Bool = false) {
        self.mlpRatio = mlpRatio
        self.isNarrow = isNarrow
        self.recomputes = recomputes
    }

    private func hiddenWidth(_ width: Int) -> Int { Int(Double(width) * mlpRatio) }

    /// Why a network of blocks cannot have these sizes.
    ///
    /// - Parameters:
    ///   - widthKey, headsKey: Paths of the keys that set them.
    package static func findings(width: Int, heads: Int, widthKey: String, headsKey: String) -> [SpecFinding] {
        var findings: [SpecFinding] = []
        if width % heads != 0 {
            let divisors = (1...min(width, 64)).filter { width % $0 == 0 }
            let nearest = divisors.min { abs($0 - heads) < abs($1 - heads) } ?? 1
            findings.append(
                SpecFinding(
                    [headsKey, widthKey, "model.preset", "model.heads"],
                    message: "\(heads) heads do not divide the width \(width)",
                    remedy: "for example \(headsKey): \(nearest)"))
        }
        if width % 4 != 0 {
            findings.append(
                SpecFinding(
                    [widthKey, "model.preset"], message: "the width \(width) is not divisible by 4",
                    remedy: "sine-cosine positions need it: use \(max(4, (width + 2) / 4 * 4))"))
        }
        return findings
    }

    /// Two LayerNorms, qkv, the attention's projection and the two maps of the MLP.
    package func parameters(_ width: Int) -> Int {
        4 * width + Self.linear(width, 3 * width) + Self.linear(width, width)
            + Self.linear(width, hiddenWidth(width)) + Self.linear(hiddenWidth(width), width)
    }

    /// Parameters of a linear map with its bias.
    package static func linear(_ input: Int, _ output: Int) -> Int { input * output + output }

    /// qkv 6nD², scores and their use 4n²D, projection 2nD², MLP 4nDh.
    package func flops(_ width: Int, tokens: Double) -> Double {
        let (wide, hidden) = (Double(width), Double(hiddenWidth(width)))
        return tokens * (8 * wide * wide + 4 * wide * hidden) + 4 * tokens * tokens * wide
    }

    // MARK: Values in memory

    /// Outputs of all blocks but the last that stay, or that take turns in two places: float32 blocks read their inputs
    /// again in the backward pass, as blocks that are run again do; bfloat16 blocks keep what they need of them.
    package func streams(_ depth: Int) -> (kept: Int, turning: Int) {
        let reads = recomputes || !isNarrow
        return !reads && depth > 3 ? (0, 2) : (reads ? depth - 1 : min(2, depth - 1), 0)
    }

    /// What a block keeps between its passes and needs in each.
    package func trainedValues(
        _ block: BlockTokens, _ width: Int, heads: Int
    ) -> (kept: Int, forward: Int, backward: Int) {
        let values = blockValues(block, width, heads: heads)
        guard recomputes else { return (values.kept, values.forward, values.backward) }
        let repeated = max(block.rows * width + values.forward, values.backward)
        return (0, values.inference, values.kept + repeated)
    }

    /// What the float32 block keeps: queries, keys and values, statistics, two numbers of each row of attention weights,
    /// attention's output, the residual stream after it, and the MLP before GELU; and what it needs while it runs.
    package func blockValues(
        _ block: BlockTokens, _ width: Int, heads: Int
    ) -> (kept: Int, forward: Int, inference: Int, backward: Int) {
        let (rows, inputRows, hidden) = (block.rows, block.inputRows, hiddenWidth(width))
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

extension BlockCosts {
    /// The same of the bfloat16 block, which works on groups of sequences of some 512 rows.
    private func narrowBlockValues(
        _ block: BlockTokens, _ width: Int, heads: Int
    ) -> (kept: Int, forward: Int, inference: Int, backward: Int) {
        let hidden = hiddenWidth(width)
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

/// Values of some images' passes: those that a pass leaves for the backward pass, and the most that it needs for a while,
/// forward or backward.
package struct PassValues: Sendable, Hashable {
    package var kept: Int
    package var temporary: Int

    package init(kept: Int = 0, temporary: Int = 0) {
        self.kept = kept
        self.temporary = temporary
    }
}

/// Tokens of a block as the engine counts them: sequences of tokens, the first of which may be shared by sequences of an
/// image, and rows of output.
package struct BlockTokens: Sendable {
    package var sequences, tokens, rows: Int
    package var shared = 0
    package var images = 0

    package init(sequences: Int, tokens: Int, rows: Int) {
        self.sequences = sequences
        self.tokens = tokens
        self.rows = rows
    }

    fileprivate var isWhole: Bool { rows == sequences * tokens }
    /// Rows that keys and values are computed for.
    fileprivate var inputRows: Int { sequences * (tokens - shared) + images * shared }
}
