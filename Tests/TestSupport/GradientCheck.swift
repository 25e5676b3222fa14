import TensorCore

/// How far an analytic gradient is from central differences: the largest |analytic − numeric| over the largest
/// |numeric|, NaN where anything is NaN.
///
/// With values of order 1 a step of 1e-5 leaves a truncation error near 1e-10 and rounding near 1e-11, so 1e-6 tells
/// a right gradient from a wrong one with room to spare.
///
/// - Parameters:
///   - f: The function, without memory between calls.
///   - analytic: ∂f/∂x at `x`, one number for each of `x`.
///   - step: Half the distance between the two points of a difference.
///   - sample: How many coordinates to check, drawn without return by a fixed seed; all if none.
package func gradientError(
    of f: ([Double]) -> Double, analytic: [Double], at x: [Double], step: Double = 1e-5, sample: Int? = nil
) -> Double {
    guard analytic.count == x.count else { return .nan }
    var coordinates = Array(x.indices)
    if let sample, sample < coordinates.count {
        var random = RandomStream(seed: 0, purpose: .tests, sample: x.count)
        random.shuffle(&coordinates)
        coordinates.removeLast(coordinates.count - sample)
    }
    var moved = x
    let numeric = coordinates.map { i in
        moved[i] = x[i] + step
        let above = f(moved)
        moved[i] = x[i] - step
        let below = f(moved)
        moved[i] = x[i]
        return (above - below) / (2 * step)
    }
    return relativeError(coordinates.map { analytic[$0] }, numeric)
}
