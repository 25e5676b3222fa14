import Declarations
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
        /// From a merge key (`<<`): keys beside it win.
        var isMerged = false
    }

    let content: Content
    let location: SpecLocation
    /// A scalar as it is written, without quotes: "1.0", "null", "~". None for lists and groups.
    var written: String?

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

    /// A scalar as YAML reads it where it stands alone and unquoted.
    static func scalar(_ text: String) -> SpecNode {
        SpecNode(content: .scalar(SpecValue(plain: text)), location: SpecLocation(file: ""), written: text)
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
    /// The tree of one YAML document; none for an empty one. Keys that stand twice are reported, and the last is taken.
    ///
    /// - Throws: `SpecErrors` with the place where YAML's grammar is broken or a bound of `SpecBounds` is passed.
    static func parse(
        _ text: String, file: String, hasLines: Bool = true, _ diagnostics: SpecDiagnostics
    ) throws(SpecErrors) -> SpecNode? {
        let whole = SpecLocation(file: file, line: hasLines ? 1 : nil, column: hasLines ? 1 : nil)
        guard SpecBounds.writtenOut(text) <= Double(SpecBounds.characters) else {
            throw SpecErrors([
                SpecError(
                    whole,
                    "more than \(SpecBounds.characters) characters, if aliases (*name) were replaced by what they stand for",
                    remedy: "remove aliases of aliases")
            ])
        }
        var composer = SpecComposer(text)
        let root: Node?
        do {
            root = try composer.compose()
        } catch let error as YamlError {
            throw SpecErrors([SpecSyntaxError(error, in: text, file: file, hasLines: hasLines).specError])
        } catch {
            throw SpecErrors([SpecError(SpecLocation(file: file), "cannot be read as YAML: \(error)")])
        }
        guard let root else { return nil }
        let reader = SpecNodeReader(
            file: file, hasLines: hasLines, repeated: composer.repeated, diagnostics: diagnostics)
        return try reader.read(root, within: whole, path: "", depth: 0)
    }
}

/// Makes a tree with places of what Yams composed.
private struct SpecNodeReader {
    let file: String
    let hasLines: Bool
    /// Places of keys that stand again further down in their group.
    let repeated: Set<SpecComposer.Place>
    let budget = SpecBudget()
    let diagnostics: SpecDiagnostics

    /// - Parameter path: Of the keys that the node lies below.
    func read(_ node: Node, within parent: SpecLocation, path: String, depth: Int) throws(SpecErrors) -> SpecNode {
        let location = self.location(of: node, within: parent)
        try budget.take(location, depth: depth)
        switch node {
        case .scalar(let scalar):
            return SpecNode(
                content: .scalar(Self.value(of: scalar)), location: location, written: scalar.string)
        case .sequence(let sequence):
            var nodes: [SpecNode] = []
            for element in sequence {
                nodes.append(try read(element, within: location, path: path, depth: depth + 1))
            }
            return SpecNode(content: .list(nodes), location: location)
        case .mapping(let mapping):
            let entries = try self.entries(of: mapping, at: location, path: path, depth: depth)
            return SpecNode(content: .map(entries), location: location)
        case .alias:
            // Yams replaces aliases by what they stand for while it composes.
            diagnostics.report(location, "an alias without an anchor")
            return SpecNode(content: .scalar(.null), location: location)
        }
    }

    /// The entries of a group: those of its merge keys that are not given beside them, then its own.
    private func entries(
        of mapping: Node.Mapping, at location: SpecLocation, path: String, depth: Int
    ) throws(SpecErrors) -> [SpecNode.Entry] {
        var own: [SpecNode.Entry] = []
        var merged: [SpecNode.Entry] = []
        var kept: [(key: String, place: SpecLocation)] = []
        var earlier: [(name: String, place: SpecLocation)] = []
        for (key, value) in mapping {
            let place = self.location(of: key, within: location)
            guard let scalar = key.scalar else {
                diagnostics.report(place, "a key must be a single word, not a list or a group")
                continue
            }
            if let mark = key.mark, repeated.contains(SpecComposer.Place(mark)) {
                earlier.append((SpecComposer.unmasked(scalar.string), place))
                continue
            }
            kept.append((scalar.string, place))
            let isMerge = scalar.string == "<<" && scalar.style == .plain
            let below = path.isEmpty ? scalar.string : "\(path).\(scalar.string)"
            let node = try read(value, within: place, path: isMerge ? path : below, depth: depth + 1)
            if isMerge {
                merged += entries(ofMerge: node, path: path)
            } else {
                own.append(SpecNode.Entry(key: scalar.string, location: place, value: node))
            }
        }
        report(earlier, among: kept, path: path)
        var seen = Set(own.map(\.key))
        return merged.filter { seen.insert($0.key).inserted } + own
    }

    /// Reports keys that stand again further down.
    private func report(
        _ earlier: [(name: String, place: SpecLocation)], among kept: [(key: String, place: SpecLocation)], path: String
    ) {
        for (name, place) in earlier {
            guard let last = kept.last(where: { SpecComposer.unmasked($0.key) == name }) else { continue }
            let keyPath = path.isEmpty ? last.key : "\(path).\(last.key)"
            diagnostics.markUnread(keyPath)
            diagnostics.report(
                last.place, keyPath: keyPath,
                "the key occurs twice in this group" + (place.line.map { ", first on line \($0)" } ?? ""),
                remedy: last.key == "<<" ? "write one, with a list: <<: [*first, *second]" : "keep one of the two")
        }
    }

    /// What `<<: *name` or `<<: [*first, *second]` adds; the first of several wins.
    private func entries(ofMerge node: SpecNode, path: String) -> [SpecNode.Entry] {
        (node.list ?? [node]).flatMap { group -> [SpecNode.Entry] in
            guard let entries = group.entries else {
                diagnostics.markUnread(path)
                diagnostics.report(
                    group.location, keyPath: "<<", "a merge key takes a group of keys, not \(group.kindName)",
                    remedy: "write '<<: *name', or '<<: [*first, *second]', with '&name' in front of the group")
                return []
            }
            return entries.map { entry in
                var entry = entry
                entry.isMerged = true
                return entry
            }
        }
    }

    private func location(of node: Node, within parent: SpecLocation) -> SpecLocation {
        guard hasLines, let mark = node.mark else { return parent }
        return SpecLocation(file: parent.file, line: mark.line, column: mark.column)
    }

    private static func value(of scalar: Node.Scalar) -> SpecValue {
        scalar.style == .plain || scalar.style == .any ? SpecValue(plain: scalar.string) : .text(scalar.string)
    }
}

extension SpecValue {
    /// YAML 1.2's core rules for what is not in quotes; `yes`, `no`, `on`, `off` are text.
    init(plain text: String) {
        let numeric = text.unicodeScalars.allSatisfy { "0123456789+-.eE".unicodeScalars.contains($0) }
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .boolean(true)
        case "false", "False", "FALSE": self = .boolean(false)
        default:
            if let integer = Int(text) {
                self = .integer(integer)
            } else if numeric, let number = Double(text), number.isFinite {
                self = .number(number)
            } else {
                self = .text(text)
            }
        }
    }
}
