/// A function of one number, applied to every element of a matrix.
package enum ElementFunction: String, Sendable, Hashable, CaseIterable {
    /// √x.
    case squareRoot
    /// eˣ.
    case exponential
    /// ln x.
    case logarithm
    case sine
    case cosine
    /// max(x, 0); a NaN stays a NaN.
    case relu
    /// 1 where x > 0, else 0; the derivative of `relu`. A NaN stays a NaN.
    case step
}

/// A function of two numbers, applied to the elements of two matrices.
package enum ElementOperation: String, Sendable, Hashable, CaseIterable {
    case add
    case subtract
    case multiply
    case divide
}
