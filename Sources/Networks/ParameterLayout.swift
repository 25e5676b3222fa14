package import Kernels
package import TensorCore

/// How a parameter is filled at the start.
package enum ParameterInitializer: Sendable, Hashable {
    case zeros
    case ones
    /// A map [out, in] that follows the network's scheme; `layer` is the block's number from 1, for the rescaled form.
    case linear(rescaledByLayer: Int?)
    /// Normal of standard deviation 0.02 cut at ±2.
    case token
    /// Uniform in ±1/√in, as PyTorch's Linear.
    case uniformFanIn
}

/// The named parameter tensors of a network and their places in one flat vector.
///
/// Parameters with weight decay come first, so that the optimiser handles a network in two sweeps. Every tensor begins on
/// a multiple of 16 elements; the elements between stay zero.
package struct ParameterLayout: Sendable {
    package struct Entry: Sendable, Hashable {
        /// As in the public checkpoints: "blocks.0.attn.qkv.weight".
        package let name: String
        package let slot: ParameterSlot
        package let decays: Bool
        package let initializer: ParameterInitializer
        /// The shape in checkpoints, where it differs: [D, C, p, p] for the patch embedding.
        package let storedShape: [Int]
    }

    package let entries: [Entry]
    /// Elements of the flat vector, gaps included.
    package let count: Int
    /// Elements of the leading part that weight decay applies to.
    package let decayingCount: Int
    private let slots: [String: ParameterSlot]

    /// Of a network without parameters.
    package static let none = Builder().build()

    /// Parameters of the network, gaps not counted.
    package var parameterCount: Int { entries.reduce(0) { $0 + $1.slot.shape.count } }

    package subscript(name: String) -> ParameterSlot {
        guard let slot = slots[name] else { preconditionFailure("no parameter is named \(name)") }
        return slot
    }

    /// Collects declarations in the order of the forward pass.
    package struct Builder {
        private var declared: [(name: String, shape: Shape, decays: Bool, ParameterInitializer, stored: [Int])] = []

        package init() {}

        package mutating func add(
            _ name: String, _ shape: Shape, decays: Bool, _ initializer: ParameterInitializer, storedAs: [Int]? = nil
        ) {
            declared.append((name, shape, decays, initializer, storedAs ?? shape.dimensions))
        }

        /// weight [out, in] and bias [out] of a linear map.
        package mutating func addLinear(_ name: String, input: Int, output: Int, rescaledByLayer: Int? = nil) {
            add("\(name).weight", Shape(output, input), decays: true, .linear(rescaledByLayer: rescaledByLayer))
            add("\(name).bias", Shape(output), decays: false, .zeros)
        }

        /// weight and bias [width] of a normalisation.
        package mutating func addNorm(_ name: String, width: Int) {
            add("\(name).weight", Shape(width), decays: false, .ones)
            add("\(name).bias", Shape(width), decays: false, .zeros)
        }

        package func build() -> ParameterLayout {
            var offset = 0
            var slots: [String: ParameterSlot] = [:]
            var decayingCount = 0
            for decays in [true, false] {
                for parameter in declared where parameter.decays == decays {
                    slots[parameter.name] = ParameterSlot(offset: offset, shape: parameter.shape)
                    offset += alignedElements(parameter.shape.count)
                }
                if decays { decayingCount = offset }
            }
            precondition(slots.count == declared.count, "two parameters share a name")
            let entries = declared.compactMap { parameter in
                slots[parameter.name].map {
                    Entry(
                        name: parameter.name, slot: $0, decays: parameter.decays, initializer: parameter.3,
                        storedShape: parameter.stored)
                }
            }
            return ParameterLayout(entries: entries, count: offset, decayingCount: decayingCount, slots: slots)
        }
    }

    private init(entries: [Entry], count: Int, decayingCount: Int, slots: [String: ParameterSlot]) {
        self.entries = entries
        self.count = count
        self.decayingCount = decayingCount
        self.slots = slots
    }
}
