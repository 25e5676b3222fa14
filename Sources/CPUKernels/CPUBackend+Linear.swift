import CKernels
package import Kernels
import TensorCore

extension CPUBackend {
    /// Whether a linear map runs on our own loops, by its weight's shape and the instruction set alone.
    ///
    /// While the weight stays in the second cache (640 KiB), they need no packed copy of x, and write each output once,
    /// bias included: 5 to 10 % faster than OpenBLAS with the kernels for the same instruction set (docs/performance.md).
    private func fitsOwnKernels(weight: Shape) -> Bool {
        kernels.instruction_set != .portable && weight.count <= 163_840
    }

    /// y = x · Wᵀ + b.
    package func linear(
        _ x: Tensor<CPUBackend>, weight: Tensor<CPUBackend>, bias: Tensor<CPUBackend>?, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.linear(x: x.shape, weight: weight.shape, bias: bias?.shape, y: y.shape)
        linearRows(x.hostPointer, x.shape.rows, weight: weight, bias: bias, to: y.hostPointer)
    }

    /// `linear` of rows wherever they lie.
    func linearRows(
        _ x: UnsafeMutablePointer<Float>, _ rows: Int, weight: Tensor<CPUBackend>, bias: Tensor<CPUBackend>?,
        to y: UnsafeMutablePointer<Float>
    ) {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        guard !fitsOwnKernels(weight: weight.shape) else {
            kernels.linear(x, rows, inputs, weight.hostPointer, outputs, bias?.hostPointer, y)
            return
        }
        // The product is added to rows that hold the bias, which costs OpenBLAS no more than adding it to zeros.
        if let bias { kernels.fill_rows(bias.hostPointer, y, rows, outputs) }
        matrixProduct(
            x, transposed: false, weight.hostPointer, transposed: true, n: rows, k: inputs, d: outputs,
            beta: bias == nil ? 0 : 1, to: y)
    }

    /// dx = dy · W, or dx += dy · W.
    package func linearBackwardInput(
        dy: Tensor<CPUBackend>, weight: Tensor<CPUBackend>, dx: Tensor<CPUBackend>, accumulate: Bool
    ) {
        ShapeCheck.linearBackwardInput(dy: dy.shape, weight: weight.shape, dx: dx.shape)
        linearRowsBackwardInput(
            dy.hostPointer, dy.shape.rows, weight: weight, accumulate: accumulate, to: dx.hostPointer)
    }

    /// `linearBackwardInput` of rows wherever they lie.
    func linearRowsBackwardInput(
        _ dy: UnsafeMutablePointer<Float>, _ rows: Int, weight: Tensor<CPUBackend>, accumulate: Bool,
        to dx: UnsafeMutablePointer<Float>
    ) {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        guard !fitsOwnKernels(weight: weight.shape) else {
            kernels.linear_backward_input(
                dy, rows, outputs, weight.hostPointer, inputs, accumulate ? 1 : 0, dx)
            return
        }
        matrixProduct(
            dy, transposed: false, weight.hostPointer, transposed: false, n: rows, k: outputs, d: inputs,
            beta: accumulate ? 1 : 0, to: dx)
    }

    /// dW += dyᵀ · x and db += Σ_rows dy.
    package func linearBackwardWeight(
        _ x: Tensor<CPUBackend>, dy: Tensor<CPUBackend>, dWeight: Tensor<CPUBackend>, dBias: Tensor<CPUBackend>?
    ) {
        ShapeCheck.linearBackwardWeight(x: x.shape, dy: dy.shape, dWeight: dWeight.shape, dBias: dBias?.shape)
        linearRowsBackwardWeight(x.hostPointer, dy: dy.hostPointer, dy.shape.rows, dWeight: dWeight, dBias: dBias)
    }

    /// `linearBackwardWeight` of rows wherever they lie.
    func linearRowsBackwardWeight(
        _ x: UnsafeMutablePointer<Float>, dy: UnsafeMutablePointer<Float>, _ rows: Int, dWeight: Tensor<CPUBackend>,
        dBias: Tensor<CPUBackend>?
    ) {
        let (outputs, inputs) = (dWeight.shape[0], dWeight.shape[1])
        if let dBias { kernels.add_column_sums(dy, rows, outputs, dBias.hostPointer) }
        guard !fitsOwnKernels(weight: dWeight.shape) else {
            kernels.linear_backward_weight(dy, rows, outputs, x, inputs, dWeight.hostPointer)
            return
        }
        matrixProduct(
            dy, transposed: true, x, transposed: false, n: outputs, k: rows, d: inputs, beta: 1,
            to: dWeight.hostPointer)
    }
}
