import HDF5

/// The value of an attribute in a run file.
package enum AttributeValue: Sendable, Hashable {
    case string(String)
    case integer(Int)
    case double(Double)
    case strings([String])
    case integers([Int])
    case doubles([Double])

    /// As text, lists separated by commas.
    package var text: String {
        switch self {
        case .string(let value): value
        case .integer(let value): String(value)
        case .double(let value): String(value)
        case .strings(let values): values.joined(separator: ", ")
        case .integers(let values): values.map(String.init).joined(separator: ", ")
        case .doubles(let values): values.map { String($0) }.joined(separator: ", ")
        }
    }

    init(_ value: HDF5AttributeValue) {
        self =
            switch value {
            case .string(let value): .string(value)
            case .integer(let value): .integer(value)
            case .double(let value): .double(value)
            case .strings(let values): .strings(values)
            case .integers(let values): .integers(values)
            case .doubles(let values): .doubles(values)
            }
    }

    var stored: HDF5AttributeValue {
        switch self {
        case .string(let value): .string(value)
        case .integer(let value): .integer(value)
        case .double(let value): .double(value)
        case .strings(let values): .strings(values)
        case .integers(let values): .integers(values)
        case .doubles(let values): .doubles(values)
        }
    }
}

extension AttributeValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
}

extension HDF5Attributes {
    /// Everything as a dictionary.
    /// - Throws: `HDF5Error`, also where it is more than the file may hold.
    func values() throws -> [String: AttributeValue] { try all().mapValues(AttributeValue.init) }

    /// Sets all of them, in the order of their names.
    func write(_ values: [String: AttributeValue]) throws {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { try write(name, value.stored) }
    }
}
