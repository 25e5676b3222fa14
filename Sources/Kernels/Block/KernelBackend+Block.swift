package import TensorCore

// What a back end gets for nothing: weights read as they are, and a transformer block composed of single operations.

extension KernelBackend where PackedWeights == NoPackedWeights {
    package func makePackedWeights(of matrices: [PackableMatrix], in flat: Tensor<Self>) -> NoPackedWeights? { nil }

    package func refresh(_ packed: NoPackedWeights, from flat: Tensor<Self>, range: Range<Int>) {}
}

extension KernelBackend {
    package func borrow(_ source: HostBuffer<Float>, at start: Int, _ shape: Shape) -> Tensor<Self>? { nil }

    package func linear(_ x: Tensor<Self>, weight: Weight<Self>, bias: Tensor<Self>?, to y: Tensor<Self>) {
        linear(x, weight: weight.values, bias: bias, to: y)
    }

    package func linearBackwardInput(
        dy: Tensor<Self>, weight: Weight<Self>, dx: Tensor<Self>, accumulate: Bool
    ) {
        linearBackwardInput(dy: dy, weight: weight.values, dx: dx, accumulate: accumulate)
    }

    package func linearBackwardWeight(
        _ x: Tensor<Self>, dy: Tensor<Self>, weight: Weight<Self>, dWeight: Tensor<Self>, dBias: Tensor<Self>?
    ) {
        linearBackwardWeight(x, dy: dy, dWeight: dWeight, dBias: dBias)
    }

    package func blockMemory(_ block: BlockLayout, _ shape: BlockShape) -> BlockMemory {
        ComposedBlock<Self>.memory(block, shape)
    }

    package func blockForward(
        _ block: BlockLayout, _ input: BlockInput<Self>, parameters: Parameters<Self>, kept: Tensor<Self>?,
        scratch: Tensor<Self>, to y: Tensor<Self>
    ) {
        ComposedBlock(block, input, on: self).forward(parameters, kept: kept, scratch: scratch, to: y)
    }

    package func blockBackward(
        _ block: BlockLayout, _ input: BlockInput<Self>, parameters: Parameters<Self>, kept: Tensor<Self>,
        scratch: Tensor<Self>, dy: Tensor<Self>, gradients: BlockGradients<Self>
    ) {
        ComposedBlock(block, input, on: self).backward(
            parameters, kept: kept, scratch: scratch, dy: dy, gradients: gradients)
    }
}

/// Cuts a piece of memory into tensors, one after the other.
package struct MemoryCutter<Backend: KernelBackend> {
    private let memory: Tensor<Backend>
    private var used = 0

    package init(_ memory: Tensor<Backend>) { self.memory = memory }

    /// All that is left.
    package var rest: Tensor<Backend> { memory.window(at: used, Shape(memory.count - used)) }

    /// The next tensor; its elements are not defined.
    package mutating func take(_ shape: Shape) -> Tensor<Backend> {
        defer { used += alignedElements(shape.count) }
        return memory.window(at: used, shape)
    }
}
