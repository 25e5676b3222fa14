package import Kernels

extension CPUBackend {
    package func attention(
        _ operands: AttentionOperands<CPUBackend>, heads: Int, probabilities: Tensor<CPUBackend>,
        to y: Tensor<CPUBackend>
    ) {
        reference.attention(
            operands.onReference, heads: heads, probabilities: probabilities.onReference, to: y.onReference)
    }

    package func attentionBackward(
        _ operands: AttentionOperands<CPUBackend>, heads: Int, probabilities: Tensor<CPUBackend>,
        dy: Tensor<CPUBackend>, gradients: AttentionOperands<CPUBackend>, scratch: Tensor<CPUBackend>
    ) {
        reference.attentionBackward(
            operands.onReference, heads: heads, probabilities: probabilities.onReference, dy: dy.onReference,
            gradients: gradients.onReference, scratch: scratch.onReference)
    }

    package func joinTokens(shared: Tensor<CPUBackend>, own: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        reference.joinTokens(shared: shared.onReference, own: own.onReference, to: y.onReference)
    }

    package func joinTokensBackward(
        dy: Tensor<CPUBackend>, dShared: Tensor<CPUBackend>, dOwn: Tensor<CPUBackend>
    ) {
        reference.joinTokensBackward(dy: dy.onReference, dShared: dShared.onReference, dOwn: dOwn.onReference)
    }
}

extension AttentionOperands where Backend == CPUBackend {
    /// The same operands for the reference back end.
    var onReference: AttentionOperands<ReferenceBackend<Float>> {
        AttentionOperands<ReferenceBackend<Float>>(
            queries: queries.onReference, keysAndValues: keysAndValues.onReference,
            sharedQueries: sharedQueries?.onReference, sharedKeysAndValues: sharedKeysAndValues?.onReference,
            starts: starts?.onReference)
    }
}
