import Kernels
import TensorCore

/// The scheme that linear maps are initialised by.
package enum InitializationScheme: Sendable, Hashable {
    /// Normal of standard deviation 0.02 cut at ±2; what the public I-JEPA code trains from.
    case truncatedNormal
    /// Uniform in ±√(6 / (in + out)), as MAE's code (Glorot & Bengio, AISTATS 2010).
    case xavier
}

extension ParameterLayout {
    /// The initial values of one parameter tensor, in row-major order.
    ///
    /// Each tensor draws from a stream of its own, named by the parameter: networks that share parameter names share
    /// initial values, whatever else they contain.
    /// - Parameters:
    ///   - rescaled: Divides the attention projection and the second MLP map of block l by √(2l), as the public code's
    ///     constructors do (and its set-up then undoes).
    ///   - prefix: Goes before the name, to keep networks with equal names apart.
    package static func initialValues(
        of entry: Entry, seed: UInt64, scheme: InitializationScheme, rescaled: Bool, prefix: String
    ) -> [Double] {
        var random = RandomStream(seed: seed, purpose: .weights, sample: streamNumber(prefix + entry.name))
        let shape = entry.slot.shape
        switch entry.initializer {
        case .zeros:
            return [Double](repeating: 0, count: shape.count)
        case .ones:
            return [Double](repeating: 1, count: shape.count)
        case .token:
            return (0..<shape.count).map { _ in truncatedNormal(&random) }
        case .uniformFanIn:
            let bound = 1 / Double(shape.columns).squareRoot()
            return (0..<shape.count).map { _ in random.uniform(in: -bound...bound) }
        case .linear(let layer):
            let bound = (6 / Double(shape.rows + shape.columns)).squareRoot()
            let divisor = rescaled ? layer.map { (2 * Double($0)).squareRoot() } ?? 1 : 1
            return (0..<shape.count).map { _ in
                (scheme == .xavier ? random.uniform(in: -bound...bound) : truncatedNormal(&random)) / divisor
            }
        }
    }

    private static func truncatedNormal(_ random: inout RandomStream) -> Double {
        while true {
            let value = 0.02 * random.normal()
            if abs(value) <= 2 { return value }
        }
    }

    /// FNV-1a of the name, 32 bits.
    private static func streamNumber(_ name: String) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Int(hash)
    }
}
