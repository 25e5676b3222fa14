package import TensorCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension ReferenceBackend {
    /// y = f(x), evaluated in Double.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func apply(_ function: ElementFunction, _ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.same(x.shape, y.shape, "apply")
        let (from, to, count) = (x.hostPointer, y.hostPointer, x.count)
        switch function {
        case .squareRoot: for i in 0..<count { to[i] = from[i].squareRoot() }
        case .exponential: for i in 0..<count { to[i] = Scalar(exp(Double(from[i]))) }
        case .logarithm: for i in 0..<count { to[i] = Scalar(log(Double(from[i]))) }
        case .sine: for i in 0..<count { to[i] = Scalar(sin(Double(from[i]))) }
        case .cosine: for i in 0..<count { to[i] = Scalar(cos(Double(from[i]))) }
        case .relu: for i in 0..<count { to[i] = from[i] < 0 ? 0 : from[i] }
        case .step: for i in 0..<count { to[i] = from[i] > 0 ? 1 : from[i].isNaN ? from[i] : 0 }
        }
    }

    /// y = a ∘ b, an extent of 1 repeated.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func combine(_ operation: ElementOperation, _ a: Tensor<Self>, _ b: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.combine(a: a.shape, b: b.shape, y: y.shape)
        let operands = RepeatedOperands(a, b, y)
        switch operation {
        case .add: operands.fill { $0 + $1 }
        case .subtract: operands.fill { $0 - $1 }
        case .multiply: operands.fill { $0 * $1 }
        case .divide: operands.fill { $0 / $1 }
        }
    }

    /// Sums over the axes of which y has one entry, in Double.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func sum(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.reduce(x: x.shape, y: y.shape, "sum")
        reduce(x, to: y, from: 0) { $0 + $1 }
    }

    /// Maxima over the axes of which y has one entry; NaN where one of them is.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func maximum(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.reduce(x: x.shape, y: y.shape, "maximum")
        reduce(x, to: y, from: -.infinity) { $0.isNaN || $0 > $1 ? $0 : $1 }
    }

    /// Each element of y by itself, over its elements of x row by row.
    @inline(__always)
    private func reduce(_ x: Tensor<Self>, to y: Tensor<Self>, from start: Double, _ next: (Double, Double) -> Double) {
        let (rows, columns) = (x.shape[0], x.shape[1])
        let (keepsRows, keepsColumns) = (y.shape[0] == rows, y.shape[1] == columns)
        let (from, to) = (x.hostPointer, y.hostPointer)
        for i in 0..<y.shape[0] {
            for j in 0..<y.shape[1] {
                var value = start
                for row in keepsRows ? i..<i + 1 : 0..<rows {
                    for column in keepsColumns ? j..<j + 1 : 0..<columns {
                        value = next(value, Double(from[row * columns + column]))
                    }
                }
                to[i * y.shape[1] + j] = Scalar(value)
            }
        }
    }

    /// y = xᵀ.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func transpose(_ x: Tensor<Self>, to y: Tensor<Self>) {
        ShapeCheck.transpose(x: x.shape, y: y.shape)
        let (rows, columns) = (x.shape[0], x.shape[1])
        let (from, to) = (x.hostPointer, y.hostPointer)
        for i in 0..<rows {
            for j in 0..<columns { to[j * rows + i] = from[i * columns + j] }
        }
    }

    /// column[j] = matrix[j, j].
    package func diagonal(of matrix: Tensor<Self>, to column: Tensor<Self>) {
        ShapeCheck.diagonal(matrix: matrix.shape, column: column.shape)
        let n = column.count
        for j in 0..<n { column.hostPointer[j] = matrix.hostPointer[j * n + j] }
    }

    /// matrix[j, j] = column[j], zeros elsewhere.
    package func diagonalMatrix(_ column: Tensor<Self>, to matrix: Tensor<Self>) {
        ShapeCheck.diagonal(matrix: matrix.shape, column: column.shape)
        let n = column.count
        fill(matrix, with: 0)
        for j in 0..<n { matrix.hostPointer[j * n + j] = column.hostPointer[j] }
    }

    /// The only element.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func number(in x: Tensor<Self>) -> Double {
        precondition(x.count == 1, "\(x.shape) is not one number")
        return Double(x.hostPointer[0])
    }

    /// Standard normal numbers in row-major order.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func fillNormal(_ x: Tensor<Self>, from stream: RandomStream) {
        var stream = stream
        let to = x.hostPointer
        for i in 0..<x.count { to[i] = Scalar(stream.normal()) }
    }
}

/// Two operands and a result, [n, d], where an operand's extent of 1 stands for as many as the result has.
private struct RepeatedOperands<Scalar: BinaryFloatingPoint> {
    let a, b, y: UnsafeMutablePointer<Scalar>
    let aRow, aColumn, bRow, bColumn: Int
    let rows, columns: Int

    init<Backend: KernelBackend>(_ a: Tensor<Backend>, _ b: Tensor<Backend>, _ y: Tensor<Backend>)
    where Backend.Buffer == HostBuffer<Scalar>, Backend.Scalar == Scalar {
        (self.a, self.b, self.y) = (a.hostPointer, b.hostPointer, y.hostPointer)
        (rows, columns) = (y.shape[0], y.shape[1])
        (aRow, aColumn) = (a.shape[0] == 1 ? 0 : a.shape[1], a.shape[1] == 1 ? 0 : 1)
        (bRow, bColumn) = (b.shape[0] == 1 ? 0 : b.shape[1], b.shape[1] == 1 ? 0 : 1)
    }

    @inline(__always)
    func fill(_ value: (Scalar, Scalar) -> Scalar) {
        for i in 0..<rows {
            let (a, b, y) = (a + i * aRow, b + i * bRow, y + i * columns)
            // The steps as constants, so that each loop is vectorised.
            switch (aColumn, bColumn) {
            case (1, 1): for j in 0..<columns { y[j] = value(a[j], b[j]) }
            case (1, _):
                let right = b[0]
                for j in 0..<columns { y[j] = value(a[j], right) }
            case (_, 1):
                let left = a[0]
                for j in 0..<columns { y[j] = value(left, b[j]) }
            default:
                let both = value(a[0], b[0])
                for j in 0..<columns { y[j] = both }
            }
        }
    }
}
