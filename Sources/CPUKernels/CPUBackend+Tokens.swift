import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    package func gatherBlocks(
        _ x: Tensor<CPUBackend>, indices: IndexTensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        reference.gatherBlocks(x.onReference, indices: indices.onReference, to: y.onReference)
    }

    /// dx[b, indices[m, b, k], :] += dy[m, b, k, :], in the order of m and k.
    package func gatherBlocksBackward(
        dy: Tensor<CPUBackend>, indices: IndexTensor<CPUBackend>, dx: Tensor<CPUBackend>
    ) {
        ShapeCheck.gatherBlocks(x: dx.shape, indices: indices.shape, y: dy.shape, "gatherBlocksBackward")
        indices.checkRange(below: dx.shape[1], "gatherBlocksBackward")
        let (images, kept) = (indices.shape[1], indices.shape[2])
        let (places, width) = (dx.shape[1], dx.shape[2])
        let (chosen, from, to) = (indices.hostPointer, dy.hostPointer, dx.hostPointer)
        for row in 0..<indices.count {
            let image = row / kept % images
            kernels.add(from + row * width, 1, to + (image * places + Int(chosen[row])) * width, width)
        }
    }

    package func lastTokens(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        reference.lastTokens(x.onReference, to: y.onReference)
    }

    package func lastTokensBackward(dy: Tensor<CPUBackend>, dx: Tensor<CPUBackend>) {
        reference.lastTokensBackward(dy: dy.onReference, dx: dx.onReference)
    }

    /// y[b, :] = Σ_t x[b, t, :] / T.
    package func meanTokens(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.meanTokens(x: x.shape, y: y.shape)
        let (tokens, width) = (x.shape[1], x.shape[2])
        kernels.fill(y.hostPointer, y.count, 0)
        for b in 0..<x.shape[0] {
            kernels.add_column_sums(
                x.hostPointer + b * tokens * width, tokens, width, y.hostPointer + b * width)
        }
        kernels.scale(y.hostPointer, 1 / Float(tokens), y.count)
    }

    /// dx[b, t, :] += dy[b, :] / T.
    package func meanTokensBackward(dy: Tensor<CPUBackend>, dx: Tensor<CPUBackend>) {
        ShapeCheck.meanTokens(x: dx.shape, y: dy.shape, "meanTokensBackward")
        let (tokens, width) = (dx.shape[1], dx.shape[2])
        for row in 0..<dx.shape[0] * tokens {
            kernels.add(
                dy.hostPointer + row / tokens * width, 1 / Float(tokens), dx.hostPointer + row * width, width)
        }
    }
}
