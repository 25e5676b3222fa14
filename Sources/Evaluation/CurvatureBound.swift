/// A bound on the Hessian of the multinomial logistic loss, as a preconditioner: ½·(Xᵀ·X/n + 2·λ) for the weights of every
/// class, ½ for biases (Böhning, Annals of the Institute of Statistical Mathematics 44, 1992).
///
/// Features are centred, so weights and biases do not mix. For many columns only the diagonal is used.
struct CurvatureBound: Sendable {
    /// Up to so many columns D the D³/3 operations of a factorisation are small beside what it saves.
    static let largestFactored = 1024

    /// Whether solving with the factor, D² operations for each class, is small beside a pass over the rows, n·D.
    static func isFactored(rows: Int, columns: Int) -> Bool { columns <= largestFactored && rows >= 10 * columns }

    private let columns: Int
    private let classes: Int
    /// Lower triangle of the Cholesky factor, row-major [D, D]; the diagonal alone, [D], for many columns.
    private let factor: [Double]

    /// - Parameters:
    ///   - gram: Xᵀ·X/n, row-major [D, D], or its diagonal [D].
    ///   - penalty: λ.
    init(gram: [Double], columns: Int, classes: Int, penalty: Double) {
        self.columns = columns
        self.classes = classes
        if gram.count == columns {
            factor = gram.map { 0.5 * $0 + penalty }
            return
        }
        var matrix = gram.map { 0.5 * $0 }
        var largest = 0.0
        for j in 0..<columns {
            matrix[j * columns + j] += penalty
            largest = max(largest, matrix[j * columns + j])
        }
        factor = Self.choleskyFactor(matrix, columns, least: 1e-7 * largest)
    }

    /// - Parameter least: What pivots are at least; a smaller one is the rounding of a matrix that is only semidefinite.
    private static func choleskyFactor(_ matrix: [Double], _ count: Int, least: Double) -> [Double] {
        var factor = matrix
        factor.withUnsafeMutableBufferPointer { l in
            for row in 0..<count {
                for column in 0...row {
                    var sum = l[row * count + column]
                    for k in 0..<column { sum -= l[row * count + k] * l[column * count + k] }
                    l[row * count + column] =
                        row == column ? max(sum, least).squareRoot() : sum / l[column * count + column]
                }
            }
        }
        return factor
    }

    /// The inverse times a vector of the parameters: weights [K, D], then biases [K].
    func inverse(times vector: [Double]) -> [Double] {
        var result = vector
        result.withUnsafeMutableBufferPointer { x in
            factor.withUnsafeBufferPointer { l in
                for label in 0..<classes {
                    let start = label * columns
                    if l.count == columns {
                        for j in 0..<columns { x[start + j] /= max(l[j], .leastNormalMagnitude) }
                        continue
                    }
                    for row in 0..<columns {
                        var sum = x[start + row]
                        for k in 0..<row { sum -= l[row * columns + k] * x[start + k] }
                        x[start + row] = sum / l[row * columns + row]
                    }
                    for row in (0..<columns).reversed() {
                        let value = x[start + row] / l[row * columns + row]
                        x[start + row] = value
                        for k in 0..<row { x[start + k] -= l[row * columns + k] * value }
                    }
                }
            }
            for label in 0..<classes { x[classes * columns + label] *= 2 }
        }
        return result
    }
}
