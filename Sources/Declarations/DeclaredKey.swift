/// A key of a spec, declared beside the code whose setting it is.
///
/// Its path in a spec is the group of what declares it and its own name: "objective.vicreg" and "invariance".
package struct DeclaredKey: Sendable {
    /// "invariance", "projector.kind".
    package let name: String
    package let type: SpecType
    /// `null` is accepted and means that nothing is set.
    package let acceptsNull: Bool
    package let defaultValue: SpecValue
    /// Bounds of the number, or of every number of a list.
    package let limits: SpecLimits
    /// How many elements a list may have.
    package let count: ClosedRange<Int>?
    package let documentation: String
    /// Other words of the field for it, plain: "lambda sim_coeff".
    package let synonyms: String
    /// Whether the value takes part in the hash of a run: keys that cannot change a result do not.
    package let isIdentity: Bool
    /// Whether the key takes part in the hash of a run where it has its default: only so for keys as old as the first
    /// hashes. All others are left out, so that finished runs keep theirs.
    package let isIdentityAtDefault: Bool
    /// What versions from before the key did, where that is not the default.
    package let earlierValue: SpecValue?
    /// Path of the key whose value is filled in where this one has none.
    package let follows: String?
    /// Whether a text is a path, relative to the folder of the spec that sets it.
    package let isPath: Bool
    /// Whether the key can change a run with these settings of its group.
    package var applies: @Sendable (Settings) -> Bool
    /// The value as the key's Swift type would give it back; none where the type does not fit.
    package let normalized: @Sendable (SpecValue) -> SpecValue?

    /// - Parameter choices: The names that a text may be; none: those of the type.
    package init<Value: SpecConvertible>(
        _ name: String, default defaultValue: Value, _ documentation: String, limits: SpecLimits = .none,
        count: ClosedRange<Int>? = nil, choices: [String]? = nil, synonyms: String = "",
        isIdentity: Bool = true, isIdentityAtDefault: Bool = false, earlierValue: Value? = nil,
        follows: String? = nil, isPath: Bool = false,
        applies: @escaping @Sendable (Settings) -> Bool = { _ in true }
    ) {
        self.name = name
        type = choices.map { .choice($0) } ?? Value.specType
        acceptsNull = Value.acceptsNull
        self.defaultValue = defaultValue.specValue
        self.limits = limits
        self.count = count
        self.documentation = documentation
        self.synonyms = synonyms
        self.isIdentity = isIdentity
        // Else neither the default nor the earlier value would be in a hash, and two behaviours would be one run.
        self.isIdentityAtDefault = isIdentityAtDefault || earlierValue != nil
        self.earlierValue = earlierValue?.specValue
        self.follows = follows
        self.isPath = isPath
        self.applies = applies
        normalized = { value in
            guard let converted = Value(specValue: value) else { return nil }
            if let choices, case .text(let text) = value, !choices.contains(text) { return nil }
            return converted.specValue
        }
    }
}

/// The values of the keys that something declares, defaults included.
package struct Settings: Sendable, Hashable {
    private var values: [String: SpecValue]

    /// - Parameter values: By name of the key; a key that is missing has its default.
    package init(_ keys: [DeclaredKey], _ values: [String: SpecValue] = [:]) {
        self.values = Dictionary(keys.map { ($0.name, values[$0.name] ?? $0.defaultValue) }) { first, _ in first }
    }

    /// The value of a key in its Swift type. Asking for a key or a type that was not declared is a programmer's error.
    package subscript<Value: SpecConvertible>(name: String, as type: Value.Type = Value.self) -> Value {
        guard let value = values[name], let converted = Value(specValue: value) else {
            preconditionFailure("\(name) is not declared as \(Value.self)")
        }
        return converted
    }

    package func with(_ name: String, _ value: some SpecConvertible) -> Settings {
        var copy = self
        copy.values[name] = value.specValue
        return copy
    }
}
