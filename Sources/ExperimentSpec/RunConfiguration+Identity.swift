import Declarations

extension RunConfiguration {
    /// Every key with its value, sorted, on one line, numbers as the shortest decimals that read back the same.
    ///
    /// Values that hold where a stored configuration lacks the key are left out: the text stays when keys are added.
    package func canonicalJSON() -> String {
        var keys = Dictionary(
            uniqueKeysWithValues: SpecKey.all.filter { $0.value(in: self) != $0.earlierValue }
                .map { ($0.path, $0.value(in: self)) })
        keys["seed"] = .integer(seed)
        return Self.json(keys.filter { $0.value != .null })
    }

    /// What a run is: the canonical JSON without the seed, and without keys that cannot change a result (where files
    /// lie, threads, what is stored, the name of a preset whose numbers stand beside it, epochs once there are steps) and
    /// without values that held before there was a choice.
    package func identityJSON() -> String {
        let keys = SpecKey.all.filter { $0.isIdentity(in: self) }.map { ($0.path, $0.value(in: self)) }
        return Self.json(Dictionary(uniqueKeysWithValues: keys).filter { $0.value != .null })
    }

    /// SHA-256 of `identityJSON`, hexadecimal.
    package func configurationHash() -> String {
        SHA256Digest(of: identityJSON()).hex
    }

    /// Nested JSON of dotted paths.
    private static func json(_ values: [String: SpecValue]) -> String {
        let groups = Dictionary(grouping: values) { String($0.key.prefix { $0 != "." }) }
        let members = groups.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, members in
            if members.count == 1, let only = members.first, only.key == name {
                return "\(SpecValue.quoted(name)):\(only.value.json)"
            }
            let below = members.map { (String($0.key.dropFirst(name.count + 1)), $0.value) }
            return "\(SpecValue.quoted(name)):\(json(Dictionary(uniqueKeysWithValues: below)))"
        }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// The resolved configuration as a spec, for people: reads back as this configuration.
    package func yaml() -> String {
        var lines: [String] = []
        var open: [String] = []
        for key in SpecKey.all {
            guard let value = key.writtenValue(in: self) else { continue }
            // Steps say how long; epochs beside them would be a second, conflicting word.
            if key.path == "training.epochs", training.steps != nil { continue }
            let groups = key.path.split(separator: ".").dropLast().map(String.init)
            let common = zip(open, groups).prefix { $0 == $1 }.count
            for depth in common..<max(common, groups.count) {
                lines.append(String(repeating: "  ", count: depth) + groups[depth] + ":")
            }
            open = groups
            lines.append(String(repeating: "  ", count: groups.count) + "\(key.name): \(Self.yaml(value))")
        }
        lines.append("seeds: [\(seed)]")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func yaml(_ value: SpecValue) -> String {
        switch value {
        case .text(let text):
            let isPlain =
                text.first?.isLetter == true && !["true", "false", "null"].contains(text.lowercased())
                && text.unicodeScalars.allSatisfy {
                    $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-./".unicodeScalars.contains($0))
                }
            return isPlain ? text : SpecValue.quoted(text)
        case .list(let values): return "[" + values.map { yaml($0) }.joined(separator: ", ") + "]"
        default: return value.text
        }
    }
}
