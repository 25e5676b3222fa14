package import Foundation

/// NumPy's `.npy` format, version 1.0: magic, version, length, a Python dictionary as text, then the values.
package enum NumPyFile {
    /// - Parameters:
    ///   - values: In C order.
    ///   - shape: Its product is the number of values.
    package static func bytes(of values: [Float], shape: [Int]) -> Data {
        bytes(of: values.lazy.map(\.bitPattern), type: "<f4", shape: shape)
    }

    package static func bytes(of values: [UInt8], shape: [Int]) -> Data {
        bytes(of: values, type: "|u1", shape: shape)
    }

    static func bytes(of values: [Int32], shape: [Int]) -> Data {
        bytes(of: values.lazy.map { UInt32(bitPattern: $0) }, type: "<i4", shape: shape)
    }

    static func bytes(of values: [Double], shape: [Int]) -> Data {
        bytes(of: values.lazy.map(\.bitPattern), type: "<f8", shape: shape)
    }

    /// Texts as NumPy's `U`: code points of 4 bytes, all texts as long as the longest.
    static func bytes(of texts: [String]) -> Data {
        // A text of no letters takes one place, as NumPy's own.
        let length = max(1, texts.map(\.unicodeScalars.count).max() ?? 0)
        var points: [UInt32] = []
        points.reserveCapacity(length * texts.count)
        for text in texts {
            points += text.unicodeScalars.map(\.value)
            points += Array(repeating: 0, count: length - text.unicodeScalars.count)
        }
        return bytes(of: points, type: "<U\(length)", shape: [texts.count], valuesPerElement: length)
    }

    private static func bytes<Pattern: FixedWidthInteger>(
        of patterns: some Collection<Pattern>, type: String, shape: [Int], valuesPerElement: Int = 1
    ) -> Data {
        precondition(
            shape.reduce(valuesPerElement, *) == patterns.count, "shape \(shape) does not hold \(patterns.count) values"
        )
        var data = Data(header(type: type, shape: shape))
        // Collected in an array, whose appending is many times faster than that of `Data`.
        var content: [UInt8] = []
        content.reserveCapacity(Pattern.bitWidth / 8 * patterns.count)
        for pattern in patterns {
            withUnsafeBytes(of: pattern.littleEndian) { content.append(contentsOf: $0) }
        }
        data.append(contentsOf: content)
        return data
    }
}

extension NumPyFile {
    /// What stands before the values.
    ///
    /// - Parameter type: NumPy's name: "<f4".
    static func header(type: String, shape: [Int]) -> [UInt8] {
        // A tuple of one element keeps its comma in Python.
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
        // Magic, version and length take ten bytes; the values start at a multiple of 64, after a line break.
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
        data.append(littleEndian: UInt16(header.utf8.count))
        return Array(data) + Array(header.utf8)
    }
}

extension Data {
    /// Appends the bytes of a whole number, the lowest first.
    mutating func append<Integer: FixedWidthInteger>(littleEndian value: Integer) {
        for shift in stride(from: 0, to: Integer.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> Integer(shift)))
        }
    }
}
