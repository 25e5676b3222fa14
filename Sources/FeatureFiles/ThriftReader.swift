/// A value in Thrift's compact protocol.
indirect enum ThriftValue {
    case boolean(Bool)
    case integer(Int)
    case double(Double)
    case bytes(ArraySlice<UInt8>)
    case list([ThriftValue])
    /// Values by the numbers of their fields.
    case structure([Int: ThriftValue])
    /// Keys and values; nothing here reads any.
    case map

    /// A field of a structure.
    subscript(field: Int) -> ThriftValue? {
        if case .structure(let fields) = self { fields[field] } else { nil }
    }

    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var list: [ThriftValue]? { if case .list(let values) = self { values } else { nil } }
    var text: String? { if case .bytes(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil } }
}

/// Reads Thrift's compact protocol: Parquet's metadata, of whatever writer.
///
/// Every value takes a byte or more, so what is read is never larger than the bytes by more than a constant factor.
struct ThriftReader {
    /// The bytes are no structure.
    struct Damage: Error {}

    private let bytes: ArraySlice<UInt8>
    /// Bytes that were read.
    var count: Int { place - bytes.startIndex }
    private var place: Int
    private var depth = 0

    /// Structures, lists and maps in each other that are followed.
    private static let deepest = 32

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    /// - Throws: `Damage`.
    mutating func structure() throws(Damage) -> ThriftValue {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Damage() }
        var fields: [Int: ThriftValue] = [:]
        var last = 0
        while true {
            let head = try byte()
            if head == 0 { return .structure(fields) }
            let delta = Int(head >> 4)
            let field = delta == 0 ? try zigzag() : last + delta
            // Numbers of fields are 16-bit.
            guard (0...Int(Int16.max)).contains(field) else { throw Damage() }
            last = field
            fields[field] =
                switch head & 0x0F {
                case 1: .boolean(true)
                case 2: .boolean(false)
                case let kind: try value(kind)
                }
        }
    }

    private mutating func value(_ kind: UInt8) throws(Damage) -> ThriftValue {
        switch kind {
        case 1, 2: return .boolean(try byte() == 1)
        case 3: return .integer(Int(Int8(bitPattern: try byte())))
        case 4, 5, 6: return .integer(try zigzag())
        case 7:
            var bits: UInt64 = 0
            for byte in try take(8).reversed() { bits = bits << 8 | UInt64(byte) }
            return .double(Double(bitPattern: bits))
        case 8: return .bytes(try take(try size()))
        case 9, 10: return try list()
        case 11: return try map()
        case 12: return try structure()
        default: throw Damage()
        }
    }

    private mutating func list() throws(Damage) -> ThriftValue {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Damage() }
        let head = try byte()
        let count = head >> 4 == 15 ? try size() : Int(head >> 4)
        var values: [ThriftValue] = []
        for _ in 0..<count { values.append(try value(head & 0x0F)) }
        return .list(values)
    }

    private mutating func map() throws(Damage) -> ThriftValue {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Damage() }
        let count = try size()
        guard count > 0 else { return .map }
        let kinds = try byte()
        for _ in 0..<count {
            _ = try value(kinds >> 4)
            _ = try value(kinds & 0x0F)
        }
        return .map
    }

    /// A length: no more than there are bytes left.
    private mutating func size() throws(Damage) -> Int {
        guard let size = Int(exactly: try varint()), size <= bytes.endIndex - place else { throw Damage() }
        return size
    }

    private mutating func take(_ count: Int) throws(Damage) -> ArraySlice<UInt8> {
        guard count <= bytes.endIndex - place else { throw Damage() }
        defer { place += count }
        return bytes[place..<(place + count)]
    }

    private mutating func byte() throws(Damage) -> UInt8 {
        guard place < bytes.endIndex else { throw Damage() }
        defer { place += 1 }
        return bytes[place]
    }

    private mutating func zigzag() throws(Damage) -> Int {
        let value = try varint()
        return Int(truncatingIfNeeded: value >> 1) ^ -Int(truncatingIfNeeded: value & 1)
    }

    private mutating func varint() throws(Damage) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Damage()
    }
}
