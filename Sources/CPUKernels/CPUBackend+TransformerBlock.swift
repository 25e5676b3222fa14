package import Kernels
import TensorCore

// The float32 block, in passes that each go through memory once.

extension CPUBackend {
    package func blockMemory(_ block: BlockLayout, _ shape: BlockShape) -> BlockMemory {
        FusedBlock.memory(block, shape)
    }

    package func blockForward(
        _ block: BlockLayout, _ input: BlockInput<CPUBackend>, parameters: Parameters<CPUBackend>,
        kept: Tensor<CPUBackend>?, scratch: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.blockForward(
            block, input, memory: blockMemory(block, input.shape), kept: kept?.shape, scratch: scratch.shape,
            y: y.shape)
        FusedBlock(block, input, on: self).forward(parameters.flat, kept: kept, scratch: scratch, to: y)
    }

    package func blockBackward(
        _ block: BlockLayout, _ input: BlockInput<CPUBackend>, parameters: Parameters<CPUBackend>,
        kept: Tensor<CPUBackend>, scratch: Tensor<CPUBackend>, dy: Tensor<CPUBackend>,
        gradients: BlockGradients<CPUBackend>
    ) {
        ShapeCheck.blockBackward(
            block, input, memory: blockMemory(block, input.shape), kept: kept.shape, scratch: scratch.shape,
            dy: dy.shape, gradients: gradients)
        FusedBlock(block, input, on: self).backward(
            parameters.flat, kept: kept, scratch: scratch, dy: dy, gradients: gradients)
    }
}
