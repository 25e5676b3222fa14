import Foundation

/// Thrift's compact protocol, as much of it as Parquet's metadata needs: structs of numbers, texts, lists and structs.
struct ThriftCompact {
    private enum Kind: UInt8 {
        case int32 = 5
        case int64 = 6
        case binary = 8
        case list = 9
        case structure = 12
    }

    private(set) var bytes: [UInt8] = []
    /// Number of the field written last, in each struct that is open.
    private var lastFields: [Int] = [0]

    mutating func int32(_ field: Int, _ value: Int) {
        header(field, .int32)
        zigzag(value)
    }

    mutating func int64(_ field: Int, _ value: Int) {
        header(field, .int64)
        zigzag(value)
    }

    mutating func text(_ field: Int, _ value: String) {
        header(field, .binary)
        append(value)
    }

    mutating func structure(_ field: Int, _ body: (inout ThriftCompact) -> Void) {
        header(field, .structure)
        open(body)
    }

    mutating func int32s(_ field: Int, _ values: [Int]) {
        list(field, .int32, count: values.count)
        for value in values { zigzag(value) }
    }

    mutating func texts(_ field: Int, _ values: [String]) {
        list(field, .binary, count: values.count)
        for value in values { append(value) }
    }

    mutating func structures<Element>(
        _ field: Int, _ elements: [Element], _ body: (inout ThriftCompact, Element) -> Void
    ) {
        list(field, .structure, count: elements.count)
        for element in elements { open { body(&$0, element) } }
    }

    /// Ends the outermost struct.
    mutating func end() { bytes.append(0) }

    private mutating func open(_ body: (inout ThriftCompact) -> Void) {
        lastFields.append(0)
        body(&self)
        lastFields.removeLast()
        end()
    }

    private mutating func header(_ field: Int, _ kind: Kind) {
        let delta = field - lastFields[lastFields.count - 1]
        precondition((1...15).contains(delta), "Thrift field \(field) after \(lastFields[lastFields.count - 1])")
        lastFields[lastFields.count - 1] = field
        bytes.append(UInt8(delta) << 4 | kind.rawValue)
    }

    private mutating func list(_ field: Int, _ kind: Kind, count: Int) {
        header(field, .list)
        if count < 15 {
            bytes.append(UInt8(count) << 4 | kind.rawValue)
        } else {
            bytes.append(0xF0 | kind.rawValue)
            varint(UInt64(count))
        }
    }

    private mutating func append(_ text: String) {
        varint(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func zigzag(_ value: Int) { varint(UInt64(bitPattern: Int64(value << 1 ^ value >> 63))) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
