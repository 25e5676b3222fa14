import CKernels
package import Kernels
import TensorCore

// The patch embedding on bfloat16: pixels are rounded on their way from the image to the product's operand.

extension CPUBackend {
    package func patchScratch(_ shape: PatchShape) -> (forward: Int, backward: Int) {
        let composed = composedPatchScratch(shape)
        guard let narrowKernels else { return composed }
        let plan = BF16PatchScratch(shape, narrowKernels)
        return (max(composed.forward, plan.forward), max(composed.backward, plan.backward))
    }

    package func embedPatches(
        _ input: PatchInput<CPUBackend>, weight: Weight<CPUBackend>, bias: Tensor<CPUBackend>,
        positions: Tensor<CPUBackend>, scratch: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        guard let (kernels, packed) = narrowForm(weight) else {
            composedEmbedPatches(input, weight: weight, bias: bias, positions: positions, scratch: scratch, to: y)
            return
        }
        ShapeCheck.embedPatches(input, weight: weight.values.shape, bias: bias.shape, y: y.shape)
        let width = y.shape[2]
        let (whole, memory) = (BF16PatchScratch(input.shape(width: width), kernels), scratch.hostPointer)
        precondition(scratch.count >= whole.forward, "embedPatches: scratch of \(scratch.count)")
        input.forEachGroup { part, firstRow in
            let shape = part.shape(width: width)
            let rows = y.window(at: firstRow * width, Shape(shape.images, shape.tokens, width))
            narrowPatches(part, shape, whole, memory, kernels)
            kernels.product(
                whole.patches(memory), paddedColumns(shape.elements), packed.forward, shape.images * shape.tokens,
                shape.elements, width, .store(to: rows.hostPointer, stride: width, bias: bias.hostPointer))
            addRows(of: positions, indices: part.indices, to: rows)
        }
    }

    package func embedPatchesBackward(
        _ input: PatchInput<CPUBackend>, dy: Tensor<CPUBackend>, weight: Weight<CPUBackend>,
        scratch: Tensor<CPUBackend>, dWeight: Tensor<CPUBackend>, dBias: Tensor<CPUBackend>
    ) {
        guard let (kernels, _) = narrowForm(weight) else {
            composedEmbedPatchesBackward(
                input, dy: dy, weight: weight, scratch: scratch, dWeight: dWeight, dBias: dBias)
            return
        }
        ShapeCheck.embedPatches(
            input, weight: dWeight.shape, bias: dBias.shape, y: dy.shape, "embedPatchesBackward")
        let width = dy.shape[2]
        let (whole, memory) = (BF16PatchScratch(input.shape(width: width), kernels), scratch.hostPointer)
        precondition(scratch.count >= whole.backward, "embedPatchesBackward: scratch of \(scratch.count)")
        input.forEachGroup { part, firstRow in
            let shape = part.shape(width: width)
            let rows = shape.images * shape.tokens
            narrowPatches(part, shape, whole, memory, kernels)
            kernels.narrow(
                dy.hostPointer + firstRow * width, rows, width, width, whole.dPatches(memory), paddedColumns(width))
            kernels.weight_gradient(
                whole.patches(memory), paddedColumns(shape.elements), whole.dPatches(memory), paddedColumns(width),
                rows, width, shape.elements, dWeight.hostPointer, dBias.hostPointer, whole.weightGradient(memory))
        }
    }

    /// Each patch of `input` as a row of a narrow matrix; its pixels pass through one line of floats.
    private func narrowPatches(
        _ input: PatchInput<CPUBackend>, _ shape: PatchShape, _ plan: BF16PatchScratch, _ memory: Floats,
        _ kernels: CBF16Table
    ) {
        let (p, extents) = (input.patchSize, input.images.shape)
        let (channels, height, width) = (extents[1], extents[2], extents[3])
        let gridWidth = width / p
        input.indices?.checkRange(below: gridWidth * (height / p), "embedPatches")
        let (pixels, chosen) = (input.images.hostPointer, input.indices?.hostPointer)
        let (line, stride) = (plan.line(memory), paddedColumns(shape.elements))
        for row in 0..<shape.images * shape.tokens {
            let place = chosen.map { Int($0[row]) } ?? row % shape.tokens
            let image = pixels + row / shape.tokens * channels * height * width
            let corner = image + place / gridWidth * p * width + place % gridWidth * p
            for c in 0..<channels {
                for r in 0..<p {
                    (line + (c * p + r) * p).update(from: corner + (c * height + r) * width, count: p)
                }
            }
            kernels.narrow(line, 1, shape.elements, shape.elements, plan.patches(memory) + row * stride, stride)
        }
    }
}

/// Scratch of the patch embedding, for one group of images; the backward pass needs what is after `forward` too.
private struct BF16PatchScratch {
    /// One patch.
    let line: FloatPlace
    let patches, dPatches, weightGradient: NarrowPlace
    let forward, backward: Int

    init(_ shape: PatchShape, _ kernels: CBF16Table) {
        var plan = MemoryPlan()
        line = plan.floats(shape.elements)
        patches = plan.narrow(shape.groupRows * paddedColumns(shape.elements))
        forward = plan.elements
        dPatches = plan.narrow(shape.groupRows * paddedColumns(shape.width))
        weightGradient = plan.narrow(kernels.weight_gradient_scratch(shape.width, shape.elements))
        backward = plan.elements
    }
}
