package import TensorCore

extension ShapeCheck {
    /// images [B, C, height, width]; indices [B, K] or none; y [B, K or N, C·p·p].
    package static func patches(
        images: Shape, patchSize: Int, indices: Shape?, y: Shape, _ operation: StaticString = "patches"
    ) {
        require(images, rank: 4, "images", operation)
        require(y, rank: 3, "y", operation)
        precondition(
            patchSize > 0 && images[2] % patchSize == 0 && images[3] % patchSize == 0,
            "\(operation): images \(images) do not divide into patches of \(patchSize)")
        let places = (images[2] / patchSize) * (images[3] / patchSize)
        let wanted = Shape(images[0], indices == nil ? places : y[1], images[1] * patchSize * patchSize)
        require(y, is: wanted, "y", for: images, operation)
        if let indices { require(indices, is: Shape(y[0], y[1]), "indices", for: y, operation) }
    }

    /// weight [D, C·p·p]; bias [D]; y [B, K, D]; also for gradients in the same places.
    package static func embedPatches<Backend>(
        _ input: PatchInput<Backend>, weight: Shape, bias: Shape, y: Shape, _ operation: StaticString = "embedPatches"
    ) {
        require(y, rank: 3, "y", operation)
        let shape = input.shape(width: y[2])
        patches(
            images: input.images.shape, patchSize: input.patchSize, indices: input.indices?.shape,
            y: Shape(y[0], y[1], shape.elements), operation)
        require(weight, is: Shape(y[2], shape.elements), "weight", for: y, operation)
        require(bias, is: Shape(y[2]), "bias", for: y, operation)
    }

    /// x [B, K, D], table [N, D], indices [B, K] or none, then K ≤ N.
    package static func addRows(table: Shape, indices: Shape?, x: Shape) {
        let operation: StaticString = "addRows"
        require(x, rank: 3, "x", operation)
        require(table, rank: 2, "table", operation)
        precondition(table[1] == x[2], "\(operation): rows of table \(table) do not fit \(x)")
        if let indices {
            require(indices, is: Shape(x[0], x[1]), "indices", for: x, operation)
        } else {
            precondition(x[1] <= table[0], "\(operation): table \(table) has too few rows for \(x)")
        }
    }

    /// x [B, N, D], indices [M, B, Kp], y [M, B, Kp, D]; also for gradients in the same places.
    package static func gatherBlocks(
        x: Shape, indices: Shape, y: Shape, _ operation: StaticString = "gatherBlocks"
    ) {
        require(x, rank: 3, "x", operation)
        require(indices, rank: 3, "indices", operation)
        precondition(indices[1] == x[0], "\(operation): indices \(indices) and \(x) differ in the number of images")
        require(y, is: Shape(indices[0], indices[1], indices[2], x[2]), "y", for: indices, operation)
    }

    /// context [B, Kc, P], maskToken [P], table [N, P], indices [M, B, Kp], y [M, B, Kc+Kp, P].
    package static func appendMaskTokens(context: Shape, maskToken: Shape, table: Shape, indices: Shape, y: Shape) {
        let operation: StaticString = "appendMaskTokens"
        require(context, rank: 3, "context", operation)
        require(table, rank: 2, "table", operation)
        require(indices, rank: 3, "indices", operation)
        require(maskToken, is: Shape(context[2]), "maskToken", for: context, operation)
        precondition(table[1] == context[2], "\(operation): rows of table \(table) do not fit \(context)")
        precondition(
            indices[1] == context[0], "\(operation): indices \(indices) and \(context) differ in the number of images")
        let wanted = Shape(indices[0], context[0], context[1] + indices[2], context[2])
        require(y, is: wanted, "y", for: context, operation)
    }

    /// dy [M, B, Kc+Kp, P], dContext [B, Kc, P], dMaskToken [P].
    package static func appendMaskTokensBackward(dy: Shape, dContext: Shape, dMaskToken: Shape) {
        let operation: StaticString = "appendMaskTokensBackward"
        require(dy, rank: 4, "dy", operation)
        require(dContext, rank: 3, "dContext", operation)
        precondition(
            dContext[0] == dy[1] && dContext[1] <= dy[2] && dContext[2] == dy[3],
            "\(operation): dContext \(dContext) does not fit dy \(dy)")
        require(dMaskToken, is: Shape(dy[3]), "dMaskToken", for: dy, operation)
    }

    /// x [B, T, D], y [B, K, D] with K ≤ T; also for gradients in the same places.
    package static func lastTokens(x: Shape, y: Shape, _ operation: StaticString = "lastTokens") {
        require(x, rank: 3, "x", operation)
        require(y, rank: 3, "y", operation)
        precondition(
            y[0] == x[0] && y[1] <= x[1] && y[2] == x[2], "\(operation): \(y) is not the end of sequences \(x)")
    }

    /// x [B, T, D], y [B, D]; also for gradients in the same places.
    package static func meanTokens(x: Shape, y: Shape, _ operation: StaticString = "meanTokens") {
        require(x, rank: 3, "x", operation)
        precondition(x[1] > 0, "\(operation): \(x) has no tokens to average")
        require(y, is: Shape(x[0], x[2]), "y", for: x, operation)
    }
}
