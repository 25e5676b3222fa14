import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    package func patches(
        of images: Tensor<CPUBackend>, patchSize: Int, indices: IndexTensor<CPUBackend>?, to y: Tensor<CPUBackend>
    ) {
        reference.patches(
            of: images.onReference, patchSize: patchSize, indices: indices?.onReference, to: y.onReference)
    }

    /// x[b, k, :] += table[indices[b, k], :], or table[k, :] without indices.
    package func addRows(of table: Tensor<CPUBackend>, indices: IndexTensor<CPUBackend>?, to x: Tensor<CPUBackend>) {
        ShapeCheck.addRows(table: table.shape, indices: indices?.shape, x: x.shape)
        let (images, kept, width) = (x.shape[0], x.shape[1], x.shape[2])
        guard let indices else {
            for b in 0..<images {
                kernels.add(table.hostPointer, 1, x.hostPointer + b * kept * width, kept * width)
            }
            return
        }
        indices.checkRange(below: table.shape[0], "addRows")
        let (chosen, rows, out) = (indices.hostPointer, table.hostPointer, x.hostPointer)
        for row in 0..<images * kept {
            kernels.add(rows + Int(chosen[row]) * width, 1, out + row * width, width)
        }
    }
}
