/// An upper bidiagonal matrix and its singular values.
struct Bidiagonal: Sendable {
    /// [D].
    let diagonal: [Double]
    /// [D − 1].
    let superdiagonal: [Double]

    init(diagonal: [Double], superdiagonal: [Double]) {
        self.diagonal = diagonal
        self.superdiagonal = superdiagonal
    }

    /// Reduces a square matrix by reflections from both sides (Golub & Kahan, SIAM J. Numer. Anal. 2, 1965).
    init(reducing square: PaddedMatrix) {
        let order = square.columns
        precondition(square.rows == order, "a matrix [\(square.rows), \(order)] is not square")
        var a = square.storage
        var left = [Double](repeating: 0, count: order)
        var w = [SIMD8<Double>](repeating: .zero, count: square.stride)
        var u = w
        var diagonal = [Double](repeating: 0, count: order)
        var superdiagonal = [Double](repeating: 0, count: max(order - 1, 0))
        a.withUnsafeMutableBufferPointer { a in
            left.withUnsafeMutableBufferPointer { left in
                w.withUnsafeMutableBufferPointer { w in
                    u.withUnsafeMutableBufferPointer { u in
                        for k in 0..<order {
                            let (d, e) = Self.reduce(
                                k, a: a.baseAddress!, order: order, stride: square.stride, left: left.baseAddress!,
                                w: w.baseAddress!, u: u.baseAddress!)
                            diagonal[k] = d
                            if k < order - 1 { superdiagonal[k] = e }
                        }
                    }
                }
            }
        }
        self.init(diagonal: diagonal, superdiagonal: superdiagonal)
    }

    /// Removes column k below the diagonal and row k beyond the superdiagonal.
    ///
    /// - Parameters: a [order, stride] vectors; left [order], w and u [stride] vectors, scratch.
    /// - Returns: Entries (k, k) and (k, k + 1) of the bidiagonal matrix; the second is 0 for the last k.
    private static func reduce(
        _ k: Int, a: UnsafeMutablePointer<SIMD8<Double>>, order: Int, stride: Int,
        left: UnsafeMutablePointer<Double>, w: UnsafeMutablePointer<SIMD8<Double>>,
        u: UnsafeMutablePointer<SIMD8<Double>>
    ) -> (diagonal: Double, superdiagonal: Double) {
        let lanes = PaddedMatrix.lanes
        var sumOfSquares = 0.0
        for row in k..<order {
            left[row] = a[row * stride + k / lanes][k % lanes]
            if row > k { sumOfSquares += left[row] * left[row] }
        }
        let fromLeft = Reflection(alpha: left[k], sumOfSquares: sumOfSquares)
        let next = k + 1
        guard next < order else { return (fromLeft.beta, 0) }
        left[k] = 1
        for row in next..<order { left[row] *= fromLeft.scale }

        let first = next / lanes
        for j in first..<stride { w[j] = .zero }
        if fromLeft.factor != 0 {
            for row in k..<order {
                let factor = left[row]
                let source = a + row * stride
                for j in first..<stride { w[j] += factor * source[j] }
            }
            for j in first..<stride { w[j] *= fromLeft.factor }
        }
        // Row k after the reflection, without the columns that are done.
        let pivotRow = a + k * stride
        for j in first..<stride { u[j] = pivotRow[j] - w[j] }
        for lane in 0..<(next % lanes) {
            u[first][lane] = 0
            w[first][lane] = 0
        }
        let alpha = u[first][next % lanes]
        u[first][next % lanes] = 0
        var squares = SIMD8<Double>.zero
        for j in first..<stride { squares += u[j] * u[j] }
        let fromRight = Reflection(alpha: alpha, sumOfSquares: squares.sum())
        for j in first..<stride { u[j] *= fromRight.scale }
        u[first][next % lanes] = 1

        for row in next..<order {
            let target = a + row * stride
            let factor = left[row]
            var product = SIMD8<Double>.zero
            for j in first..<stride {
                let value = target[j] - factor * w[j]
                target[j] = value
                product += value * u[j]
            }
            let step = fromRight.factor * product.sum()
            for j in first..<stride { target[j] -= step * u[j] }
        }
        return (fromLeft.beta, fromRight.beta)
    }

    /// All singular values, largest first, each to machine precision times the largest.
    ///
    /// By bisection with Sturm counts of BᵀB − σ² in stationary qd form (Fernando & Parlett, Numer. Math. 67, 1994): a
    /// fixed number of steps, so it always ends, and eight values at a time.
    func singularValues() -> [Double] {
        let order = diagonal.count
        let scale = max(diagonal.lazy.map(abs).max() ?? 0, superdiagonal.lazy.map(abs).max() ?? 0)
        guard scale > 0, scale.isFinite else { return Array(repeating: scale.isFinite ? 0 : .nan, count: order) }
        let q = diagonal.map { ($0 / scale) * ($0 / scale) }
        let e = superdiagonal.map { ($0 / scale) * ($0 / scale) } + [0]
        // No singular value exceeds √(largest row sum · largest column sum) ≤ 2 after scaling.
        let upperBound = 2.0
        var ascending: [Double] = []
        ascending.reserveCapacity(order + PaddedMatrix.lanes)
        for start in stride(from: 0, to: order, by: PaddedMatrix.lanes) {
            let index = SIMD8<Double>(0, 1, 2, 3, 4, 5, 6, 7) + Double(start)
            var low = SIMD8<Double>.zero
            var high = SIMD8<Double>(repeating: upperBound)
            // 2 · 2⁻⁵⁸ is below the rounding of the reduction.
            for _ in 0..<58 {
                let middle = 0.5 * (low + high)
                let isAbove = Self.countBelow(middle * middle, q: q, e: e) .> index
                high.replace(with: middle, where: isAbove)
                low.replace(with: middle, where: .!isAbove)
            }
            let values = 0.5 * (low + high)
            for lane in 0..<min(PaddedMatrix.lanes, order - start) { ascending.append(values[lane] * scale) }
        }
        return ascending.reversed()
    }

    /// How many eigenvalues of BᵀB lie below each of eight numbers; q and e are the squares of B's diagonals.
    private static func countBelow(_ shift: SIMD8<Double>, q: [Double], e: [Double]) -> SIMD8<Double> {
        let tiny = SIMD8<Double>(repeating: 1e-280)
        var count = SIMD8<Double>.zero
        var s = -shift
        for i in q.indices {
            var pivot = s + q[i]
            let isTiny = (pivot .< tiny) .& (pivot .> -tiny)
            pivot.replace(with: tiny, where: isTiny)
            count.replace(with: count + 1, where: pivot .< 0)
            s = e[i] * (s / pivot) - shift
        }
        return count
    }
}
