/// Why `actual` is not `expected` within a tolerance, or nil if it is.
///
/// The error of an element is measured against the largest finite magnitude of all that is expected: sums of
/// random numbers leave small elements with the rounding of large terms. NaN where a number is expected, and infinities
/// that are not the same, are told apart before any error is measured.
func discrepancy(_ actual: [Double], _ expected: [Double], tolerance: Double) -> String? {
    guard actual.count == expected.count else { return "has \(actual.count) numbers instead of \(expected.count)" }
    let scale = expected.lazy.filter(\.isFinite).map(abs).max() ?? 0
    var (worst, place) = (0.0, 0)
    for (i, (a, e)) in zip(actual, expected).enumerated() {
        if a.isNaN || e.isNaN {
            if a.isNaN != e.isNaN { return "is \(a) at \(i) instead of \(e)" }
        } else if a.isInfinite || e.isInfinite {
            if a != e { return "is \(a) at \(i) instead of \(e)" }
        } else if abs(a - e) > worst {
            (worst, place) = (abs(a - e), i)
        }
    }
    guard !(worst <= tolerance * scale) else { return nil }
    return "is \(actual[place]) at \(place) instead of \(expected[place]): relative error \(worst / scale),"
        + " tolerance \(tolerance)"
}
