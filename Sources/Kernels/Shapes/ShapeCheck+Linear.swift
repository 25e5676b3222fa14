package import TensorCore

extension ShapeCheck {
    /// op(a) [n, k], op(b) [k, d], c [n, d].
    package static func multiply(
        _ a: Shape, transposed transposeA: Bool, _ b: Shape, transposed transposeB: Bool, c: Shape
    ) {
        precondition(a.rank == 2 && b.rank == 2 && c.rank == 2, "multiply: \(a), \(b) and \(c) must be matrices")
        let (n, k) = transposeA ? (a[1], a[0]) : (a[0], a[1])
        let (inner, d) = transposeB ? (b[1], b[0]) : (b[0], b[1])
        precondition(
            k == inner && c == Shape(n, d),
            "multiply: \(a)\(transposeA ? "ᵀ" : "") · \(b)\(transposeB ? "ᵀ" : "") cannot give \(c)")
    }

    /// x [.., in], weight [out, in], bias [out] or none, y [.., out]; also for gradients in the same places.
    package static func linear(
        x: Shape, weight: Shape, bias: Shape?, y: Shape, _ operation: StaticString = "linear"
    ) {
        require(weight, rank: 2, "weight", operation)
        precondition(
            x.rank > 0 && x.columns == weight[1], "\(operation): input \(x) does not fit weight \(weight)")
        precondition(
            y.rank > 0 && y.columns == weight[0], "\(operation): output \(y) does not fit weight \(weight)")
        requireEqualRows(x, y, operation)
        if let bias { require(bias, is: Shape(weight[0]), "bias", for: weight, operation) }
    }

    /// As `linear`, and pre of the shape of y.
    package static func linearGELU(x: Shape, weight: Shape, bias: Shape, pre: Shape, y: Shape) {
        linear(x: x, weight: weight, bias: bias, y: y, "linearGELU")
        require(pre, is: y, "pre", for: y, "linearGELU")
    }

    /// dy [.., out], weight [out, in], dx [.., in].
    package static func linearBackwardInput(dy: Shape, weight: Shape, dx: Shape) {
        linear(x: dx, weight: weight, bias: nil, y: dy, "linearBackwardInput")
    }

    /// x [.., in], dy [.., out], dWeight [out, in], dBias [out] or none.
    package static func linearBackwardWeight(x: Shape, dy: Shape, dWeight: Shape, dBias: Shape?) {
        linear(x: x, weight: dWeight, bias: dBias, y: dy, "linearBackwardWeight")
    }
}
