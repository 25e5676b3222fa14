#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// eˣ, evaluated in Double.
func exponential<Scalar: BinaryFloatingPoint>(_ x: Scalar) -> Scalar { Scalar(exp(Double(x))) }

/// ln x.
func naturalLogarithm(_ x: Double) -> Double { log(x) }

/// Φ(x), the distribution function of the standard normal; through erfc, which is exact in the far left tail.
func normalDistribution(_ x: Double) -> Double { 0.5 * erfc(-x * 0.5.squareRoot()) }

/// φ(x) = exp(−x²/2) / √(2π).
func normalDensity(_ x: Double) -> Double { exp(-0.5 * x * x) / (2 * Double.pi).squareRoot() }

/// Σ aᵢ bᵢ in four partial sums, which the processor can keep in flight at once.
func dotProduct<Scalar: BinaryFloatingPoint>(
    _ a: UnsafeMutablePointer<Scalar>, _ b: UnsafeMutablePointer<Scalar>, count: Int
) -> Scalar {
    var (s0, s1, s2, s3): (Scalar, Scalar, Scalar, Scalar) = (0, 0, 0, 0)
    var i = 0
    while i + 4 <= count {
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        i += 4
    }
    while i < count {
        s0 += a[i] * b[i]
        i += 1
    }
    return (s0 + s1) + (s2 + s3)
}

/// y += alpha · x over `count` elements.
func addScaled<Scalar: BinaryFloatingPoint>(
    _ x: UnsafeMutablePointer<Scalar>, times alpha: Scalar, to y: UnsafeMutablePointer<Scalar>, count: Int
) {
    for i in 0..<count { y[i] += alpha * x[i] }
}

/// βᵗ.
func power(_ base: Double, _ exponent: Int) -> Double { pow(base, Double(exponent)) }
