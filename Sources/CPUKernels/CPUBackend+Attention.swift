import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    /// probabilities = softmax(q kᵀ / √(D/H)), y = probabilities · v, for each image and head.
    package func attention(
        qkv: Tensor<CPUBackend>, heads: Int, probabilities: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.attention(qkv: qkv.shape, heads: heads, probabilities: probabilities.shape, y: y.shape)
        kernels.attention(
            qkv.hostPointer, y.shape[0], y.shape[1], heads, y.shape[2] / heads, probabilities.hostPointer,
            y.hostPointer)
    }

    /// dQKV is overwritten; of the scratch, [T, T] is used.
    package func attentionBackward(
        qkv: Tensor<CPUBackend>, heads: Int, probabilities: Tensor<CPUBackend>, dy: Tensor<CPUBackend>,
        dQKV: Tensor<CPUBackend>, scratch: Tensor<CPUBackend>
    ) {
        ShapeCheck.attentionBackward(
            qkv: qkv.shape, heads: heads, probabilities: probabilities.shape, dy: dy.shape, dQKV: dQKV.shape,
            scratch: scratch.shape)
        kernels.attention_backward(
            qkv.hostPointer, dy.shape[0], dy.shape[1], heads, dy.shape[2] / heads, probabilities.hostPointer,
            dy.hostPointer, dQKV.hostPointer, scratch.hostPointer)
    }
}
