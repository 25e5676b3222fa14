import CKernels
package import Kernels

extension CPUBackend {
    /// pre = x · Wᵀ + b; y = pre · Φ(pre).
    package func linearGELU(
        _ x: Tensor<CPUBackend>, weight: Tensor<CPUBackend>, bias: Tensor<CPUBackend>, pre: Tensor<CPUBackend>,
        to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.linearGELU(x: x.shape, weight: weight.shape, bias: bias.shape, pre: pre.shape, y: y.shape)
        linear(x, weight: weight, bias: bias, to: pre)
        kernels.gelu(pre.hostPointer, y.hostPointer, pre.count)
    }

    /// dx = dy · (Φ(pre) + pre · φ(pre)). `dx` may be `dy`.
    package func geluBackward(pre: Tensor<CPUBackend>, dy: Tensor<CPUBackend>, dx: Tensor<CPUBackend>) {
        ShapeCheck.same(pre.shape, dy.shape, "geluBackward")
        ShapeCheck.same(pre.shape, dx.shape, "geluBackward")
        kernels.gelu_backward(pre.hostPointer, dy.hostPointer, dx.hostPointer, pre.count)
    }
}
