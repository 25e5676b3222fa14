package import TensorCore

/// Where one parameter tensor lies in a network's flat parameter vector.
package struct ParameterSlot: Sendable, Hashable {
    package let offset: Int
    package let shape: Shape

    package init(offset: Int, shape: Shape) {
        self.offset = offset
        self.shape = shape
    }

    /// The parameter's window on a flat vector of parameters, gradients or moments.
    package func callAsFunction<Backend>(_ flat: Tensor<Backend>) -> Tensor<Backend> {
        flat.window(at: offset, shape)
    }

    /// The parameter's values among a network's parameters.
    package func callAsFunction<Backend>(_ parameters: Parameters<Backend>) -> Tensor<Backend> {
        self(parameters.flat)
    }
}

/// Weight and bias of a linear map or a normalisation.
package struct AffineSlots: Sendable, Hashable {
    package let weight: ParameterSlot
    package let bias: ParameterSlot

    package init(weight: ParameterSlot, bias: ParameterSlot) {
        self.weight = weight
        self.bias = bias
    }
}
