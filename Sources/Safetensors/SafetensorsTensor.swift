package import Foundation

/// Element types of the format, by the names that files use.
package enum SafetensorsDataType: String, Codable, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }
}

/// One tensor: row-major elements, little-endian, as in the file.
package struct SafetensorsTensor: Sendable, Equatable {
    package let dataType: SafetensorsDataType
    /// Extents, slowest first; empty for a scalar.
    package let shape: [Int]
    /// The elements' bytes; `count` is the product of `shape` times the element's size. Indices may not start at 0.
    package let bytes: Data
    /// Where it was read, for errors.
    private let file: String
    private let name: String?

    package init(dataType: SafetensorsDataType, shape: [Int], bytes: Data) {
        self.init(dataType: dataType, shape: shape, bytes: bytes, file: "", name: nil)
    }

    /// A tensor that errors name by its file and its name there.
    init(dataType: SafetensorsDataType, shape: [Int], bytes: Data, file: String, name: String?) {
        let count = shape.reduce(1, *) * dataType.byteCount
        precondition(bytes.count == count, "\(bytes.count) bytes for \(dataType.rawValue) of shape \(shape)")
        self.dataType = dataType
        self.shape = shape
        self.bytes = bytes
        self.file = file
        self.name = name
    }

    /// Equal in type, shape and bits, wherever they come from.
    package static func == (a: Self, b: Self) -> Bool {
        a.dataType == b.dataType && a.shape == b.shape && a.bytes == b.bytes
    }

    package init(_ values: [Float], shape: [Int]) {
        self.init(elements: values, .float32, shape)
    }

    package init(_ values: [Double], shape: [Int]) {
        self.init(elements: values, .float64, shape)
    }

    package init(_ values: [Int32], shape: [Int]) {
        self.init(elements: values, .int32, shape)
    }

    package init(_ values: [Int64], shape: [Int]) {
        self.init(elements: values, .int64, shape)
    }

    package init(_ values: [UInt8], shape: [Int]) {
        self.init(elements: values, .uint8, shape)
    }

    /// Copies from memory that is not an array: one copy, for weights that live in buffers.
    package init(_ values: UnsafeBufferPointer<Float>, shape: [Int]) {
        self.init(dataType: .float32, shape: shape, bytes: Data(UnsafeRawBufferPointer(values)))
    }

    private init<Element: BitwiseCopyable>(
        elements: [Element], _ dataType: SafetensorsDataType, _ shape: [Int]
    ) {
        self.init(dataType: dataType, shape: shape, bytes: elements.withUnsafeBytes { Data($0) })
    }

    /// Number of elements.
    package var count: Int { bytes.count / dataType.byteCount }

    /// The elements as Float: exact, so only of F32, F16 and BF16.
    /// - Throws: `SafetensorsError` for another type.
    package func floats() throws -> [Float] {
        switch dataType {
        case .float32: return elements()
        case .float16:
            return (elements() as [UInt16]).map(Float.init(halfBits:))
        case .bfloat16:
            return (elements() as [UInt16]).map { Float(bitPattern: UInt32($0) << 16) }
        default: throw unreadable(as: "32-bit floating point")
        }
    }

    /// The elements as Double, of any floating-point type.
    /// - Throws: `SafetensorsError` for another type.
    package func doubles() throws -> [Double] {
        switch dataType {
        case .float64: return elements()
        case .float32, .float16, .bfloat16: return try floats().map(Double.init)
        default: throw unreadable(as: "64-bit floating point")
        }
    }

    /// The elements as Int32, of any integer type that holds no larger value.
    /// - Throws: `SafetensorsError` for another type or a value that does not fit.
    package func int32s() throws -> [Int32] {
        switch dataType {
        case .int32: return elements()
        case .int64: return try narrowed(elements() as [Int64])
        case .int16: return (elements() as [Int16]).map(Int32.init)
        case .int8: return (elements() as [Int8]).map(Int32.init)
        case .uint64: return try narrowed(elements() as [UInt64])
        case .uint32: return try narrowed(elements() as [UInt32])
        case .uint16: return (elements() as [UInt16]).map(Int32.init)
        case .uint8, .bool: return (elements() as [UInt8]).map(Int32.init)
        default: throw unreadable(as: "32-bit integers")
        }
    }

    /// The elements as Int64, of I64 or any type that `int32s()` reads.
    /// - Throws: `SafetensorsError` for another type.
    package func int64s() throws -> [Int64] {
        dataType == .int64 ? elements() : try int32s().map(Int64.init)
    }

    private func elements<Element: BitwiseCopyable>() -> [Element] {
        [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Bytes in a file need not be aligned for their type: copied, never bound.
            bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer), from: bytes.startIndex..<bytes.endIndex)
            initialized = count
        }
    }

    private func narrowed<Element: FixedWidthInteger>(_ values: [Element]) throws -> [Int32] {
        try values.map { value in
            guard let narrow = Int32(exactly: value) else {
                throw SafetensorsError(
                    file: file, tensor: name, message: "the value \(value) does not fit 32 bits",
                    remedy: "read it as 64-bit integers")
            }
            return narrow
        }
    }

    private func unreadable(as wanted: String) -> SafetensorsError {
        SafetensorsError(
            file: file, tensor: name,
            message: "holds \(dataType.rawValue) of shape \(shape), which is not read as \(wanted)",
            remedy: "store it in the expected type")
    }
}
