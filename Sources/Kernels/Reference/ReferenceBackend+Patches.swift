import TensorCore

extension ReferenceBackend {
    /// y[b, k, (c · p + r) · p + s] = images[b, c, p · row + r, p · column + s], where indices[b, k] = row · grid width +
    /// column.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func patches(
        of images: Tensor<Self>, patchSize: Int, indices: IndexTensor<Self>?, to y: Tensor<Self>
    ) {
        ShapeCheck.patches(images: images.shape, patchSize: patchSize, indices: indices?.shape, y: y.shape)
        let (channels, height, width) = (images.shape[1], images.shape[2], images.shape[3])
        let gridWidth = width / patchSize
        indices?.checkRange(below: gridWidth * (height / patchSize), "patches")
        let chosen = indices?.hostPointer
        let (from, to) = (images.hostPointer, y.hostPointer)
        let (kept, patchCount) = (y.shape[1], y.shape[2])
        for b in 0..<images.shape[0] {
            for k in 0..<kept {
                let place = chosen.map { Int($0[b * kept + k]) } ?? k
                let (top, left) = (place / gridWidth * patchSize, place % gridWidth * patchSize)
                for c in 0..<channels {
                    for r in 0..<patchSize {
                        let source = from + ((b * channels + c) * height + top + r) * width + left
                        let target = to + (b * kept + k) * patchCount + (c * patchSize + r) * patchSize
                        target.update(from: source, count: patchSize)
                    }
                }
            }
        }
    }

    /// x[b, k, :] += table[indices[b, k], :], or table[k, :] without indices.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func addRows(of table: Tensor<Self>, indices: IndexTensor<Self>?, to x: Tensor<Self>) {
        ShapeCheck.addRows(table: table.shape, indices: indices?.shape, x: x.shape)
        indices?.checkRange(below: table.shape[0], "addRows")
        let chosen = indices?.hostPointer
        let (images, kept, width) = (x.shape[0], x.shape[1], x.shape[2])
        for b in 0..<images {
            for k in 0..<kept {
                let row = chosen.map { Int($0[b * kept + k]) } ?? k
                addScaled(
                    table.hostPointer + row * width, times: 1, to: x.hostPointer + (b * kept + k) * width, count: width)
            }
        }
    }
}
