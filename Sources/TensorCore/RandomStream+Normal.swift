#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension RandomStream {
    /// A standard normal number (Box–Muller; the second of the pair is not kept, so draws never depend on history).
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }
}
