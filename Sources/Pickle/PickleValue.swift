/// Where a long string lies in the file: `count` bytes from `offset` on.
package struct PicklePlace: Hashable, Sendable {
    package let offset: Int
    package let count: Int

    package init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }
}

/// A value of a pickle. What holds other values is named by its number in the document: values may be shared and may
/// contain themselves, and nothing here is recursive, whatever the depth.
package enum PickleValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int64)
    /// Beyond 64 bits: two's complement, the lowest byte first.
    case bigInteger([UInt8])
    case float(Double)
    /// Bytes, or a string of Python 2, which may be either.
    case bytes([UInt8])
    /// Bytes that stay in the file.
    case longBytes(PicklePlace)
    case text(String)
    /// UTF-8 that stays in the file.
    case longText(PicklePlace)
    /// A class or function, which is named and never looked up.
    case global(module: String, name: String)
    case tuple(Int)
    case list(Int)
    case set(Int)
    case dictionary(Int)
    /// A call that Python would make, recorded.
    case object(Int)
    /// An object that the program which wrote the file keeps elsewhere, by what identifies it.
    case persistent(Int)

    /// What it is, for messages.
    package var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a truth value"
        case .int, .bigInteger: "an integer"
        case .float: "a number"
        case .bytes, .longBytes: "bytes"
        case .text, .longText: "a text"
        case .global(let module, let name): "\(module).\(name)"
        case .tuple: "a tuple"
        case .list: "a list"
        case .set: "a set"
        case .dictionary: "a dictionary"
        case .object: "an object"
        case .persistent: "a persistent identifier"
        }
    }

    /// A text, or a string of Python 2 that is UTF-8; nil for all else and for long ones.
    package var string: String? {
        switch self {
        case .text(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// An integer, or a truth value as Python counts it.
    package var integer: Int? {
        switch self {
        case .int(let value): Int(exactly: value)
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }
}

/// `callable(*arguments)`, then `__setstate__(state)`, then what was appended or set: all recorded, nothing done.
package struct PickleObject: Hashable, Sendable {
    package let callable: PickleValue
    /// A tuple.
    package let arguments: PickleValue
    package internal(set) var state: PickleValue?
    package internal(set) var items: [PickleValue] = []
    package internal(set) var entries: [PickleEntry] = []
}

/// A key of a dictionary with its value.
package struct PickleEntry: Hashable, Sendable {
    package let key: PickleValue
    package let value: PickleValue
}

/// What a number in a `PickleValue` stands for.
enum PickleNode: Sendable {
    case sequence([PickleValue])
    case dictionary([PickleEntry])
    case object(PickleObject)
}
