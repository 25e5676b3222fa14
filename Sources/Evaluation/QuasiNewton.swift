/// Minimises a smooth, strictly convex function: L-BFGS in Double, preconditioned.
///
/// Two-loop recursion (Nocedal & Wright, Numerical Optimization, algorithm 7.4) around a given approximation of the
/// inverse Hessian, scaled by the last step as in their equation 7.20; steps are halved or better until the value falls
/// enough (their equation 3.4). The preconditioner is linear, so it is applied to each gradient alone, once: to changes of
/// gradients and to what the recursion makes of them it was then applied already.
struct QuasiNewton {
    /// gᵀ·M·g at which a minimum is found, M being the preconditioner: about twice what the value is still above it.
    var tolerance: Double
    /// Relative error of values: a value that is higher by less is not higher.
    var noise: Double
    var mostIterations = 1000
    /// Steps that are remembered.
    private let memory = 10

    init(tolerance: Double, noise: Double) {
        self.tolerance = tolerance
        self.noise = noise
    }

    struct Outcome {
        /// At the minimum.
        var value: Double
        var iterations: Int
        /// gᵀ·M·g there.
        var decrement: Double
    }

    /// A step, the change of the gradient over it, and 1 / (their product).
    private struct Pair {
        let step: [Double]
        let change: [Double]
        /// M · change.
        let preconditionedChange: [Double]
        let inverse: Double
    }

    /// - Parameters:
    ///   - point: Where it starts; where the minimum is, afterwards.
    ///   - precondition: Multiplies with a positive definite approximation of the inverse Hessian.
    ///   - evaluate: The value at a point and, into its last parameter, the gradient.
    func minimize(
        _ point: inout [Double], precondition: ([Double]) -> [Double],
        _ evaluate: ([Double], inout [Double]) -> Double
    ) -> Outcome {
        var gradient = [Double](repeating: 0, count: point.count)
        var value = evaluate(point, &gradient)
        var preconditioned = precondition(gradient)
        var pairs: [Pair] = []
        var decrement = Double.infinity
        for iteration in 0..<mostIterations {
            decrement = Self.dot(gradient, preconditioned)
            guard decrement.isFinite, decrement > tolerance else {
                return Outcome(value: value, iterations: iteration, decrement: decrement)
            }
            var direction = self.direction(gradient, preconditioned, pairs)
            var slope = Self.dot(gradient, direction)
            if !(slope < 0) {
                pairs = []
                direction = preconditioned.map { -$0 }
                slope = -decrement
            }
            guard let next = search(from: point, value, direction, slope, evaluate) else {
                // Nothing is left that rounding would show; old steps may be to blame, but not twice.
                guard !pairs.isEmpty else {
                    return Outcome(value: value, iterations: iteration, decrement: decrement)
                }
                pairs = []
                continue
            }
            let step = zip(next.point, point).map { $0 - $1 }
            let change = zip(next.gradient, gradient).map { $0 - $1 }
            let nextPreconditioned = precondition(next.gradient)
            let product = Self.dot(step, change)
            if product > 0 {
                if pairs.count == memory { pairs.removeFirst() }
                pairs.append(
                    Pair(
                        step: step, change: change,
                        preconditionedChange: zip(nextPreconditioned, preconditioned).map { $0 - $1 },
                        inverse: 1 / product))
            }
            (point, value, gradient, preconditioned) = (next.point, next.value, next.gradient, nextPreconditioned)
        }
        return Outcome(value: value, iterations: mostIterations, decrement: decrement)
    }

    private func direction(
        _ gradient: [Double], _ preconditioned: [Double], _ pairs: [Pair]
    ) -> [Double] {
        guard let last = pairs.last else { return preconditioned.map { -$0 } }
        // r is M · q throughout.
        var (q, r) = (gradient, preconditioned)
        var shares = [Double](repeating: 0, count: pairs.count)
        for index in pairs.indices.reversed() {
            shares[index] = pairs[index].inverse * Self.dot(pairs[index].step, q)
            Self.add(pairs[index].change, times: -shares[index], to: &q)
            Self.add(pairs[index].preconditionedChange, times: -shares[index], to: &r)
        }
        let scale = 1 / (last.inverse * Self.dot(last.change, last.preconditionedChange))
        for index in r.indices { r[index] *= scale }
        for (pair, share) in zip(pairs, shares) {
            Self.add(pair.step, times: share - pair.inverse * Self.dot(pair.change, r), to: &r)
        }
        for index in r.indices { r[index] = -r[index] }
        return r
    }

    /// The first point along a direction at which the value has fallen enough; none where it does not fall.
    private func search(
        from point: [Double], _ value: Double, _ direction: [Double], _ slope: Double,
        _ evaluate: ([Double], inout [Double]) -> Double
    ) -> (point: [Double], value: Double, gradient: [Double])? {
        var gradient = [Double](repeating: 0, count: point.count)
        var length = 1.0
        for _ in 0..<20 {
            let candidate = zip(point, direction).map { $0 + length * $1 }
            let found = evaluate(candidate, &gradient)
            let fall = found - value
            if fall <= 1e-4 * length * slope { return (candidate, found, gradient) }
            // Within rounding, the gradient decides: it must not point further up than it did down.
            if abs(fall) <= noise * abs(value), abs(Self.dot(gradient, direction)) <= -0.9 * slope {
                return (candidate, found, gradient)
            }
            // Where the parabola through value, slope and new value has its minimum.
            let parabola = -slope * length / (2 * (fall / length - slope))
            length = fall.isFinite ? min(max(parabola, 0.1 * length), 0.5 * length) : 0.1 * length
        }
        return nil
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                var sum = 0.0
                for index in a.indices { sum += a[index] * b[index] }
                return sum
            }
        }
    }

    private static func add(_ x: [Double], times factor: Double, to y: inout [Double]) {
        y.withUnsafeMutableBufferPointer { y in
            x.withUnsafeBufferPointer { x in
                for index in x.indices { y[index] += factor * x[index] }
            }
        }
    }
}
