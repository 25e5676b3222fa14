import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    /// y[m, b] = context[b], then maskToken + table[indices[m, b, k]] for each k.
    package func appendMaskTokens(
        context: Tensor<CPUBackend>, maskToken: Tensor<CPUBackend>, table: Tensor<CPUBackend>,
        indices: IndexTensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.appendMaskTokens(
            context: context.shape, maskToken: maskToken.shape, table: table.shape, indices: indices.shape,
            y: y.shape)
        indices.checkRange(below: table.shape[0], "appendMaskTokens")
        let (images, seen, width) = (context.shape[0], context.shape[1], context.shape[2])
        let hidden = indices.shape[2]
        let (chosen, positions, token) = (indices.hostPointer, table.hostPointer, maskToken.hostPointer)
        for sequence in 0..<indices.shape[0] * images {
            let out = y.hostPointer + sequence * (seen + hidden) * width
            out.update(from: context.hostPointer + sequence % images * seen * width, count: seen * width)
            for k in 0..<hidden {
                let row = Int(chosen[sequence * hidden + k])
                kernels.sum(positions + row * width, token, out + (seen + k) * width, width)
            }
        }
    }

    /// dContext[b] = Σ_m dy[m, b, 0..<Kc]; dMaskToken += Σ dy over all mask tokens.
    package func appendMaskTokensBackward(
        dy: Tensor<CPUBackend>, dContext: Tensor<CPUBackend>, dMaskToken: Tensor<CPUBackend>
    ) {
        ShapeCheck.appendMaskTokensBackward(
            dy: dy.shape, dContext: dContext.shape, dMaskToken: dMaskToken.shape)
        let (blocks, images, tokens, width) = (dy.shape[0], dy.shape[1], dy.shape[2], dy.shape[3])
        let seen = dContext.shape[1]
        kernels.fill(dContext.hostPointer, dContext.count, 0)
        for sequence in 0..<blocks * images {
            let from = dy.hostPointer + sequence * tokens * width
            let context = dContext.hostPointer + sequence % images * seen * width
            kernels.add(from, 1, context, seen * width)
            kernels.add_column_sums(from + seen * width, tokens - seen, width, dMaskToken.hostPointer)
        }
    }
}
