import Declarations

extension SpecMatrix {
    /// Reads `{axis: variant, key.path: value}`; a list of values means any of them.
    ///
    /// - Returns: None where any of it could not be read.
    func readCondition(
        _ node: SpecNode, _ path: String, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> SpecCondition? {
        guard let entries = node.entries, !entries.isEmpty else {
            let found = node.entries == nil ? node.kindName : "an empty group"
            diagnostics.report(
                node.location, keyPath: path, "expected a condition, found \(found)",
                remedy: "for example {target: ema, objective.vicreg.weight: 0}")
            return nil
        }
        let statements = entries.map { readStatement($0, path, part, diagnostics) }
        let read = statements.compactMap { $0 }
        return read.count == statements.count ? SpecCondition(statements: read, location: node.location) : nil
    }

    private func readStatement(
        _ entry: SpecNode.Entry, _ path: String, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> SpecCondition.Statement? {
        if let axis = axes.firstIndex(where: { $0.name == entry.key }) {
            return readOptions(entry, of: axis, path, part, diagnostics).map { .axis(axis, options: $0) }
        }
        if let key = SpecKey.byPath[entry.key] {
            return Self.readValues(entry, of: key, part, diagnostics).map { .key(key, values: $0) }
        }
        // An axis that could not be read may be meant.
        if isComplete {
            reportMismatch(
                entry.location, "\(path).\(entry.key)", "neither an axis nor a key",
                nearest: nearestName(to: entry.key, among: axes.map(\.name)) ?? SpecKey.suggestion(for: entry.key),
                remedy: axes.isEmpty ? "the matrix has no axes" : "axes: \(listed(axes.map(\.name)))", in: part,
                diagnostics)
        }
        return nil
    }

    private func readOptions(
        _ entry: SpecNode.Entry, of axis: Int, _ path: String, _ part: SpecDocument.Part,
        _ diagnostics: SpecDiagnostics
    ) -> Set<Int>? {
        let axis = axes[axis]
        // A list that is itself an option means that one.
        if let option = axis.option(entry.value) { return [option] }
        var found: Set<Int> = []
        for node in entry.value.list ?? [entry.value] {
            guard let option = axis.option(node) else {
                let text = node.written ?? node.value?.text ?? node.kindName
                let names = axis.options.map(\.name)
                reportMismatch(
                    node.location, "\(path).\(entry.key)", "the axis '\(axis.name)' has no option '\(text)'",
                    nearest: nearestName(to: text, among: names), remedy: "it has: \(listed(names))", in: part,
                    diagnostics)
                return nil
            }
            found.insert(option)
        }
        return found
    }

    private static func readValues(
        _ entry: SpecNode.Entry, of key: SpecKey, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> [SpecValue]? {
        var nodes = [entry.value]
        if let list = entry.value.list {
            // For a key that is itself a list, a list is one value, unless there are lists in it.
            if case .list = key.type {
                if list.contains(where: { $0.list != nil }) { nodes = list }
            } else {
                nodes = list
            }
        }
        let values = nodes.compactMap { key.read($0, folder: part.folder, diagnostics) }
        return values.count == nodes.count ? values : nil
    }

    func findAxis(
        _ node: SpecNode, _ path: String, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> Int? {
        let text = node.written ?? node.kindName
        if let index = axes.firstIndex(where: { $0.name == text }) { return index }
        // An axis over a key may also be called by the key's path.
        if let index = axes.firstIndex(where: { $0.key?.path == text }) { return index }
        if isComplete {
            reportMismatch(
                node.location, path, "there is no axis '\(text)'",
                nearest: nearestName(to: text, among: axes.map(\.name)),
                remedy: axes.isEmpty ? "the matrix has no axes" : "axes: \(listed(axes.map(\.name)))", in: part,
                diagnostics)
        }
        return nil
    }

    /// Reports that a part does not fit the axes: where it is written, or, if it was inherited and the axes were not, where
    /// the axes are.
    func reportMismatch(
        _ place: SpecLocation, _ keyPath: String, _ message: String, nearest: String? = nil, remedy: String,
        in part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) {
        guard part.remoteness > axesRemoteness else {
            return diagnostics.report(place, keyPath: keyPath, message, nearest: nearest, remedy: remedy)
        }
        let name = keyPath.hasPrefix("matrix.") ? String(keyPath.dropFirst(7).prefix { $0 != "." }) : "baseline"
        diagnostics.report(
            axesLocation, keyPath: name == "baseline" ? name : "matrix.\(name)",
            "'\(name)' is inherited (\(place)) and does not fit these axes: \(message)",
            remedy: "write a '\(name)' here that does, or '\(name): null' for none; \(remedy)")
    }
}

extension SpecMatrix.Axis {
    /// The option that a node means: by its name, or, where the axis is over a key, by its value in any spelling.
    func option(_ node: SpecNode) -> Int? {
        if let written = node.written {
            if let index = options.firstIndex(where: { $0.name == written }) { return index }
            if let value = value(written), let index = options.firstIndex(where: { $0.value == value }) { return index }
        }
        guard let key else { return nil }
        // A value that the key does not take is reported where it is an option, and not again here.
        let value = (try? key.decode(node, folder: folder).get()) ?? node.value
        return options.firstIndex { $0.value != nil && $0.value == value }
    }

    /// What a text says of an axis over a key: "1e-3", "lr=0.001", and for lists "0.9,1.0" or "[0.9, 1.0]" too.
    func value(_ text: String) -> SpecValue? {
        guard let key else { return nil }
        let prefix = name + "="
        var text = text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]
        if case .list = key.type, text.contains(",") || text.hasPrefix("[") {
            if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
            let elements = text.split(separator: ",", omittingEmptySubsequences: false).map { element in
                SpecNode.scalar(String(element.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
            }
            let node = SpecNode(content: .list(elements), location: location)
            return try? key.decode(node, folder: folder).get()
        }
        return try? key.decode(SpecNode.scalar(String(text)), folder: folder).get()
    }
}
