/// A row-major matrix of Doubles whose rows are padded with zeros to whole vectors of eight.
///
/// The linear algebra of this module runs on vectors explicitly: sums of floating-point numbers are otherwise not
/// vectorised, since their order would change.
struct PaddedMatrix: Sendable {
    typealias Vector = SIMD8<Double>
    static let lanes = 8

    let rows: Int
    let columns: Int
    /// Vectors in one row.
    let stride: Int
    var storage: [Vector]

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        stride = Self.vectors(columns)
        storage = Array(repeating: .zero, count: rows * stride)
    }

    /// Vectors that hold `count` numbers.
    static func vectors(_ count: Int) -> Int { (count + lanes - 1) / lanes }

    subscript(row: Int, column: Int) -> Double {
        get { storage[row * stride + column / Self.lanes][column % Self.lanes] }
        set { storage[row * stride + column / Self.lanes][column % Self.lanes] = newValue }
    }
}

/// A Householder reflection I − factor · v vᵀ that maps (alpha, x) to (beta, 0), where v = (1, x · scale).
struct Reflection {
    let beta: Double
    let factor: Double
    let scale: Double

    /// - Parameter sumOfSquares: Σ x² of the entries to be removed; with 0 the reflection is the identity.
    init(alpha: Double, sumOfSquares: Double) {
        guard sumOfSquares > 0 else {
            (beta, factor, scale) = (alpha, 0, 0)
            return
        }
        let norm = (alpha * alpha + sumOfSquares).squareRoot()
        // The sign that adds up: no cancellation in alpha − beta.
        beta = alpha >= 0 ? -norm : norm
        factor = (beta - alpha) / beta
        scale = 1 / (alpha - beta)
    }
}
