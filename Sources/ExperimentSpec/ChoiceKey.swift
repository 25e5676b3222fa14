package import Declarations

/// A key that names one of several options, with the keys that these declare.
package struct ChoiceKey: Sendable {
    /// Where the keys of its options are.
    package enum Placement: Sendable {
        /// Beside the key, so that options can share them: "masks.target_blocks".
        case beside
        /// In a group that has the option's name: "objective.log_cosh.scale".
        case below
    }

    /// "masks.sampler".
    package let path: String
    package let options: [any DeclaredOption.Type]
    /// The key itself, and those of all options, each once.
    package let keys: [SpecKey]
    private let group: String
    private let placement: Placement
    private let defaultName: String

    /// - Parameters:
    ///   - name: The key, in a group: "sampler" in "masks".
    ///   - documentation: What is chosen; the options' own texts follow.
    ///   - isIdentityAtDefault: As for any `DeclaredKey`.
    package init(
        _ name: String, in group: String, default defaultName: String, _ documentation: String,
        options: [any DeclaredOption.Type], keys placement: Placement, isIdentityAtDefault: Bool
    ) {
        let names = options.map { $0.name }
        precondition(names.contains(defaultName) && Set(names).count == names.count, "\(group).\(name): \(names)")
        let path = "\(group).\(name)"
        let texts = options.map { "\($0.name): \($0.summary)" }.joined(separator: "; ")
        let choice = DeclaredKey(
            name, default: defaultName, "\(documentation) \(texts).", choices: names,
            isIdentityAtDefault: isIdentityAtDefault)
        var keys = [SpecKey(choice, path: path) { _ in true }]
        for option in options {
            let place = placement == .beside ? group : "\(group).\(option.name)"
            for key in option.keys where !keys.contains(where: { $0.path == "\(place).\(key.name)" }) {
                let readers = placement == .below ? [option] : options.filter { $0.reads(key.name) }
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
        self.placement = placement
        self.defaultName = defaultName
        self.keys = keys
    }

    /// The option that a configuration chooses. A name that was never accepted is a programmer's error.
    package func option(in configuration: RunConfiguration) -> any DeclaredOption.Type {
        let name = configuration.declared[path] ?? .text(defaultName)
        guard let option = options.first(where: { .text($0.name) == name }) else {
            preconditionFailure("\(path) has no option \(name.text)")
        }
        return option
    }

    /// The values of the keys that an option declares.
    package func settings(of option: any DeclaredOption.Type, in configuration: RunConfiguration) -> Settings {
        configuration.settings(of: option.keys, in: group(of: option))
    }

    /// The path of a key that an option declares.
    func path(ofKey name: String, of option: any DeclaredOption.Type) -> String { "\(group(of: option)).\(name)" }

    private func group(of option: any DeclaredOption.Type) -> String {
        placement == .beside ? group : "\(group).\(option.name)"
    }
}

extension DeclaredOption {
    fileprivate static func reads(_ key: String) -> Bool { keys.contains { $0.name == key } }
}
