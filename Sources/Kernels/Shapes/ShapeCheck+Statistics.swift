package import TensorCore

extension ShapeCheck {
    /// prediction, target and gradient of equal shape.
    package static func elementwiseLoss(prediction: Shape, target: Shape, gradient: Shape) {
        same(prediction, target, "elementwiseLoss")
        same(prediction, gradient, "elementwiseLoss")
    }

    /// x [n, d]; mean, variance [d]; more rows than `correction`.
    package static func columnMoments(x: Shape, correction: Int, mean: Shape, variance: Shape) {
        let operation: StaticString = "columnMoments"
        require(x, rank: 2, "x", operation)
        precondition(
            (correction == 0 || correction == 1) && x[0] > correction,
            "\(operation): correction \(correction) does not fit the \(x[0]) rows of \(x)")
        require(mean, is: Shape(x[1]), "mean", for: x, operation)
        require(variance, is: Shape(x[1]), "variance", for: x, operation)
    }

    /// x, y [n, d]; mean and factor [d].
    package static func normalizeColumns(x: Shape, mean: Shape, factor: Shape?, y: Shape) {
        let operation: StaticString = "normalizeColumns"
        require(x, rank: 2, "x", operation)
        same(x, y, operation)
        require(mean, is: Shape(x[1]), "mean", for: x, operation)
        if let factor { require(factor, is: Shape(x[1]), "factor", for: x, operation) }
    }

    /// x, y [n, d]; factor [d].
    package static func addColumns(x: Shape, factor: Shape, y: Shape) {
        let operation: StaticString = "addColumns"
        require(x, rank: 2, "x", operation)
        same(x, y, operation)
        require(factor, is: Shape(x[1]), "factor", for: x, operation)
    }

    /// x, y [n, d], n > 0; gamma, beta [d], both or neither; mean, rstd [d].
    package static func batchNorm(x: Shape, gamma: Shape?, beta: Shape?, mean: Shape, rstd: Shape, y: Shape) {
        let operation: StaticString = "batchNorm"
        require(x, rank: 2, "x", operation)
        precondition(x[0] > 0, "\(operation): \(x) has no rows")
        same(x, y, operation)
        normalization(x: x, gamma: gamma, beta: beta, statistics: x[1], mean: mean, rstd: rstd, operation)
    }

    /// x, dy, dx [n, d]; gamma, dGamma, dBeta [d], all or none; mean, rstd [d].
    package static func batchNormBackward(
        x: Shape, gamma: Shape?, mean: Shape, rstd: Shape, dy: Shape, dx: Shape, dGamma: Shape?, dBeta: Shape?
    ) {
        let operation: StaticString = "batchNormBackward"
        require(x, rank: 2, "x", operation)
        same(x, dy, operation)
        same(x, dx, operation)
        normalization(x: x, gamma: gamma, beta: dBeta, statistics: x[1], mean: mean, rstd: rstd, operation)
        if let dGamma { require(dGamma, is: Shape(x[1]), "dGamma", for: x, operation) }
        precondition((dGamma == nil) == (gamma == nil), "\(operation): gamma and dGamma go together")
    }

    /// logits, gradient [n, classes]; labels [n].
    package static func softmaxCrossEntropy(logits: Shape, labels: Shape, gradient: Shape) {
        let operation: StaticString = "softmaxCrossEntropy"
        require(logits, rank: 2, "logits", operation)
        same(logits, gradient, operation)
        require(labels, is: Shape(logits[0]), "labels", for: logits, operation)
    }

    /// Four tensors of the same shape.
    package static func adamW(parameters: Shape, gradients: Shape, firstMoments: Shape, secondMoments: Shape) {
        same(parameters, gradients, "adamW")
        same(parameters, firstMoments, "adamW")
        same(parameters, secondMoments, "adamW")
    }

    /// x [d, d].
    package static func zeroDiagonal(x: Shape) {
        precondition(x.rank == 2 && x[0] == x[1], "zeroDiagonal: \(x) is not square")
    }
}
