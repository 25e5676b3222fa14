import Foundation
package import Safetensors

/// A tensor in a file of weights: a view of bytes that are read when they are asked for.
package struct StoredTensor: Sendable {
    package let type: SafetensorsDataType
    /// Extents, slowest first; empty for a scalar.
    package let shape: [Int]
    /// Steps in elements along each dimension.
    let strides: [Int]
    /// Element of the storage that the tensor begins with.
    let offset: Int
    let isBigEndian: Bool
    private let storage: any TensorStorage

    /// A view of a storage.
    ///
    /// - Parameter file, name: For errors.
    /// - Throws: `WeightError` where the view leaves the storage, or has more elements than it.
    init(
        _ type: SafetensorsDataType, shape: [Int], strides: [Int], offset: Int, isBigEndian: Bool = false,
        storage: any TensorStorage, file: String, name: String
    ) throws {
        func failure(_ message: String) -> WeightError {
            WeightError(file: file, tensor: "tensor \"\(name)\"", message: message, remedy: WeightError.again)
        }
        guard shape.count == strides.count, shape.count <= 8, shape.allSatisfy({ $0 >= 0 }) else {
            throw failure("has the shape \(shape) with the strides \(strides)")
        }
        guard strides.allSatisfy({ $0 >= 0 }), offset >= 0 else {
            throw failure("has a stride or an offset below zero")
        }
        let elements = storage.byteCount / type.byteCount
        var (count, last): (Int?, Int?) = (1, offset)
        for (extent, stride) in zip(shape, strides) {
            count = count.flatMap { multiplied($0, extent) }
            last = last.flatMap { last in
                multiplied(max(extent - 1, 0), stride).flatMap { added(last, $0) }
            }
        }
        guard let count, let last else { throw failure("has the impossible shape \(shape)") }
        guard count == 0 || (last < elements && count <= elements) else {
            throw failure(
                "of shape \(shape), strides \(strides) and offset \(offset) leaves its storage of \(elements) elements")
        }
        self.type = type
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.isBigEndian = isBigEndian
        self.storage = storage
    }

    /// A tensor of a safetensors file.
    init(_ tensor: SafetensorsTensor) {
        type = tensor.dataType
        shape = tensor.shape
        strides = Self.rowMajor(tensor.shape)
        offset = 0
        isBigEndian = false
        storage = PlainStorage(content: tensor.bytes)
    }

    /// Number of elements.
    package var count: Int { shape.reduce(1, *) }
    /// Bytes that its elements take.
    package var byteCount: Int { count * type.byteCount }

    /// Whether it holds numbers that are read as weights.
    package var isFloatingPoint: Bool { [.float16, .bfloat16, .float32, .float64].contains(type) }

    /// Strides of a tensor whose elements lie one after the other.
    static func rowMajor(_ shape: [Int]) -> [Int] {
        var (strides, step) = ([Int](repeating: 1, count: shape.count), 1)
        for place in shape.indices.reversed() {
            strides[place] = step
            // Only that of a tensor without elements can be too large, and nobody takes such a step.
            step = step &* max(shape[place], 1)
        }
        return strides
    }

    /// The elements in row-major order, converted to Float: exactly from 16 and 32 bits, rounded to nearest from 64.
    ///
    /// - Throws: `WeightError` for integers and truth values, and for a storage whose checksum is wrong.
    package func floats() throws -> [Float] {
        guard isFloatingPoint else {
            throw WeightError(
                file: "", message: "holds \(type.rawValue), which are no weights",
                remedy: "give weights in floating point")
        }
        let bytes = try storage.bytes()
        return bytes.withUnsafeBytes { raw in
            switch type {
            case .float32 where isPlain:
                return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
                    let place = offset * MemoryLayout<Float>.size
                    UnsafeMutableRawBufferPointer(buffer).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: raw[place..<place + byteCount]))
                    initialized = count
                }
            case .float32:
                return gather { Float(bitPattern: load(raw, $0)) }
            case .float64:
                return gather { Float(Double(bitPattern: load(raw, $0))) }
            case .bfloat16:
                return gather { Float(bitPattern: UInt32(load(raw, $0) as UInt16) << 16) }
            default:
                return gather { Float(halfBits: load(raw, $0)) }
            }
        }
    }

    /// Whether its bytes are those of an array of Float.
    private var isPlain: Bool { !isBigEndian && count > 0 && strides == Self.rowMajor(shape) }

    private func load<Word: FixedWidthInteger>(_ raw: UnsafeRawBufferPointer, _ element: Int) -> Word {
        let word = raw.loadUnaligned(fromByteOffset: element * MemoryLayout<Word>.size, as: Word.self)
        return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
    }

    private func gather(_ value: (Int) -> Float) -> [Float] {
        let count = count
        let isRowMajor = strides == Self.rowMajor(shape)
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            if isRowMajor {
                for place in 0..<count { buffer[place] = value(offset + place) }
            } else {
                for place in 0..<count { buffer[place] = value(offset + self.place(of: place)) }
            }
            initialized = count
        }
    }

    /// Where in the storage an element of the row-major order lies, counted from `offset`.
    private func place(of element: Int) -> Int {
        var (rest, place) = (element, 0)
        for dimension in shape.indices.reversed() {
            place += rest % shape[dimension] * strides[dimension]
            rest /= shape[dimension]
        }
        return place
    }
}

/// Bytes that tensors are views of.
protocol TensorStorage: Sendable {
    var byteCount: Int { get }
    /// - Throws: `WeightError` where the bytes are not those that were written.
    func bytes() throws -> Data
}

/// Bytes that nothing vouches for but their place in the file.
struct PlainStorage: TensorStorage {
    let content: Data
    var byteCount: Int { content.count }
    func bytes() throws -> Data { content }
}

/// A product; nil beyond 64 bits.
func multiplied(_ a: Int, _ b: Int) -> Int? {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? nil : product
}

/// A sum; nil beyond 64 bits.
func added(_ a: Int, _ b: Int) -> Int? {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : sum
}
