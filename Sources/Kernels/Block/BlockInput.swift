package import TensorCore

/// How many tokens a block works on; letters: S sequences, T tokens of each, R rows of output, D width.
///
/// Every token gives a key and a value; tokens whose output is wanted are queries too, and only these go through the
/// projection and the MLP.
package struct BlockShape: Sendable, Hashable {
    /// S.
    package var sequences: Int
    /// T, shared tokens counted.
    package var tokens: Int
    /// R: queries of all sequences together; S·T if all tokens are.
    package var queryRows: Int
    /// Kc: tokens that each sequence begins with and has in common with others.
    package var sharedTokens: Int
    /// B: different sets of shared tokens; sequence s begins with those of s mod B. S if there are none.
    package var images: Int

    /// - Parameters:
    ///   - queryRows: None: all tokens are queries.
    ///   - images: None: S.
    package init(sequences: Int, tokens: Int, queryRows: Int? = nil, sharedTokens: Int = 0, images: Int? = nil) {
        self.sequences = sequences
        self.tokens = tokens
        self.queryRows = queryRows ?? sequences * tokens
        self.sharedTokens = sharedTokens
        self.images = images ?? sequences
    }

    /// Tokens of one sequence that are not shared.
    package var ownTokens: Int { tokens - sharedTokens }
    /// Rows that LayerNorm, keys and values are computed for: S·(T − Kc) + B·Kc.
    package var inputRows: Int { sequences * ownTokens + images * sharedTokens }
    /// Every token is a query and none is shared: the plain block.
    package var isPlain: Bool { sharedTokens == 0 && queryRows == sequences * tokens }
}

/// The tokens that go into a block, and which of them come out.
package struct BlockInput<Backend: KernelBackend>: Sendable {
    /// Which tokens are queries; the output has a row for each, in order of sequences, then of tokens.
    package enum Queries: Sendable {
        /// Every token, shared ones included: y [S, T, D].
        case all
        /// The last Q tokens of each sequence, none of them shared: y [S, Q, D].
        case last(Int)
        /// Some tokens, as many of each sequence as may be: y [R, D]. No token may be shared, and there is no backward
        /// pass.
        ///
        /// - `rows` [R]: row s·T + t of each query in `own` seen as [S·T, D], ascending.
        /// - `starts` [S + 1]: those of sequence s are at `starts[s] ..< starts[s + 1]`.
        case chosen(rows: IndexTensor<Backend>, starts: IndexTensor<Backend>)
    }

    /// [S, T − Kc, D]: the tokens of each sequence after the shared ones.
    package let own: Tensor<Backend>
    /// [B, Kc, D]: sequence s begins with `shared[s mod B]`; none: Kc is 0.
    package let shared: Tensor<Backend>?
    package let queries: Queries

    package init(_ own: Tensor<Backend>, shared: Tensor<Backend>? = nil, queries: Queries = .all) {
        self.own = own
        self.shared = shared
        self.queries = queries
    }

    package var shape: BlockShape {
        let sequences = own.shape[0]
        let sharedTokens = shared?.shape[1] ?? 0
        let tokens = own.shape[1] + sharedTokens
        let queryRows: Int? =
            switch queries {
            case .all: nil
            case .last(let count): sequences * count
            case .chosen(let rows, _): rows.count
            }
        return BlockShape(
            sequences: sequences, tokens: tokens, queryRows: queryRows, sharedTokens: sharedTokens,
            images: shared?.shape[0])
    }

    /// The shape of the output, and of its gradient.
    package var outputShape: Shape {
        let shape = shape
        switch queries {
        case .all: return Shape(shape.sequences, shape.tokens, own.shape[2])
        case .last(let count): return Shape(shape.sequences, count, own.shape[2])
        case .chosen(let rows, _): return Shape(rows.count, own.shape[2])
        }
    }
}

/// Where a block's gradients go; shapes as in `BlockInput`.
package struct BlockGradients<Backend: KernelBackend>: Sendable {
    /// Of the parameters: flat, like them; accumulates.
    package let parameters: Tensor<Backend>
    /// Of the own tokens, [S, T − Kc, D]; overwritten. None, for a plain block: it replaces the output's gradient, dy.
    package let own: Tensor<Backend>?
    /// Of the shared tokens, [B, Kc, D], summed over the sequences that they begin; overwritten.
    package let shared: Tensor<Backend>?
    /// The order in which several backward passes add to the parameters' gradients. The block has its turn when it is
    /// called; it may advance it between additions, to let the next follow sooner, as often for any number of sequences.
    package let turn: SummationTurn?

    package init(
        parameters: Tensor<Backend>, own: Tensor<Backend>?, shared: Tensor<Backend>? = nil, turn: SummationTurn? = nil
    ) {
        self.parameters = parameters
        self.own = own
        self.shared = shared
        self.turn = turn
    }
}

/// What a back end asks for to run a block; in elements of `Scalar`, multiples of 16.
package struct BlockMemory: Sendable, Hashable {
    /// Written by the forward pass and left alone until the backward pass has read it.
    package var kept: Int
    /// Scratch of a forward pass that keeps; of one that does not (`kept` is nil); of a backward pass.
    package var forwardScratch: Int
    package var inferenceScratch: Int
    package var backwardScratch: Int
    /// Whether the input tensors must stay as they are until the backward pass has run. If not, the next block but one
    /// writes its output over them.
    package var needsInput: Bool

    package init(
        kept: Int, forwardScratch: Int, inferenceScratch: Int, backwardScratch: Int, needsInput: Bool
    ) {
        self.kept = kept
        self.forwardScratch = forwardScratch
        self.inferenceScratch = inferenceScratch
        self.backwardScratch = backwardScratch
        self.needsInput = needsInput
    }
}
