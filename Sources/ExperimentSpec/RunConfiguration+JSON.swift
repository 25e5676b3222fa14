import Declarations

/// Stored JSON has the keys of the spec, nested, and `seed`; keys whose value is none are left out.
extension RunConfiguration {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }

        /// Without underscores and case, so that a decoder that turns snake_case into camelCase finds it too.
        var plain: String { stringValue.filter { $0 != "_" }.lowercased() }
    }

    /// - Throws: `EncodingError` as the encoder says.
    package func encode(to encoder: any Encoder) throws {
        let top = encoder.container(keyedBy: Name.self)
        var containers = ["": top]
        for key in SpecKey.all {
            guard let value = key.writtenValue(in: self) else { continue }
            let parts = key.path.split(separator: ".").map(String.init)
            var group = ""
            for part in parts.dropLast() {
                let path = group.isEmpty ? part : "\(group).\(part)"
                if containers[path] == nil {
                    containers[path] = containers[group]!.nestedContainer(
                        keyedBy: Name.self, forKey: Name(stringValue: part))
                }
                group = path
            }
            try containers[group]!.encode(value, forKey: Name(stringValue: parts[parts.count - 1]))
        }
        try containers[""]!.encode(seed, forKey: Name(stringValue: "seed"))
    }

    /// Missing keys mean what they meant before there was a choice, else they have their defaults.
    ///
    /// - Throws: `DecodingError` for an unknown key or a value that the key does not accept, naming its path.
    package init(from decoder: any Decoder) throws {
        self = .ofEarlierVersions
        try read(try decoder.container(keyedBy: Name.self), below: "")
    }

    /// The defaults, but for keys that changed what a version without them did: those have its behaviour.
    package static var ofEarlierVersions: RunConfiguration {
        var configuration = RunConfiguration()
        for key in SpecKey.all {
            if let value = key.earlierValue { key.set(value, in: &configuration) }
        }
        return configuration
    }

    private mutating func read(_ container: KeyedDecodingContainer<Name>, below group: String) throws {
        let known = Dictionary(
            uniqueKeysWithValues: SpecKey.children(of: group).map { (Name(stringValue: $0).plain, $0) })
        for name in container.allKeys {
            if group.isEmpty, name.stringValue == "seed" {
                seed = try container.decode(Int.self, forKey: name)
                continue
            }
            let path = known[name.plain].map { group.isEmpty ? $0 : "\(group).\($0)" }
            if let path, SpecKey.groups.contains(path) {
                try read(try container.nestedContainer(keyedBy: Name.self, forKey: name), below: path)
            } else if let path, let key = SpecKey.byPath[path] {
                let value = try container.decode(SpecValue.self, forKey: name)
                let node = SpecNode(content: .init(value), location: SpecLocation(file: "stored configuration"))
                switch key.decode(node) {
                case .success(let decoded): key.set(decoded, in: &self)
                case .failure(let rejection):
                    throw DecodingError.dataCorruptedError(
                        forKey: name, in: container, debugDescription: "\(path): \(rejection.message)")
                }
            } else {
                throw DecodingError.dataCorruptedError(
                    forKey: name, in: container,
                    debugDescription: "unknown key \(name.stringValue) in a stored configuration")
            }
        }
    }
}

extension SpecNode.Content {
    /// A value without a place of its own.
    fileprivate init(_ value: SpecValue) {
        self = .scalar(value)
        guard case .list(let elements) = value else { return }
        let place = SpecLocation(file: "stored configuration")
        self = .list(elements.map { SpecNode(content: .scalar($0), location: place) })
    }
}

extension SpecValue: Codable {
    package func encode(to encoder: any Encoder) throws {
        if case .list(let values) = self {
            var container = encoder.unkeyedContainer()
            for value in values { try container.encode(value) }
            return
        }
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list: break
        }
    }

    package init(from decoder: any Decoder) throws {
        if var list = try? decoder.unkeyedContainer() {
            var values: [SpecValue] = []
            while !list.isAtEnd { values.append(try list.decode(SpecValue.self)) }
            self = .list(values)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else {
            self = .text(try container.decode(String.self))
        }
    }
}
