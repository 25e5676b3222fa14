package import TensorCore

extension ShapeCheck {
    /// x, y [.., D]; gamma, beta [D], both or neither; mean, rstd [rows].
    package static func layerNorm(x: Shape, gamma: Shape?, beta: Shape?, mean: Shape, rstd: Shape, y: Shape) {
        same(x, y, "layerNorm")
        normalization(x: x, gamma: gamma, beta: beta, statistics: x.rows, mean: mean, rstd: rstd, "layerNorm")
    }

    /// x, dy, dx [.., D]; gamma, dGamma, dBeta [D], all or none; mean, rstd [rows].
    package static func layerNormBackward(
        x: Shape, gamma: Shape?, mean: Shape, rstd: Shape, dy: Shape, dx: Shape, dGamma: Shape?, dBeta: Shape?
    ) {
        let operation: StaticString = "layerNormBackward"
        same(x, dy, operation)
        same(x, dx, operation)
        normalization(x: x, gamma: gamma, beta: dBeta, statistics: x.rows, mean: mean, rstd: rstd, operation)
        if let dGamma { require(dGamma, is: Shape(x.columns), "dGamma", for: x, operation) }
        precondition((dGamma == nil) == (gamma == nil), "\(operation): gamma and dGamma go together")
    }

    /// What layer norm and batch norm have in common; `statistics` is the number of means.
    static func normalization(
        x: Shape, gamma: Shape?, beta: Shape?, statistics: Int, mean: Shape, rstd: Shape, _ operation: StaticString
    ) {
        precondition(x.rank > 0, "\(operation): a scalar has no axis to normalise over")
        require(mean, is: Shape(statistics), "mean", for: x, operation)
        require(rstd, is: Shape(statistics), "rstd", for: x, operation)
        if let gamma { require(gamma, is: Shape(x.columns), "gamma", for: x, operation) }
        if let beta { require(beta, is: Shape(x.columns), "beta", for: x, operation) }
        precondition((gamma == nil) == (beta == nil), "\(operation): gamma and beta go together, as do their gradients")
    }

    /// qkv [B, T, 3·D], probabilities [B, heads, T, T], y [B, T, D], D a multiple of heads.
    package static func attention(
        qkv: Shape, heads: Int, probabilities: Shape, y: Shape, _ operation: StaticString = "attention"
    ) {
        require(y, rank: 3, "y", operation)
        let (images, tokens, width) = (y[0], y[1], y[2])
        precondition(
            heads > 0 && width % heads == 0, "\(operation): width \(width) of \(y) does not divide into \(heads) heads")
        require(qkv, is: Shape(images, tokens, 3 * width), "qkv", for: y, operation)
        require(probabilities, is: Shape(images, heads, tokens, tokens), "probabilities", for: y, operation)
    }

    /// As `attention` with dy in the place of y, dQKV of qkv's shape, scratch of at least [2, T, T].
    package static func attentionBackward(
        qkv: Shape, heads: Int, probabilities: Shape, dy: Shape, dQKV: Shape, scratch: Shape
    ) {
        let operation: StaticString = "attentionBackward"
        attention(qkv: qkv, heads: heads, probabilities: probabilities, y: dy, operation)
        require(dQKV, is: qkv, "dQKV", for: qkv, operation)
        precondition(
            scratch.count >= 2 * dy[1] * dy[1], "\(operation): scratch \(scratch) is less than [2, T, T] for \(dy)")
    }
}
