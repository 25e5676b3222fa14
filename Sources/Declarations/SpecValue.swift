/// A value as it stands in a spec, after YAML's rules for plain scalars.
package indirect enum SpecValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([SpecValue])

    /// For people and for arm names: "0.001", "ema", "[0.04, 0.4]", "none".
    package var text: String {
        switch self {
        case .null: "none"
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): Self.shortest(value)
        case .text(let value): value
        case .list(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
        }
    }

    /// As JSON, on one line.
    package var json: String {
        switch self {
        case .null: "null"
        case .text(let value): Self.quoted(value)
        case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        default: text
        }
    }

    /// What kind of value it is, for error messages.
    package var kindName: String {
        switch self {
        case .null: "nothing"
        case .boolean: "a boolean"
        case .integer: "a whole number"
        case .number: "a number"
        case .text: "text"
        case .list: "a list"
        }
    }

    /// The shortest decimal that reads back as the same number; whole numbers without ".0".
    package static func shortest(_ value: Double) -> String {
        if let whole = Int(exactly: value), whole.magnitude < 1_000_000_000_000_000 { return String(whole) }
        return "\(value)"
    }

    /// A JSON string literal.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension SpecValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByBooleanLiteral
{
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(stringLiteral value: String) { self = .text(value) }
    package init(arrayLiteral elements: SpecValue...) { self = .list(elements) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
}

/// What a key accepts.
package indirect enum SpecType: Hashable, Sendable {
    case integer
    case number
    case text
    case boolean
    case choice([String])
    case list(SpecType)

    /// "whole number", "`ema`, `frozen`", "list of numbers".
    package var name: String {
        switch self {
        case .integer: "whole number"
        case .number: "number"
        case .text: "text"
        case .boolean: "true or false"
        case .choice(let names): names.joined(separator: ", ")
        case .list(.choice(let names)): "list of: " + names.joined(separator: ", ")
        case .list(let element): "list of \(element.name)s"
        }
    }
}

/// A Swift type that a spec's value can be turned into and back.
package protocol SpecConvertible: Sendable {
    static var specType: SpecType { get }
    static var acceptsNull: Bool { get }
    init?(specValue: SpecValue)
    var specValue: SpecValue { get }
}

extension SpecConvertible {
    package static var acceptsNull: Bool { false }
}

extension Int: SpecConvertible {
    package static var specType: SpecType { .integer }
    package init?(specValue: SpecValue) {
        switch specValue {
        case .integer(let value): self = value
        // 1e4 is a whole number too.
        case .number(let value): self.init(exactly: value)
        default: return nil
        }
    }
    package var specValue: SpecValue { .integer(self) }
}

extension Double: SpecConvertible {
    package static var specType: SpecType { .number }
    package init?(specValue: SpecValue) {
        switch specValue {
        case .integer(let value): self = Double(value)
        case .number(let value): self = value
        default: return nil
        }
    }
    package var specValue: SpecValue { .number(self) }
}

extension Bool: SpecConvertible {
    package static var specType: SpecType { .boolean }
    package init?(specValue: SpecValue) {
        guard case .boolean(let value) = specValue else { return nil }
        self = value
    }
    package var specValue: SpecValue { .boolean(self) }
}

extension String: SpecConvertible {
    package static var specType: SpecType { .text }
    package init?(specValue: SpecValue) {
        guard case .text(let value) = specValue else { return nil }
        self = value
    }
    package var specValue: SpecValue { .text(self) }
}

extension Optional: SpecConvertible where Wrapped: SpecConvertible {
    package static var specType: SpecType { Wrapped.specType }
    package static var acceptsNull: Bool { true }
    package init?(specValue: SpecValue) {
        if specValue == .null {
            self = .none
        } else if let value = Wrapped(specValue: specValue) {
            self = .some(value)
        } else {
            return nil
        }
    }
    package var specValue: SpecValue { self?.specValue ?? .null }
}

extension Array: SpecConvertible where Element: SpecConvertible {
    package static var specType: SpecType { .list(Element.specType) }
    package init?(specValue: SpecValue) {
        guard case .list(let values) = specValue else { return nil }
        let elements = values.compactMap { Element(specValue: $0) }
        guard elements.count == values.count else { return nil }
        self = elements
    }
    package var specValue: SpecValue { .list(map(\.specValue)) }
}

/// A choice among names.
package protocol SpecChoice: SpecConvertible, RawRepresentable, CaseIterable where RawValue == String {}

extension SpecChoice {
    package static var specType: SpecType { .choice(allCases.map(\.rawValue)) }
    package init?(specValue: SpecValue) {
        guard case .text(let name) = specValue else { return nil }
        self.init(rawValue: name)
    }
    package var specValue: SpecValue { .text(rawValue) }
}
