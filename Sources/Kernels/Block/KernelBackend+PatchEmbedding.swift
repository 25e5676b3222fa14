import TensorCore

// A patch embedding composed of single operations, a few images at a time.

extension KernelBackend {
    package func patchScratch(_ shape: PatchShape) -> (forward: Int, backward: Int) { composedPatchScratch(shape) }

    package func embedPatches(
        _ input: PatchInput<Self>, weight: Weight<Self>, bias: Tensor<Self>, positions: Tensor<Self>,
        scratch: Tensor<Self>, to y: Tensor<Self>
    ) {
        composedEmbedPatches(input, weight: weight, bias: bias, positions: positions, scratch: scratch, to: y)
    }

    package func embedPatchesBackward(
        _ input: PatchInput<Self>, dy: Tensor<Self>, weight: Weight<Self>, scratch: Tensor<Self>,
        dWeight: Tensor<Self>, dBias: Tensor<Self>
    ) {
        composedEmbedPatchesBackward(
            input, dy: dy, weight: weight, scratch: scratch, dWeight: dWeight, dBias: dBias)
    }

    // MARK: For back ends that do only some of them otherwise

    package func composedPatchScratch(_ shape: PatchShape) -> (forward: Int, backward: Int) {
        let elements = shape.groupRows * shape.elements
        return (elements, elements)
    }

    package func composedEmbedPatches(
        _ input: PatchInput<Self>, weight: Weight<Self>, bias: Tensor<Self>, positions: Tensor<Self>,
        scratch: Tensor<Self>, to y: Tensor<Self>
    ) {
        ShapeCheck.embedPatches(input, weight: weight.values.shape, bias: bias.shape, y: y.shape)
        input.forEachGroup { part, firstRow in
            let shape = part.shape(width: y.shape[2])
            let patches = scratch.window(at: 0, Shape(shape.images, shape.tokens, shape.elements))
            let rows = y.window(at: firstRow * shape.width, Shape(shape.images, shape.tokens, shape.width))
            self.patches(of: part.images, patchSize: part.patchSize, indices: part.indices, to: patches)
            linear(patches, weight: weight, bias: bias, to: rows)
            addRows(of: positions, indices: part.indices, to: rows)
        }
    }

    package func composedEmbedPatchesBackward(
        _ input: PatchInput<Self>, dy: Tensor<Self>, weight: Weight<Self>, scratch: Tensor<Self>,
        dWeight: Tensor<Self>, dBias: Tensor<Self>
    ) {
        ShapeCheck.embedPatches(
            input, weight: dWeight.shape, bias: dBias.shape, y: dy.shape, "embedPatchesBackward")
        input.forEachGroup { part, firstRow in
            let shape = part.shape(width: dy.shape[2])
            let patches = scratch.window(at: 0, Shape(shape.images, shape.tokens, shape.elements))
            let rows = dy.window(at: firstRow * shape.width, Shape(shape.images, shape.tokens, shape.width))
            self.patches(of: part.images, patchSize: part.patchSize, indices: part.indices, to: patches)
            linearBackwardWeight(patches, dy: rows, weight: weight, dWeight: dWeight, dBias: dBias)
        }
    }
}
