import CKernels
package import Kernels
import TensorCore

// What is different with bfloat16: weights have packed copies, and linear maps and blocks whose weights do are narrow.

extension CPUBackend {
    package func makePackedWeights(of matrices: [PackableMatrix], in flat: Tensor<CPUBackend>) -> BF16Weights? {
        narrowKernels == nil ? nil : BF16Weights(matrices, in: flat)
    }

    package func refresh(_ packed: BF16Weights, from flat: Tensor<CPUBackend>, range: Range<Int>) {
        guard let narrowKernels else { return }
        packed.refresh(from: flat, range: range, narrowKernels)
    }

    // MARK: Linear maps of float32 rows

    /// The bfloat16 kernels and the packed copy, where both are there.
    func narrowForm(_ weight: Weight<CPUBackend>) -> (CBF16Table, PackedMatrix)? {
        guard let narrowKernels, let packed = weight.packed?.packed(at: weight.values.offset),
            packed.outputs == weight.values.shape[0]
        else { return nil }
        return (narrowKernels, packed)
    }

    /// y = x · Wᵀ + b; x is rounded to bfloat16 where the weight has a packed copy.
    package func linear(
        _ x: Tensor<CPUBackend>, weight: Weight<CPUBackend>, bias: Tensor<CPUBackend>?, to y: Tensor<CPUBackend>
    ) {
        guard let (kernels, packed) = narrowForm(weight) else {
            linear(x, weight: weight.values, bias: bias, to: y)
            return
        }
        ShapeCheck.linear(x: x.shape, weight: weight.values.shape, bias: bias?.shape, y: y.shape)
        product(
            x.hostPointer, rows: x.shape.rows, depth: packed.inputs, packed.forward, columns: packed.outputs,
            .store(to: y.hostPointer, stride: packed.outputs, bias: bias?.hostPointer), kernels)
    }

    /// dx = dy · W, or dx += dy · W; dy is rounded to bfloat16 where the weight has a packed copy.
    package func linearBackwardInput(
        dy: Tensor<CPUBackend>, weight: Weight<CPUBackend>, dx: Tensor<CPUBackend>, accumulate: Bool
    ) {
        guard let (kernels, packed) = narrowForm(weight), let backward = packed.backward else {
            linearBackwardInput(dy: dy, weight: weight.values, dx: dx, accumulate: accumulate)
            return
        }
        ShapeCheck.linearBackwardInput(dy: dy.shape, weight: weight.values.shape, dx: dx.shape)
        product(
            dy.hostPointer, rows: dy.shape.rows, depth: packed.outputs, backward, columns: packed.inputs,
            .store(to: dx.hostPointer, stride: packed.inputs, accumulate: accumulate), kernels)
    }

    /// dW += dyᵀ · x and db += Σ_rows dy; both are rounded to bfloat16 where the weight has a packed copy.
    package func linearBackwardWeight(
        _ x: Tensor<CPUBackend>, dy: Tensor<CPUBackend>, weight: Weight<CPUBackend>, dWeight: Tensor<CPUBackend>,
        dBias: Tensor<CPUBackend>?
    ) {
        guard let (kernels, packed) = narrowForm(weight) else {
            linearBackwardWeight(x, dy: dy, dWeight: dWeight, dBias: dBias)
            return
        }
        ShapeCheck.linearBackwardWeight(x: x.shape, dy: dy.shape, dWeight: dWeight.shape, dBias: dBias?.shape)
        let (outputs, inputs) = (packed.outputs, packed.inputs)
        let (left, right) = (paddedColumns(outputs), paddedColumns(inputs))
        let rows = dy.shape.rows
        let atOnce = min(rows, Self.rowsAtOnce)
        let elements = atOnce * (left + right) + kernels.weight_gradient_scratch(outputs, inputs)
        narrowScratch.with(elements) { memory in
            for first in stride(from: 0, to: rows, by: Self.rowsAtOnce) {
                let count = min(Self.rowsAtOnce, rows - first)
                let (narrowDY, narrowX) = (memory, memory + atOnce * left)
                kernels.narrow(dy.hostPointer + first * outputs, count, outputs, outputs, narrowDY, left)
                kernels.narrow(x.hostPointer + first * inputs, count, inputs, inputs, narrowX, right)
                kernels.weight_gradient(
                    narrowX, right, narrowDY, left, count, outputs, inputs, dWeight.hostPointer, dBias?.hostPointer,
                    memory + atOnce * (left + right))
            }
        }
    }

    /// Rows that are rounded before they are multiplied: as many as weight gradients take at a time.
    private static var rowsAtOnce: Int { 512 }

    /// A product of float32 rows, rounded a few hundred at a time.
    private func product(
        _ a: Floats, rows: Int, depth: Int, _ b: Narrow, columns: Int, _ output: CBF16Output, _ kernels: CBF16Table
    ) {
        let padded = paddedColumns(depth)
        narrowScratch.with(min(rows, Self.rowsAtOnce) * padded) { narrow in
            for first in stride(from: 0, to: rows, by: Self.rowsAtOnce) {
                let count = min(Self.rowsAtOnce, rows - first)
                kernels.narrow(a + first * depth, count, depth, depth, narrow, padded)
                var part = output
                part.wide = output.wide.map { $0 + first * output.wide_stride }
                kernels.product(narrow, padded, b, count, depth, columns, part)
            }
        }
    }
}
