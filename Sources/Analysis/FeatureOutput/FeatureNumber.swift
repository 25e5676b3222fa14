package import Safetensors

/// Numbers that features are stored as, little-endian.
package enum FeatureNumber: String, CaseIterable, Sendable {
    case float16
    case bfloat16
    case float32

    package var byteCount: Int { self == .float32 ? 4 : 2 }

    package var safetensorsType: SafetensorsDataType {
        switch self {
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        }
    }

    /// NumPy's name of it; none where NumPy has no such numbers.
    var numpyType: String? {
        switch self {
        case .float16: "<f2"
        case .bfloat16: nil
        case .float32: "<f4"
        }
    }

    /// Values as they are stored, each rounded to the nearest number.
    ///
    /// - Returns: The bytes, and how many of them are no finite numbers, or were too large to stay finite.
    package func encoded(_ values: [Float]) -> (bytes: [UInt8], nonFinite: Int) {
        switch self {
        case .float32: Self.bytes(values.map(\.bitPattern), isFinite: { $0 & 0x7F80_0000 != 0x7F80_0000 })
        case .float16: Self.bytes(values.map(\.halfBits), isFinite: { $0 & 0x7C00 != 0x7C00 })
        case .bfloat16: Self.bytes(values.map(\.brainBits), isFinite: { $0 & 0x7F80 != 0x7F80 })
        }
    }

    private static func bytes<Bits: FixedWidthInteger>(
        _ bits: [Bits], isFinite: (Bits) -> Bool
    ) -> ([UInt8], Int) {
        let nonFinite = bits.reduce(0) { $0 + (isFinite($1) ? 0 : 1) }
        return (bits.map(\.littleEndian).withUnsafeBytes { Array($0) }, nonFinite)
    }
}
