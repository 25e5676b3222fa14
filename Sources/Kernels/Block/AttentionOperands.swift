import TensorCore

/// Queries, keys and values of attention where not every token is a query or some are common to several sequences; also
/// their gradients, in the same places.
///
/// Sequence s attends to the Kc shared keys of s mod B, then to its own To; T = Kc + To.
package struct AttentionOperands<Backend: KernelBackend>: Sendable {
    /// [S, Q, D]: Q of each sequence; or [R, D] with `starts`.
    package let queries: Tensor<Backend>
    /// [S, To, 2·D]: for each token k, v.
    package let keysAndValues: Tensor<Backend>
    /// [B, Kc, D], or none: shared tokens that are queries of every sequence, in front of its own.
    package let sharedQueries: Tensor<Backend>?
    /// [B, Kc, 2·D], or none.
    package let sharedKeysAndValues: Tensor<Backend>?
    /// [S + 1]: queries of sequence s are rows `starts[s] ..< starts[s + 1]`; none: Q of each.
    package let starts: IndexTensor<Backend>?

    package init(
        queries: Tensor<Backend>, keysAndValues: Tensor<Backend>, sharedQueries: Tensor<Backend>? = nil,
        sharedKeysAndValues: Tensor<Backend>? = nil, starts: IndexTensor<Backend>? = nil
    ) {
        self.queries = queries
        self.keysAndValues = keysAndValues
        self.sharedQueries = sharedQueries
        self.sharedKeysAndValues = sharedKeysAndValues
        self.starts = starts
    }

    /// S.
    package var sequences: Int { keysAndValues.shape[0] }
    /// D.
    package var width: Int { queries.shape.columns }
    /// To.
    package var ownTokens: Int { keysAndValues.shape[1] }
    /// Kc.
    package var sharedTokens: Int { sharedKeysAndValues?.shape[1] ?? 0 }
    /// B; S where nothing is shared.
    package var images: Int { sharedKeysAndValues?.shape[0] ?? sequences }
    /// T.
    package var tokens: Int { sharedTokens + ownTokens }
    /// Q, without `starts`.
    package var ownQueries: Int { queries.shape.rows / max(sequences, 1) }
    /// Kc if shared tokens are queries, else 0.
    package var leadingQueries: Int { sharedQueries == nil ? 0 : sharedTokens }
    /// R: rows of y.
    package var queryRows: Int { queries.shape.rows + sequences * leadingQueries }
}
