import Declarations

/// A JSON Schema (draft 2020-12) of specs, for editors; made from the table of keys.
package enum ExperimentSchema {
    /// The schema, indented, with sorted keys.
    package static func json() -> String {
        root.rendered(indent: 0) + "\n"
    }

    private static var root: JSONText {
        var properties = groupProperties("")
        properties["name"] = described(["type": .text("string")], "Folder below results/; default: the file's name.")
        properties["question"] = described(["type": .text("string")], "The question that the experiment answers.")
        properties["expected"] = described(["type": .text("string")], "The expected result, written down in advance.")
        properties["expect"] = expect
        properties["inherit"] = described(
            ["type": .text("string")], "A spec to inherit from; its path is relative to this one.")
        properties["seeds"] = described(
            [
                "oneOf": .list([
                    .object(["type": .text("integer"), "minimum": .raw("1")]),
                    .object([
                        "type": .text("array"), "minItems": .raw("1"), "uniqueItems": .raw("true"),
                        "items": .object(["type": .text("integer"), "minimum": .raw("0")]),
                    ]),
                ])
            ], "A list of seeds, or their count.")
        properties["baseline"] = described(
            ["type": .list([.text("string"), .text("object")])], "The arm that others are compared with.")
        properties["matrix"] = matrix
        return .object([
            "$schema": .text("https://json-schema.org/draft/2020-12/schema"),
            "title": .text("cjepa-exp experiment spec"),
            "type": .text("object"),
            "additionalProperties": .raw("false"),
            "properties": .object(properties),
            "$defs": .object(["settings": settings, "condition": .object(["type": .text("object")])]),
        ])
    }

    /// Keys as an arm may set them: nested, or with dotted paths.
    private static var settings: JSONText {
        object(groupProperties(""))
    }

    /// Properties of a group: its keys and groups; at the top also every dotted path.
    private static func groupProperties(_ group: String) -> [String: JSONText] {
        var properties: [String: JSONText] = [:]
        for name in SpecKey.children(of: group) {
            let path = group.isEmpty ? name : "\(group).\(name)"
            properties[name] = SpecKey.byPath[path].map { schema(of: $0) } ?? object(groupProperties(path))
        }
        if group.isEmpty {
            for key in SpecKey.all { properties[key.path] = schema(of: key) }
        }
        return properties
    }

    private static var matrix: JSONText {
        let settings = JSONText.object(["$ref": .text("#/$defs/settings")])
        let condition = JSONText.object(["$ref": .text("#/$defs/condition")])
        let text = JSONText.object(["type": .text("string")])
        let keyNames = JSONText.object(["enum": .list(SpecKey.all.map { .text($0.path) })])
        return object([
            "axes": array(
                object([
                    "name": text, "key": keyNames, "values": .object(["type": .text("array")]),
                    "variants": .object(["type": .text("object"), "additionalProperties": settings]),
                ])),
            "zip": array(array(text)),
            "include": array(object(["arm": text, "set": settings], required: ["arm"])),
            "exclude": array(condition),
            "when": array(object(["if": condition, "axis": text, "set": settings], required: ["if"])),
        ])
    }

    private static var expect: JSONText {
        let text = JSONText.object(["type": .text("string")])
        let number = JSONText.object(["type": .text("number")])
        func choice(_ names: [String]) -> JSONText { .object(["enum": .list(names.map { .text($0) })]) }
        let element = object(
            [
                "arm": .object(["oneOf": .list([text, array(text)])]), "minus": text, "metric": text,
                "encoder": choice(EvaluationConfiguration.Encoder.allCases.map(\.rawValue)),
                "at_least": number, "at_most": number,
                "unit": choice(Claim.Unit.allCases.map(\.rawValue)),
                "collapses": .object(["type": .text("boolean")]), "source": text, "sd": number,
            ], required: ["arm"])
        return described(
            ["type": .text("array"), "items": element], "Claims about arms, judged by the results.")
    }

    private static func schema(of key: SpecKey) -> JSONText {
        var members: [String: JSONText]
        if key.isPair, case .list(let element) = key.type {
            let number = typed(element, key.limits)
            members = [
                "oneOf": .list([
                    .object(number),
                    .object([
                        "type": .text("array"), "items": .object(number), "minItems": .raw("2"), "maxItems": .raw("2"),
                    ]),
                ])
            ]
        } else if case .list(let element) = key.type {
            members = ["type": .text("array"), "items": .object(typed(element, key.limits))]
            if let count = key.count { members["minItems"] = .raw("\(count.lowerBound)") }
        } else {
            members = typed(key.type, key.limits)
        }
        if key.isOptional, case .text(let type)? = members["type"] {
            members["type"] = .list([.text(type), .text("null")])
        }
        members["default"] = .raw(key.defaultValue.json)
        return described(members, key.documentation)
    }

    private static func typed(_ type: SpecType, _ limits: SpecLimits) -> [String: JSONText] {
        switch type {
        case .text: return ["type": .text("string")]
        case .boolean: return ["type": .text("boolean")]
        case .choice(let names): return ["enum": .list(names.map { .text($0) })]
        case .list(let element): return ["type": .text("array"), "items": .object(typed(element, limits))]
        case .integer, .number:
            var members: [String: JSONText] = ["type": .text(type == .integer ? "integer" : "number")]
            let bounds = [
                ("minimum", limits.minimum), ("exclusiveMinimum", limits.exclusiveMinimum),
                ("maximum", limits.maximum), ("exclusiveMaximum", limits.exclusiveMaximum),
            ]
            for (name, bound) in bounds { members[name] = bound.map { .raw(SpecValue.shortest($0)) } }
            return members
        }
    }

    private static func described(_ members: [String: JSONText], _ text: String) -> JSONText {
        .object(members.merging(["description": .text(text)]) { $1 })
    }

    private static func object(_ properties: [String: JSONText], required: [String] = []) -> JSONText {
        var members: [String: JSONText] = [
            "type": .text("object"), "additionalProperties": .raw("false"), "properties": .object(properties),
        ]
        if !required.isEmpty { members["required"] = .list(required.map { .text($0) }) }
        return .object(members)
    }

    private static func array(_ items: JSONText) -> JSONText {
        .object(["type": .text("array"), "items": items])
    }
}

/// JSON in the making.
private indirect enum JSONText {
    case text(String)
    /// A number, true, false, null, or finished JSON.
    case raw(String)
    case list([JSONText])
    case object([String: JSONText])

    func rendered(indent: Int) -> String {
        let inner = String(repeating: "  ", count: indent + 1)
        let outer = String(repeating: "  ", count: indent)
        switch self {
        case .text(let text): return SpecValue.quoted(text)
        case .raw(let text): return text
        case .list(let elements):
            let rendered = elements.map { $0.rendered(indent: indent + 1) }
            return "[\n\(inner)" + rendered.joined(separator: ",\n\(inner)") + "\n\(outer)]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let rendered = members.sorted { $0.key < $1.key }
                .map { "\(SpecValue.quoted($0.key)): \($0.value.rendered(indent: indent + 1))" }
            return "{\n\(inner)" + rendered.joined(separator: ",\n\(inner)") + "\n\(outer)}"
        }
    }
}
