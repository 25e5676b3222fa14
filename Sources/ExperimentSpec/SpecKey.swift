package import Declarations

/// One key of a spec: its path, what it accepts, what it means, and where it lives in `RunConfiguration`.
///
/// The table of keys (`SpecKey.all`) drives reading, `--set`, differences between arms, identity, the stored JSON, the
/// JSON Schema and the documentation, so that a key is described once.
package struct SpecKey: Sendable {
    /// "objective.vicreg.weight".
    package let path: String
    package let type: SpecType
    /// `null` is accepted and means that nothing is set.
    package let isOptional: Bool
    /// Bounds of the number, or of every number of a list.
    package let limits: SpecLimits
    /// How many elements a list may have.
    package let count: ClosedRange<Int>?
    /// Whether the value takes part in the hash: keys that cannot change a result do not. `isIdentity(in:)` says more.
    package let isIdentity: Bool
    /// Whether it does where it has its default too: not so for keys that are younger than hashes in use.
    let isIdentityAtDefault: Bool
    /// What versions from before the key did, where that is not the default. Runs with this value have the hash that
    /// those versions gave them, and a stored configuration without the key means this value.
    let earlierValue: SpecValue?
    package let documentation: String
    /// Whether a configuration is written without the key where it has its default: so the keys of terms that a run does
    /// not use say nothing in it.
    let isOmittedAtDefault: Bool
    /// Path of the key whose value is filled in where this one has none.
    let follows: String?
    /// Whether a text is a path, relative to the folder of the spec that sets it.
    package let isPath: Bool
    /// Other words of the field for it, separated by spaces, that were declared with it.
    let synonyms: String

    private let getter: @Sendable (RunConfiguration) -> SpecValue
    private let setter: @Sendable (inout RunConfiguration, SpecValue) -> Void
    /// The value as the key's Swift type would give it back; none where the type does not fit.
    private let normalizer: @Sendable (SpecValue) -> SpecValue?
    private let condition: @Sendable (RunConfiguration) -> Bool

    /// - Parameters:
    ///   - earlierValue: See the property.
    ///   - applies: Whether the key can change a run of this configuration; none: any.
    init<Value: SpecConvertible>(
        _ path: String, _ property: any WritableKeyPath<RunConfiguration, Value> & Sendable, _ documentation: String,
        limits: SpecLimits = .none, count: ClosedRange<Int>? = nil, isIdentity: Bool = true,
        isIdentityAtDefault: Bool = true, earlierValue: Value? = nil, isOmittedAtDefault: Bool = false,
        isPath: Bool = false, applies: @escaping @Sendable (RunConfiguration) -> Bool = { _ in true }
    ) {
        self.path = path
        type = Value.specType
        isOptional = Value.acceptsNull
        self.limits = limits
        self.count = count
        self.isIdentity = isIdentity
        self.isIdentityAtDefault = isIdentityAtDefault
        self.earlierValue = earlierValue?.specValue
        condition = applies
        self.documentation = documentation
        synonyms = ""
        follows = nil
        self.isOmittedAtDefault = isOmittedAtDefault
        self.isPath = isPath
        getter = { $0[keyPath: property].specValue }
        setter = { configuration, value in
            guard let converted = Value(specValue: value) else {
                preconditionFailure("\(path): \(value.text) was not checked before it was set")
            }
            configuration[keyPath: property] = converted
        }
        normalizer = { Value(specValue: $0)?.specValue }
    }

    /// A key that is declared elsewhere; its value is in `RunConfiguration.declared`.
    ///
    /// - Parameter keys: All of the group.
    init(_ key: DeclaredKey, of keys: [DeclaredKey], in group: String) {
        self.init(key, path: "\(group).\(key.name)") { key.applies($0.settings(of: keys, in: group)) }
    }

    /// The same, where whether it applies is known to another.
    init(_ key: DeclaredKey, path: String, applies: @escaping @Sendable (RunConfiguration) -> Bool) {
        self.path = path
        type = key.type
        isOptional = key.acceptsNull
        limits = key.limits
        count = key.count
        isIdentity = key.isIdentity
        isIdentityAtDefault = key.isIdentityAtDefault
        earlierValue = key.earlierValue ?? (key.isIdentityAtDefault ? nil : key.defaultValue)
        documentation = key.documentation
        synonyms = key.synonyms
        follows = key.follows
        isOmittedAtDefault = !key.isIdentityAtDefault
        isPath = key.isPath
        condition = applies
        getter = { $0.declared[path] ?? key.defaultValue }
        setter = { $0.declared[path] = $1 == key.defaultValue ? nil : $1 }
        normalizer = key.normalized
    }

    /// The key of a path. One that there is not is a programmer's error.
    static func named(_ path: String) -> SpecKey {
        guard let key = byPath[path] else { preconditionFailure("there is no key \(path)") }
        return key
    }

    /// The last part of the path.
    package var name: String { String(path[path.index(after: path.lastIndex(of: ".")!)...]) }
    /// A list of exactly two, for which a single number may stand: [x, x].
    package var isPair: Bool { count == 2...2 }
    /// The value that holds where a spec says nothing.
    package var defaultValue: SpecValue { value(in: RunConfiguration()) }

    package func value(in configuration: RunConfiguration) -> SpecValue { getter(configuration) }

    /// The value that is written down; none where nothing is.
    func writtenValue(in configuration: RunConfiguration) -> SpecValue? {
        let value = value(in: configuration)
        return value == .null || (isOmittedAtDefault && value == defaultValue) ? nil : value
    }

    /// Whether the key takes part in the hash of this configuration.
    ///
    /// A key that cannot change the run does not, nor one with the value that held before there was a choice: runs keep
    /// their hashes when keys are added.
    func isIdentity(in configuration: RunConfiguration) -> Bool {
        let value = value(in: configuration)
        return isIdentity && (isIdentityAtDefault || value != defaultValue) && value != earlierValue
            && applies(to: configuration)
    }

    /// Whether the key can change a run of this configuration.
    package func applies(to configuration: RunConfiguration) -> Bool { condition(configuration) }

    /// - Precondition: `value` came from `decode`.
    func set(_ value: SpecValue, in configuration: inout RunConfiguration, normalizing: Bool = false) {
        guard normalizing else { return setter(&configuration, value) }
        guard let normalized = normalizer(value) else {
            preconditionFailure("\(path): \(value.text) is no value of it")
        }
        setter(&configuration, normalized)
    }

    /// Checks a value of a spec against type, bounds and count.
    ///
    /// - Returns: The value in the key's own type (whole numbers become numbers where the key is one, a single number
    ///   becomes a pair), or what is wrong with it.
    func decode(_ node: SpecNode) -> Result<SpecValue, Rejection> {
        guard var value = node.value else {
            return .failure(Rejection("expected \(expectation), found \(node.kindName)"))
        }
        if isPair, Double(specValue: value) != nil { value = .list([value, value]) }
        guard let normalized = normalizer(value) else { return .failure(mismatch(value)) }
        if case .list(let elements) = normalized, let count, !count.contains(elements.count) {
            if isPair {
                return .failure(Rejection("expected \(expectation), found a list of \(elements.count)"))
            }
            let wanted = Set([count.lowerBound, count.upperBound]).sorted().map(String.init).joined(separator: " to ")
            return .failure(Rejection("expected \(wanted) elements, found \(elements.count)"))
        }
        for number in numbers(of: normalized) where !limits.contain(number) {
            return .failure(Rejection("\(SpecValue.shortest(number)) is out of range: must be \(limits.text)"))
        }
        return .success(normalized)
    }

    /// Why a value was not accepted.
    struct Rejection: Error {
        let message: String
        var nearest: String?
        var remedy: String?

        init(_ message: String, nearest: String? = nil, remedy: String? = nil) {
            self.message = message
            self.nearest = nearest
            self.remedy = remedy
        }
    }

    private var expectation: String {
        if isPair { return "a number or a pair of numbers" }
        return switch type {
        case .choice: "one of \(type.name)"
        case .text, .boolean: type.name
        case .integer, .number, .list: "a \(type.name)"
        }
    }

    private func mismatch(_ value: SpecValue) -> Rejection {
        let found = value == .null ? "nothing" : "'\(value.text)' (\(value.kindName))"
        var nearest: String?
        switch (type, value) {
        case (.choice(let names), .text(let text)):
            nearest = nearestName(to: text, among: names)
        case (.list(.choice(let names)), .list(let values)):
            nearest = values.lazy.map(\.text).first { !names.contains($0) }.flatMap {
                nearestName(to: $0, among: names)
            }
        default: break
        }
        var remedy: String?
        switch (type, value) {
        case (.text, .integer), (.text, .number), (.text, .boolean): remedy = "put it in quotes to make it text"
        case (.integer, .text(let text)) where Int(text) != nil: remedy = "remove the quotes"
        case (.number, .text(let text)) where Double(text) != nil: remedy = "remove the quotes"
        case (.boolean, _): remedy = "write true or false"
        case (.list, .list): break
        case _ where isPair: remedy = "write one number for both, or two: [first, last]"
        case (.list, _): remedy = "write a list: [\(value.text)]"
        default: break
        }
        return Rejection("expected \(expectation), found \(found)", nearest: nearest, remedy: remedy)
    }

    private func numbers(of value: SpecValue) -> [Double] {
        switch value {
        case .integer(let value): [Double(value)]
        case .number(let value): [value]
        case .list(let values): values.flatMap { numbers(of: $0) }
        case .null, .boolean, .text: []
        }
    }
}
