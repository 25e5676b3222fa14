package import Kernels
import TensorCore

// A block in passes that each go through memory once: in float32, or in bfloat16 where the back end has it.

extension CPUBackend {
    package func blockMemory(_ block: BlockLayout, _ shape: BlockShape) -> BlockMemory {
        guard let narrowKernels else { return FusedBlock.memory(block, shape) }
        return bf16BlockMemory(block, shape, narrowKernels)
    }

    package func blockForward(
        _ block: BlockLayout, _ input: BlockInput<CPUBackend>, parameters: Parameters<CPUBackend>,
        kept: Tensor<CPUBackend>?, scratch: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.blockForward(
            block, input, memory: blockMemory(block, input.shape), kept: kept?.shape, scratch: scratch.shape,
            y: y.shape)
        guard let narrowKernels else {
            FusedBlock(block, input, on: self).forward(parameters.flat, kept: kept, scratch: scratch, to: y)
            return
        }
        if case .chosen(let rows, _) = input.queries { rows.checkRange(below: input.own.shape.rows, "blockForward") }
        BF16Block(block, input, parameters, narrowKernels).forward(
            kept: kept?.hostPointer, scratch: scratch.hostPointer, to: y.hostPointer)
    }

    package func blockBackward(
        _ block: BlockLayout, _ input: BlockInput<CPUBackend>, parameters: Parameters<CPUBackend>,
        kept: Tensor<CPUBackend>, scratch: Tensor<CPUBackend>, dy: Tensor<CPUBackend>,
        gradients: BlockGradients<CPUBackend>
    ) {
        ShapeCheck.blockBackward(
            block, input, memory: blockMemory(block, input.shape), kept: kept.shape, scratch: scratch.shape,
            dy: dy.shape, gradients: gradients)
        guard let narrowKernels else {
            FusedBlock(block, input, on: self).backward(
                parameters.flat, kept: kept, scratch: scratch, dy: dy, gradients: gradients)
            return
        }
        BF16Block(block, input, parameters, narrowKernels).backward(
            kept: kept.hostPointer, scratch: scratch.hostPointer, dy: dy.hostPointer, gradients: gradients)
    }
}
