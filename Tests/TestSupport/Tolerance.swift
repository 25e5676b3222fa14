/// The largest |actual − expected| divided by the largest |expected|; NaN where anything is NaN or counts differ.
package func relativeError(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .nan }
    let scale = expected.lazy.map(abs).max() ?? 0
    var worst = 0.0
    for (a, e) in zip(actual, expected) {
        let difference = abs(a - e)
        // `!(x <= y)` so that a NaN is kept rather than passed over.
        if !(difference <= worst) { worst = difference }
        if worst.isNaN { return .nan }
    }
    return scale > 0 ? worst / scale : worst
}

/// The same for any floating-point type.
package func relativeError<A: BinaryFloatingPoint, E: BinaryFloatingPoint>(_ actual: [A], _ expected: [E]) -> Double {
    relativeError(actual.map { Double($0) }, expected.map { Double($0) })
}
