import Foundation
import Safetensors

/// One array in NumPy's .npy format, versions 1 to 3: magic, version, length, a Python dictionary as text, values.
struct NumPyArray {
    static let magic: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

    let entry: FeatureEntry
    private let isFortranOrder: Bool
    private let data: Data
    private let file: String
    /// Byte of the first value.
    private let start: Int

    /// NumPy itself reads headers of at most 10,000 characters, and makes arrays of at most 64 axes.
    private static let (longestHeader, mostAxes) = (65_536, 64)
    /// Element types that are read, without the mark of the byte order.
    private static let sizes = ["f2": 2, "f4": 4, "f8": 8]

    /// - Parameters:
    ///   - name: Of the array in its archive; empty for a file of its own.
    ///   - data: The whole file.
    init(_ data: Data, name: String, file: String) throws {
        func failure(_ message: String) -> FeatureFileError {
            FeatureFileError(
                file: file, dataset: name.isEmpty ? nil : name, message: message,
                remedy: "write it again with numpy.save or numpy.savez")
        }
        guard data.prefix(6).elementsEqual(Self.magic), let major = data.littleEndian(at: 6, as: UInt8.self),
            (1...3).contains(major)
        else { throw failure("is not a .npy array of version 1 to 3") }
        let length: Int?
        if major == 1 {
            length = data.littleEndian(at: 8, as: UInt16.self).map { Int($0) + 10 }
        } else {
            length = data.littleEndian(at: 8, as: UInt32.self).map { Int($0) + 12 }
        }
        guard let length, length <= data.count else { throw failure("is cut off within its header") }
        guard length <= Self.longestHeader else { throw failure("claims a header of \(length) bytes") }
        let headerStart = data.startIndex + (major == 1 ? 10 : 12)
        let header = String(decoding: data[headerStart..<(data.startIndex + length)], as: UTF8.self)
        // A structured type is a list; such an array is named, and not read.
        let type = Self.text("descr", in: header) ?? "structured"
        guard let shape = Self.shape(in: header), shape.count <= Self.mostAxes,
            let order = header.firstMatch(of: /['"]fortran_order['"]\s*:\s*(True|False)/)
        else { throw failure("has a header without a plain type and shape: \(header.prefix(80))") }
        isFortranOrder = order.1 == "True"
        entry = FeatureEntry(
            name: name, shape: shape, type: type, isFloatingPoint: Self.sizes[String(type.dropFirst())] != nil)
        self.data = data
        self.file = file
        start = length
    }

    private static func text(_ key: String, in header: String) -> String? {
        guard let pattern = try? Regex("['\"]\(key)['\"]\\s*:\\s*['\"]([^'\"]*)['\"]"),
            let match = header.firstMatch(of: pattern), let text = match.output[1].substring
        else { return nil }
        return String(text)
    }

    private static func shape(in header: String) -> [Int]? {
        guard let match = header.firstMatch(of: /['"]shape['"]\s*:\s*\(([0-9,\s]*)\)/) else { return nil }
        let parts = match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let extents = parts.filter { !$0.isEmpty }.compactMap { Int($0) }
        return extents.count == parts.filter { !$0.isEmpty }.count ? extents : nil
    }

    /// Elements of an array; none where they are more than can be counted.
    private static func count(of shape: [Int]) -> Int? {
        guard !shape.contains(0) else { return 0 }
        return shape.reduce(Int?(1)) { count, extent in
            guard let (product, overflows) = count?.multipliedReportingOverflow(by: extent), !overflows else {
                return nil
            }
            return product
        }
    }

    /// The values in C order.
    func values() throws -> [Double] {
        let (kind, isBig) = (String(entry.type.dropFirst()), entry.type.hasPrefix(">"))
        guard let size = Self.sizes[kind] else {
            throw FeatureFileError(
                file: file, dataset: entry.name.isEmpty ? nil : entry.name,
                message: "holds \(entry.type), which is not float16, float32 or float64",
                remedy: "convert it: array.astype(numpy.float32)")
        }
        let present = (data.count - start) / size
        guard let count = Self.count(of: entry.shape), count <= present else {
            throw FeatureFileError(
                file: file, dataset: entry.name.isEmpty ? nil : entry.name,
                message: "ends after \(present) values, but has the shape \(entry.shape)",
                remedy: "write it again")
        }
        let flat = unsafe data.withUnsafeBytes { bytes in
            (0..<count).map { index -> Double in
                // Bytes in a file need not be aligned for their type.
                let place = start + index * size
                switch size {
                case 2:
                    let bits = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self)
                    return Double(Float(halfBits: isBig ? bits.byteSwapped : bits))
                case 4:
                    let bits = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)
                    return Double(Float(bitPattern: isBig ? bits.byteSwapped : bits))
                default:
                    let bits = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    return Double(bitPattern: isBig ? bits.byteSwapped : bits)
                }
            }
        }
        return isFortranOrder ? Self.transposed(flat, shape: entry.shape) : flat
    }

    /// Values whose first axis is the fastest, so that the last one is.
    private static func transposed(_ values: [Double], shape: [Int]) -> [Double] {
        var result = values
        var index = [Int](repeating: 0, count: shape.count)
        for target in values.indices {
            var (source, stride) = (0, 1)
            for axis in shape.indices {
                source += index[axis] * stride
                stride *= shape[axis]
            }
            result[target] = values[source]
            for axis in shape.indices.reversed() {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
            }
        }
        return result
    }
}

/// A .npy file.
struct NumPyContent: FeatureContent {
    private let path: String
    private let array: NumPyArray

    init(path: String) throws {
        self.path = path
        array = try NumPyArray(FileBytes.all(of: path), name: "", file: path)
    }

    func entries() -> [FeatureEntry] { [array.entry] }

    func read(_ entry: FeatureEntry) throws -> FeatureArray {
        FeatureArray(
            name: "", shape: entry.shape, type: entry.type,
            values: try narrowed(array.values(), file: path, dataset: "the array"))
    }
}
