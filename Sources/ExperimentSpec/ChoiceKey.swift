package import Declarations

/// Where the keys of the options of a `ChoiceKey` are.
package enum OptionPlacement: Sendable {
    /// Beside the key, so that options can share them: "masks.target_blocks".
    case beside
    /// In a group that has the option's name: "objective.log_cosh.scale".
    case below
}

/// A key that names one of several options, with the keys that these declare.
///
/// `Option` is the metatype of their kind, `any MaskSampler.Type`.
package struct ChoiceKey<Option: Sendable>: Sendable {
    /// "masks.sampler".
    package let path: String
    package let options: [Option]
    /// The key itself, and those of all options, each once.
    package let keys: [SpecKey]
    private let group: String
    private let placement: OptionPlacement
    private let defaultName: String
    /// `options`, as what they have in common with other kinds.
    private let declared: [any DeclaredOption.Type]

    /// - Parameters:
    ///   - name: The key, in a group: "sampler" in "masks".
    ///   - usualName: The option that a spec means which chooses none; the first, if it is not among them.
    ///   - documentation: What is chosen; the options' own texts follow.
    ///   - declared: The options again.
    ///   - isIdentityAtDefault: As for any `DeclaredKey`.
    package init(
        _ name: String, in group: String, default usualName: String, _ documentation: String,
        options: [Option], declared: [any DeclaredOption.Type], keys placement: OptionPlacement,
        isIdentityAtDefault: Bool
    ) {
        let names = declared.map { $0.name }
        precondition(!names.isEmpty && Set(names).count == names.count, "\(group).\(name): \(names)")
        let defaultName = names.contains(usualName) ? usualName : names[0]
        let path = "\(group).\(name)"
        let texts = declared.map { "\($0.name): \($0.summary)" }.joined(separator: "; ")
        let choice = DeclaredKey(
            name, default: defaultName, "\(documentation) \(texts).", choices: names,
            isIdentityAtDefault: isIdentityAtDefault)
        var keys = [SpecKey(choice, path: path) { _ in true }]
        for option in declared {
            let place = placement == .beside ? group : "\(group).\(option.name)"
            for key in option.keys where !keys.contains(where: { $0.path == "\(place).\(key.name)" }) {
                precondition(
                    placement == .below || declared.allSatisfy { $0.declares(key) },
                    "\(place).\(key.name): options that share a key list one declaration")
                let readers = placement == .below ? [option] : declared.filter { $0.reads(key.name) }
                keys.append(
                    SpecKey(key, path: "\(place).\(key.name)") { configuration in
                        let chosen = configuration.declared[path] ?? .text(defaultName)
                        return readers.contains {
                            .text($0.name) == chosen && key.applies(configuration.settings(of: $0.keys, in: place))
                        }
                    })
            }
        }
        self.path = path
        self.group = group
        self.options = options
        self.declared = declared
        self.placement = placement
        self.defaultName = defaultName
        self.keys = keys
    }

    /// The option that a configuration chooses. A name that was never accepted is a programmer's error.
    package func option(in configuration: RunConfiguration) -> Option { options[place(in: configuration)] }

    /// The values of the keys that the chosen option declares.
    package func settings(in configuration: RunConfiguration) -> Settings {
        let option = declared[place(in: configuration)]
        return configuration.settings(of: option.keys, in: group(of: option))
    }

    /// The path of a key that the chosen option declares.
    func path(ofKey name: String, in configuration: RunConfiguration) -> String {
        "\(group(of: declared[place(in: configuration)])).\(name)"
    }

    private func place(in configuration: RunConfiguration) -> Int {
        let name = configuration.declared[path] ?? .text(defaultName)
        guard let place = declared.firstIndex(where: { .text($0.name) == name }) else {
            preconditionFailure("\(path) has no option \(name.text)")
        }
        return place
    }

    private func group(of option: any DeclaredOption.Type) -> String {
        placement == .beside ? group : "\(group).\(option.name)"
    }
}

extension DeclaredOption {
    /// Whether it has the same declaration of a key, or none of that name.
    fileprivate static func declares(_ key: DeclaredKey) -> Bool {
        keys.allSatisfy { own in
            own.name != key.name
                || (own.type == key.type && own.defaultValue == key.defaultValue && own.limits == key.limits
                    && own.count == key.count && own.isIdentityAtDefault == key.isIdentityAtDefault
                    && own.earlierValue == key.earlierValue)
        }
    }

    fileprivate static func reads(_ key: String) -> Bool { keys.contains { $0.name == key } }
}
