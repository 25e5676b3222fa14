import CKernels
import Foundation
import TensorCore
import Testing

/// Every kind of bfloat16 kernels that runs here; the one with emulated tiles runs everywhere.
struct BF16Kernels: Sendable, CustomTestStringConvertible {
    let table: CBF16Table
    let testDescription: String

    static let all: [BF16Kernels] = [
        (CBF16Kind.portable, "portable"), (.AVX2, "AVX2"), (.AVX512, "AVX-512"), (.AVX512BF16, "AVX512-BF16"),
        (.AMX, "AMX"), (.amxEmulated, "AMX, emulated"),
    ].compactMap { kind, name in ckernels_bf16_for(kind).map { BF16Kernels(table: $0.pointee, testDescription: name) } }
}

/// A number as bfloat16 keeps it: the upper half of a float32, to nearest even.
func rounded(_ x: Double) -> Double {
    let bits = Float(x).bitPattern
    return Double(Float(bitPattern: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) & 0xffff_0000))
}

func widened(_ x: UInt16) -> Double { Double(Float(bitPattern: UInt32(x) << 16)) }

/// Rows of bfloat16 in memory that is full of a mark elsewhere.
struct NarrowRows {
    let rows: Int
    let columns: Int
    let stride: Int
    let buffer: HostBuffer<UInt16>

    private static let mark: UInt16 = 0x4bcd
    private static let guardCount = 64

    var pointer: UnsafeMutablePointer<UInt16> { buffer.pointer + Self.guardCount }

    /// - Parameters:
    ///   - stride: None: padded to a multiple of 32, as a narrow matrix.
    ///   - values: Rounded; none: everything is the mark, to be overwritten.
    init(_ rows: Int, _ columns: Int, stride: Int? = nil, _ values: [Double]? = nil) {
        let padded = (columns + 31) / 32 * 32
        (self.rows, self.columns, self.stride) = (rows, columns, stride ?? padded)
        buffer = HostBuffer(count: rows * self.stride + 2 * Self.guardCount)
        for index in 0..<buffer.count { buffer[index] = Self.mark }
        guard let values else { return }
        for row in 0..<rows {
            for column in 0..<min(padded, self.stride) {
                let value = column < columns ? rounded(values[row * columns + column]) : 0
                if column < columns || stride == nil { self[row, column] = UInt16(Float(value).bitPattern >> 16) }
            }
        }
    }

    subscript(row: Int, column: Int) -> UInt16 {
        get { buffer[Self.guardCount + row * stride + column] }
        nonmutating set { buffer[Self.guardCount + row * stride + column] = newValue }
    }

    var values: [Double] {
        (0..<rows).flatMap { row in (0..<columns).map { widened(self[row, $0]) } }
    }

    /// Whether a narrow matrix has zeros beyond its columns, and nothing was written around it.
    var isPadded: Bool {
        (0..<rows).allSatisfy { row in (columns..<stride).allSatisfy { self[row, $0] == 0 } } && isGuarded
    }

    /// Whether nothing but the columns of each row was written.
    var isUntouchedBesides: Bool {
        (0..<rows).allSatisfy { row in (columns..<stride).allSatisfy { self[row, $0] == Self.mark } } && isGuarded
    }

    private var isGuarded: Bool {
        (0..<Self.guardCount).allSatisfy {
            buffer[$0] == Self.mark && buffer[buffer.count - 1 - $0] == Self.mark
        }
    }

    /// The rows from `first` on in one run, those before in another.
    func split(at first: Int) -> CBF16Rows {
        CBF16Rows(
            first: pointer, first_count: first, second: pointer + first * stride, second_count: rows - first,
            stride: stride)
    }

    func mutableSplit(at first: Int) -> CBF16MutableRows {
        CBF16MutableRows(
            first: pointer, first_count: first, second: pointer + first * stride, second_count: rows - first,
            stride: stride)
    }
}

/// Numbers of a test, uniform in ±1 and rounded to bfloat16 unless asked otherwise.
struct Draws {
    private var random: RandomStream

    init(_ purpose: Int) { random = RandomStream(seed: 5, purpose: .tests, sample: purpose) }

    mutating func numbers(_ count: Int, scale: Double = 1) -> [Double] {
        (0..<count).map { _ in rounded(scale * (Double(random.nextUInt32()) * 0x1p-31 - 1)) }
    }
}

extension [Double] {
    var floats: HostBuffer<Float> { HostBuffer(map { Float($0) }) }
}

/// [rows, depth] · [depth, columns], by strides of both.
func product(
    _ a: [Double], _ b: [Double], rows: Int, depth: Int, columns: Int, aRow: Int, aDepth: Int, bDepth: Int, bColumn: Int
) -> [Double] {
    (0..<rows).flatMap { i in
        (0..<columns).map { j in
            var sum = 0.0
            for k in 0..<depth { sum += a[i * aRow + k * aDepth] * b[k * bDepth + j * bColumn] }
            return sum
        }
    }
}

func normalDistribution(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
func geluSlope(_ x: Double) -> Double {
    normalDistribution(x) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
}

/// The largest difference between two lists over 1 + |truth|; not a number where a number is missing.
func largestError(_ actual: [Double], _ truth: [Double], floor: Double = 1) -> Double {
    guard actual.count == truth.count else { return .nan }
    return zip(actual, truth).reduce(0) { worst, pair in
        let error = abs(pair.0 - pair.1) / (floor + abs(pair.1))
        return error.isNaN || worst.isNaN ? .nan : max(worst, error)
    }
}
