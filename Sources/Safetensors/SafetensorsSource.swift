import Foundation

/// A tensor that is to be written: its bytes are made when their turn comes, and dropped after.
///
/// So a file of any size is written with the memory of its largest tensor.
package struct SafetensorsSource: Sendable {
    package let dataType: SafetensorsDataType
    /// Extents, slowest first; empty for a scalar.
    package let shape: [Int]
    private let provide: @Sendable (_ take: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// - Parameter provide: Hands over all bytes at once, row-major and little-endian; may be called several times.
    package init(
        _ dataType: SafetensorsDataType, shape: [Int],
        provide: @escaping @Sendable (_ take: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
        self.dataType = dataType
        self.shape = shape
        self.provide = provide
    }

    package init(_ tensor: SafetensorsTensor) {
        self.init(tensor.dataType, shape: tensor.shape) { take in try tensor.bytes.withUnsafeBytes(take) }
    }

    package var byteCount: Int { shape.reduce(1, *) * dataType.byteCount }

    /// - Precondition: The source hands over as many bytes as its shape takes.
    func withBytes(_ take: (UnsafeRawBufferPointer) throws -> Void) throws {
        try provide { bytes in
            precondition(bytes.count == byteCount, "\(bytes.count) bytes for \(dataType.rawValue) of shape \(shape)")
            try take(bytes)
        }
    }

    /// The tensor with its bytes.
    package func tensor() throws -> SafetensorsTensor {
        var data = Data()
        try withBytes { data = Data($0) }
        return SafetensorsTensor(dataType: dataType, shape: shape, bytes: data)
    }
}
