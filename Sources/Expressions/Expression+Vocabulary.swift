// What follows from the operations, and has its derivative from theirs.

extension Expression {
    package var squared: Expression { self * self }

    package func mean(over axis: Axis = .all) -> Expression {
        let total = sum(over: axis)
        return total / Double(count / total.count)
    }

    /// The mean of several matrices of one shape, element by element.
    package static func mean(_ expressions: [Expression]) -> Expression {
        precondition(!expressions.isEmpty, "a mean of nothing")
        return expressions[1...].reduce(expressions[0], +) / Double(expressions.count)
    }

    /// Σ (x − mean)² / (n − correction).
    package func variance(over axis: Axis, correction: Int = 0) -> Expression {
        let total = centred(over: axis).squared.sum(over: axis)
        return total / Double(count / total.count - correction)
    }

    /// x − mean.
    package func centred(over axis: Axis) -> Expression { self - mean(over: axis) }

    /// (x − mean) / √(variance + ε), biased variance: over `.rows` a BatchNorm, over `.columns` a LayerNorm, both without
    /// parameters.
    package func standardized(over axis: Axis, epsilon: Double = 1e-5) -> Expression {
        centred(over: axis) / sqrt(variance(over: axis) + epsilon)
    }

    /// x / √(Σ x² + ε): over `.columns`, each row on the unit sphere.
    package func normalized(over axis: Axis, epsilon: Double = 1e-12) -> Expression {
        self / sqrt(squared.sum(over: axis) + epsilon)
    }

    /// A square matrix with zeros on its diagonal.
    package var offDiagonal: Expression { self - diagonal.diagonalMatrix }

    /// eˣ / Σ eˣ, without overflow.
    package func softmax(over axis: Axis) -> Expression {
        let powers = exp(self - maximum(over: axis))
        return powers / powers.sum(over: axis)
    }

    /// ln Σ eˣ, without overflow.
    package func logSumExp(over axis: Axis) -> Expression {
        let largest = maximum(over: axis)
        return log(exp(self - largest).sum(over: axis)) + largest
    }

    /// |x|; its derivative at 0 is 0.
    package var magnitude: Expression { relu(self) + relu(-self) }
}
