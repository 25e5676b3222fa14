import CKernels
package import Kernels
package import TensorCore

extension CPUBackend {
    package func apply(_ function: ElementFunction, _ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.same(x.shape, y.shape, "apply")
        kernels.apply(CFunction(function), x.hostPointer, y.hostPointer, x.count)
    }

    package func combine(
        _ operation: ElementOperation, _ a: Tensor<CPUBackend>, _ b: Tensor<CPUBackend>, to y: Tensor<CPUBackend>
    ) {
        ShapeCheck.combine(a: a.shape, b: b.shape, y: y.shape)
        // Where rows need not be told apart, all elements are one row, which may be long where rows are short.
        let isOneRow = (a.shape == y.shape || a.count == 1) && (b.shape == y.shape || b.count == 1)
        let shape = isOneRow ? Shape(1, y.count) : y.shape
        kernels.combine(
            COperation(operation), COperand(a, filling: shape), COperand(b, filling: shape), y.hostPointer, shape[0],
            shape[1])
    }

    package func sum(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.reduce(x: x.shape, y: y.shape, "sum")
        reduce(x, to: y, alongRows: kernels.sum_rows, alongColumns: kernels.sum_columns)
    }

    package func maximum(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.reduce(x: x.shape, y: y.shape, "maximum")
        reduce(x, to: y, alongRows: kernels.max_rows, alongColumns: kernels.max_columns)
    }

    private typealias Reduction =
        @convention(c) (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>) -> Void

    private func reduce(
        _ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>, alongRows: Reduction, alongColumns: Reduction
    ) {
        if x.shape == y.shape {
            copy(x, to: y)
        } else if y.count == 1 {
            alongRows(x.hostPointer, 1, x.count, y.hostPointer)
        } else if y.shape[1] == 1 {
            alongRows(x.hostPointer, x.shape[0], x.shape[1], y.hostPointer)
        } else {
            alongColumns(x.hostPointer, x.shape[0], x.shape[1], y.hostPointer)
        }
    }

    package func transpose(_ x: Tensor<CPUBackend>, to y: Tensor<CPUBackend>) {
        ShapeCheck.transpose(x: x.shape, y: y.shape)
        kernels.transpose(x.hostPointer, x.shape[0], x.shape[1], y.hostPointer)
    }

    // What follows touches one number in a row: the reference's loops are as good as any.

    package func diagonal(of matrix: Tensor<CPUBackend>, to column: Tensor<CPUBackend>) {
        reference.diagonal(of: matrix.onReference, to: column.onReference)
    }

    package func diagonalMatrix(_ column: Tensor<CPUBackend>, to matrix: Tensor<CPUBackend>) {
        reference.diagonalMatrix(column.onReference, to: matrix.onReference)
    }

    package func number(in x: Tensor<CPUBackend>) -> Double { reference.number(in: x.onReference) }

    package func fillNormal(_ x: Tensor<CPUBackend>, from stream: RandomStream) {
        reference.fillNormal(x.onReference, from: stream)
    }
}

extension COperand {
    /// One row of all elements where the shape has one row.
    fileprivate init(_ x: Tensor<CPUBackend>, filling shape: Shape) {
        let isWhole = x.count == shape.count
        self.init(
            x: x.hostPointer, row_step: x.shape[0] == shape[0] || isWhole ? x.count / shape[0] : 0,
            repeats_columns: x.shape[1] == shape[1] || isWhole ? 0 : 1)
    }
}

extension CFunction {
    fileprivate init(_ function: ElementFunction) {
        self =
            switch function {
            case .squareRoot: .squareRoot
            case .exponential: .exponential
            case .logarithm: .logarithm
            case .sine: .sine
            case .cosine: .cosine
            case .relu: .reLU
            case .step: .step
            }
    }
}

extension COperation {
    fileprivate init(_ operation: ElementOperation) {
        self =
            switch operation {
            case .add: .add
            case .subtract: .subtract
            case .multiply: .multiply
            case .divide: .divide
            }
    }
}
