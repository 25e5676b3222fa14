import TensorCore

/// The parameters of a network as an operation reads them: float values, and packed copies where the back end keeps any.
///
/// A packed copy is found by the place of its matrix: `weight.values.offset`, the number of its first element in the
/// buffer that the flat vector begins. Windows keep that number, so sections of a vector share its copies.
package struct Parameters<Backend: KernelBackend>: Sendable {
    /// The master values, flat.
    package let flat: Tensor<Backend>
    /// Packed copies of matrices of the whole vector that `flat` is, or is a window of.
    package let packed: Backend.PackedWeights?

    /// - Parameter packed: None: every matrix is read as it is.
    package init(_ flat: Tensor<Backend>, packed: Backend.PackedWeights? = nil) {
        self.flat = flat
        self.packed = packed
    }

    /// The part of `count` elements that begins `start` elements into this one.
    package func window(at start: Int, count: Int) -> Parameters {
        Parameters(flat.window(at: start, Shape(count)), packed: packed)
    }

    /// The matrix in that slot.
    package func weight(_ slot: ParameterSlot) -> Weight<Backend> {
        Weight(values: slot(flat), packed: packed)
    }
}

/// A weight matrix [out, in] of a linear map: its values, and where a packed copy of it may be found.
package struct Weight<Backend: KernelBackend>: Sendable {
    package let values: Tensor<Backend>
    package let packed: Backend.PackedWeights?

    package init(values: Tensor<Backend>, packed: Backend.PackedWeights?) {
        self.values = values
        self.packed = packed
    }
}

/// A matrix of a flat vector that a back end may keep a packed copy of.
package struct PackableMatrix: Sendable, Hashable {
    /// Its place in the flat vector, shape [out, in].
    package let slot: ParameterSlot
    /// Whether the gradient of the map's input is ever wanted (`linearBackwardInput`): never for a target encoder that
    /// is not trained, nor for a patch embedding.
    package let needsInputGradient: Bool

    package init(slot: ParameterSlot, needsInputGradient: Bool) {
        self.slot = slot
        self.needsInputGradient = needsInputGradient
    }
}

/// The packed weights of back ends that read weights as they are: there are none.
package enum NoPackedWeights: Sendable {}
