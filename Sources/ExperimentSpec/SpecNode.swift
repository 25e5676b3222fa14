import Yams

/// A spec's text as a tree, every part with its place.
struct SpecNode: Sendable {
    indirect enum Content: Sendable {
        case scalar(SpecValue)
        case list([SpecNode])
        case map([Entry])
    }

    struct Entry: Sendable {
        let key: String
        let location: SpecLocation
        let value: SpecNode
    }

    let content: Content
    let location: SpecLocation

    var isNull: Bool {
        if case .scalar(.null) = content { return true }
        return false
    }

    var text: String? {
        if case .scalar(.text(let value)) = content { return value }
        return nil
    }

    var list: [SpecNode]? {
        if case .list(let nodes) = content { return nodes }
        return nil
    }

    var entries: [Entry]? {
        if case .map(let entries) = content { return entries }
        return nil
    }

    /// Scalars and lists of them; none where a map is inside.
    var value: SpecValue? {
        switch content {
        case .scalar(let value): return value
        case .list(let nodes):
            let values = nodes.compactMap(\.value)
            return values.count == nodes.count ? .list(values) : nil
        case .map: return nil
        }
    }

    var kindName: String {
        switch content {
        case .scalar(let value): value.kindName
        case .list: "a list"
        case .map: "a group of keys"
        }
    }
}

// MARK: - Reading YAML

extension SpecNode {
    /// The tree of one YAML document; none for an empty one.
    ///
    /// - Throws: `SpecErrors` with the place where YAML's grammar is broken, a key stands twice or a bound of `SpecBounds`
    ///   is passed.
    static func parse(_ text: String, file: String, hasLines: Bool = true) throws(SpecErrors) -> SpecNode? {
        let whole = SpecLocation(file: file, line: hasLines ? 1 : nil, column: hasLines ? 1 : nil)
        guard SpecBounds.writtenOut(text) <= Double(SpecBounds.characters) else {
            throw SpecErrors([
                SpecError(
                    whole,
                    "more than \(SpecBounds.characters) characters, if aliases (*name) were replaced by what they stand for",
                    remedy: "take aliases of aliases away")
            ])
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw SpecErrors([syntaxError(error, file: file, hasLines: hasLines)])
        } catch {
            throw SpecErrors([SpecError(SpecLocation(file: file), "cannot be read as YAML: \(error)")])
        }
        guard let root else { return nil }
        let diagnostics = SpecDiagnostics()
        let node = try SpecNode(
            root, within: whole, hasLines: hasLines, depth: 0, budget: SpecBudget(), diagnostics)
        try diagnostics.throwIfAny()
        return node
    }

    private init(
        _ node: Node, within parent: SpecLocation, hasLines: Bool, depth: Int, budget: SpecBudget,
        _ diagnostics: SpecDiagnostics
    ) throws(SpecErrors) {
        location = Self.location(of: node, within: parent, hasLines: hasLines)
        try budget.take(location, depth: depth)
        func child(_ node: Node, within place: SpecLocation) throws(SpecErrors) -> SpecNode {
            try SpecNode(node, within: place, hasLines: hasLines, depth: depth + 1, budget: budget, diagnostics)
        }
        switch node {
        case .scalar(let scalar):
            content = .scalar(Self.value(of: scalar))
        case .sequence(let sequence):
            var nodes: [SpecNode] = []
            for element in sequence { nodes.append(try child(element, within: location)) }
            content = .list(nodes)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                let place = Self.location(of: key, within: location, hasLines: hasLines)
                guard let name = key.scalar?.string else {
                    diagnostics.report(place, "a key must be a single word, not a list or a group")
                    continue
                }
                entries.append(Entry(key: name, location: place, value: try child(value, within: place)))
            }
            content = .map(entries)
        case .alias:
            // Yams replaces aliases by what they stand for while it composes.
            content = .scalar(.null)
            diagnostics.report(location, "an alias without an anchor")
        }
    }

    private static func location(of node: Node, within parent: SpecLocation, hasLines: Bool) -> SpecLocation {
        guard hasLines, let mark = node.mark else { return parent }
        return SpecLocation(file: parent.file, line: mark.line, column: mark.column)
    }

    /// YAML 1.2's core rules: quoted scalars are text; `yes`, `no`, `on`, `off` are text too.
    private static func value(of scalar: Node.Scalar) -> SpecValue {
        let text = scalar.string
        guard scalar.style == .plain || scalar.style == .any else { return .text(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .boolean(true)
        case "false", "False", "FALSE": return .boolean(false)
        default: break
        }
        if let integer = Int(text) { return .integer(integer) }
        let numeric = text.unicodeScalars.allSatisfy { "0123456789+-.eE".unicodeScalars.contains($0) }
        if numeric, let number = Double(text), number.isFinite { return .number(number) }
        return .text(text)
    }

    private static func syntaxError(_ error: YamlError, file: String, hasLines: Bool) -> SpecError {
        func place(_ mark: Mark?) -> SpecLocation {
            SpecLocation(file: file, line: hasLines ? mark?.line : nil, column: hasLines ? mark?.column : nil)
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let around = context.map { "\($0.text.trimmed) (line \($0.mark.line)): " } ?? ""
            return SpecError(
                place(mark), "not valid YAML: \(around)\(problem)",
                remedy: "check indentation, colons and brackets; indent with spaces, never with tabs")
        case .duplicatedKeysInMapping(let names, let context):
            return SpecError(
                place(context.mark), keyPath: names.first,
                "a key occurs twice in the same group: \(names.joined(separator: ", "))", remedy: "keep one of them")
        case .reader(let problem, let offset, _, _):
            let position = offset.map { " at character \($0)" } ?? ""
            return SpecError(
                SpecLocation(file: file), "not valid YAML: \(problem)\(position)", remedy: "save the file as UTF-8")
        default:
            return SpecError(SpecLocation(file: file), "not valid YAML: \(error)")
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
