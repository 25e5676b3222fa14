import CPUKernels
import Foundation
import Kernels
import TensorCore
import TestSupport
import Testing

/// Sine, cosine, exponential and logarithm of every instruction set against Double.
@Suite struct FunctionAccuracyTests {
    private static let backends = CPUBackend.forEachInstructionSet()

    /// Half the floats of all exponents and signs would take too long: one in 65,521.
    private static let inputs = stride(from: UInt32(0), through: .max - 65_521, by: 65_521).map {
        Float(bitPattern: $0)
    }

    @Test("functions are within two units in the last place, over all floats", arguments: backends.indices)
    func accuracy(_ index: Int) {
        let backend = Self.backends[index]
        // More of them where terms of objectives have theirs.
        let near = normals(20_000, sample: 3, scale: 8).map { Float($0) }
        let inputs = Self.inputs + near
        let x = backend.makeTensor(Shape(inputs.count))
        backend.store(inputs, in: x)
        let y = backend.makeTensor(Shape(inputs.count))
        let functions: [(ElementFunction, (Double) -> Double)] = [
            (.exponential, exp), (.logarithm, log), (.sine, sin), (.cosine, cos),
        ]
        for (function, exact) in functions {
            backend.apply(function, x, to: y)
            var worst = (error: 0.0, at: Float(0))
            for (input, output) in zip(inputs, backend.values(of: y)) {
                let error = Self.unitsInTheLastPlace(output, exact(Double(input)))
                if !(error <= worst.error) { worst = (error, input) }
            }
            #expect(worst.error <= 2, "\(function) of \(worst.at) on \(backend.summary): \(worst.error)")
        }
    }

    /// How far a float is from an exact number; 0 where both are NaN or the same infinity, NaN where only one is.
    private static func unitsInTheLastPlace(_ value: Float, _ exact: Double) -> Double {
        if value.isNaN && exact.isNaN || Double(value) == exact { return 0 }
        let rounded = Float(exact)
        // Rounding may carry one of them over the largest float.
        if value.isInfinite || rounded.isInfinite {
            return abs(exact) > 3.402_823e38 && (value.isInfinite || abs(value) > 3.402_823e38) ? 0 : .nan
        }
        return abs(Double(value) - exact) / Double(rounded.ulp)
    }
}
