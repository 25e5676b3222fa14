extension SpecMatrix {
    /// Reads the parts of `matrix:`.
    init(_ parts: [String: SpecDocument.Part], _ diagnostics: SpecDiagnostics) {
        if let part = parts["axes"] { readAxes(part, diagnostics) }
        groups = axes.indices.map { [$0] }
        if let part = parts["zip"] { readZip(part, diagnostics) }
        if let part = parts["exclude"] {
            for node in Self.elements(of: part, "matrix.exclude", diagnostics) {
                if let condition = readCondition(node, "matrix.exclude", part, diagnostics) {
                    exclusions.append(condition)
                }
            }
        }
        if let part = parts["when"] { readWhen(part, diagnostics) }
        if let part = parts["include"] { readInclude(part, diagnostics) }
    }

    private static func elements(
        of part: SpecDocument.Part, _ path: String, _ diagnostics: SpecDiagnostics
    ) -> [SpecNode] {
        if let list = part.node.list { return list }
        diagnostics.report(
            part.node.location, keyPath: path, "expected a list, found \(part.node.kindName)",
            remedy: "begin every element with '- '")
        return []
    }

    /// The entries of a group by name, once each of them is known and the required ones are there.
    private static func fields(
        of node: SpecNode, _ path: String, known: [String], required: [String], _ diagnostics: SpecDiagnostics
    ) -> [String: SpecNode.Entry]? {
        guard let entries = node.entries else {
            diagnostics.report(
                node.location, keyPath: path, "expected a group of keys, found \(node.kindName)",
                remedy: "known keys: \(known.joined(separator: ", "))")
            return nil
        }
        for entry in entries where !known.contains(entry.key) {
            diagnostics.report(
                entry.location, keyPath: "\(path).\(entry.key)", "unknown key",
                nearest: nearestName(to: entry.key, among: known),
                remedy: "known keys: \(known.joined(separator: ", "))")
            return nil
        }
        let fields = Dictionary(entries.map { ($0.key, $0) }) { first, _ in first }
        for name in required where fields[name] == nil {
            diagnostics.report(node.location, keyPath: path, "'\(name)' is missing")
            return nil
        }
        return fields
    }

    // MARK: Axes

    private mutating func readAxes(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.axes"
        // Two axes over keys of the same last name are called by their whole paths.
        var shortNames: [String: Int] = [:]
        let nodes = Self.elements(of: part, path, diagnostics)
        for node in nodes {
            let key = node.entries?.first { $0.key == "key" }?.value.text
            if let key { shortNames[String(key.split(separator: ".").last ?? ""), default: 0] += 1 }
        }
        for node in nodes {
            guard
                let fields = Self.fields(
                    of: node, path, known: ["name", "key", "values", "variants"], required: [], diagnostics)
            else { continue }
            let axis: Axis?
            if fields["variants"] != nil, fields["key"] == nil, fields["values"] == nil {
                axis = Self.variantAxis(node, fields, part, diagnostics)
            } else if fields["key"] != nil, fields["values"] != nil, fields["variants"] == nil {
                axis = Self.valueAxis(node, fields, part, shortNames, diagnostics)
            } else {
                diagnostics.report(
                    node.location, keyPath: path, "an axis has either 'name' and 'variants', or 'key' and 'values'")
                axis = nil
            }
            guard let axis else { continue }
            if axes.contains(where: { $0.name == axis.name }) {
                diagnostics.report(
                    axis.location, keyPath: path, "two axes are called '\(axis.name)'",
                    remedy: "give one of them another 'name'")
                continue
            }
            axes.append(axis)
        }
    }

    private static func variantAxis(
        _ node: SpecNode, _ fields: [String: SpecNode.Entry], _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> Axis? {
        let path = "matrix.axes"
        guard let name = fields["name"]?.value.text else {
            diagnostics.report(node.location, keyPath: path, "an axis of variants needs a 'name'")
            return nil
        }
        guard let variants = fields["variants"]?.value.entries, !variants.isEmpty else {
            diagnostics.report(
                node.location, keyPath: "\(path).variants", "expected named variants",
                remedy: "for example {ema: {target_encoder.kind: ema}, frozen: {target_encoder.kind: frozen}}")
            return nil
        }
        let options = variants.compactMap { variant -> Option? in
            guard isArmName(variant, "\(path).variants", diagnostics) else { return nil }
            guard let settings = settings(variant.value, part, "\(path).variants.\(variant.key)", diagnostics)
            else { return nil }
            return Option(name: variant.key, settings: settings, value: nil)
        }
        return Axis(name: name, options: options, location: node.location)
    }

    private static func valueAxis(
        _ node: SpecNode, _ fields: [String: SpecNode.Entry], _ part: SpecDocument.Part,
        _ shortNames: [String: Int], _ diagnostics: SpecDiagnostics
    ) -> Axis? {
        let path = "matrix.axes"
        guard let keyEntry = fields["key"], let keyPath = keyEntry.value.text else {
            diagnostics.report(node.location, keyPath: "\(path).key", "expected the path of a key")
            return nil
        }
        guard let key = SpecKey.byPath[keyPath] else {
            var error = SpecKey.unknown(keyPath, at: keyEntry.value.location)
            if SpecKey.groups.contains(keyPath) {
                error = SpecError(
                    keyEntry.value.location, keyPath: keyPath, "is a group of keys, not a key",
                    remedy: "known keys: \(SpecKey.children(of: keyPath).joined(separator: ", "))")
            }
            diagnostics.report(error)
            return nil
        }
        guard let values = fields["values"]?.value.list, !values.isEmpty else {
            diagnostics.report(node.location, keyPath: "\(path).values", "expected a list of values")
            return nil
        }
        let short = (shortNames[key.name] ?? 0) > 1 ? key.path : key.name
        let name = fields["name"]?.value.text ?? short
        var options: [Option] = []
        for value in values {
            guard let decoded = key.read(value, folder: part.folder, diagnostics) else { continue }
            let optionName = "\(name)=\(nameText(key.path == "data.folder" ? value.value ?? decoded : decoded))"
            if options.contains(where: { $0.name == optionName }) {
                diagnostics.report(value.location, keyPath: key.path, "the value \(decoded.text) is listed twice")
                continue
            }
            var settings = SpecSettings()
            settings.set(key.path, decoded, at: value.location)
            options.append(Option(name: optionName, settings: settings, value: decoded))
        }
        return Axis(name: name, options: options, location: node.location)
    }

    /// A value as part of a folder's name: "0.04,0.4" for a list.
    private static func nameText(_ value: SpecValue) -> String {
        if case .list(let values) = value { return values.map { nameText($0) }.joined(separator: ",") }
        return String(value.text.map { SpecDocument.isFileName("x\($0)") ? $0 : "_" })
    }

    private static func isArmName(_ entry: SpecNode.Entry, _ path: String, _ diagnostics: SpecDiagnostics) -> Bool {
        if SpecDocument.isFileName(entry.key) { return true }
        diagnostics.report(
            entry.location, keyPath: path, "'\(entry.key)' cannot be part of a folder's name",
            remedy: "use letters, digits and _ - + = . only, not beginning with a dot")
        return false
    }

    private static func settings(
        _ node: SpecNode, _ part: SpecDocument.Part, _ path: String, _ diagnostics: SpecDiagnostics
    ) -> SpecSettings? {
        if let entries = node.entries {
            for entry in entries where SpecDocument.ownKeys.contains(entry.key) {
                diagnostics.report(entry.location, keyPath: entry.key, "cannot differ between arms")
                return nil
            }
            return SpecSettings(entries, folder: part.folder, diagnostics)
        }
        if node.isNull { return SpecSettings() }
        diagnostics.report(
            node.location, keyPath: path, "expected keys with values, found \(node.kindName)",
            remedy: "for example {objective.vicreg.weight: 0.001}")
        return nil
    }

    // MARK: Zip

    private mutating func readZip(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.zip"
        for node in Self.elements(of: part, path, diagnostics) {
            guard let names = node.list, names.count >= 2 else {
                diagnostics.report(
                    node.location, keyPath: path, "expected a list of axes, found \(node.kindName)",
                    remedy: "for example zip: [[width, heads]]")
                continue
            }
            let members = names.compactMap { findAxis($0, path, diagnostics) }
            guard members.count == names.count else { continue }
            if Set(members).count != members.count || members.contains(where: { !groups.contains([$0]) }) {
                diagnostics.report(node.location, keyPath: path, "an axis is zipped twice")
                continue
            }
            let counts = members.map { axes[$0].options.count }
            guard Set(counts).count == 1 else {
                let sizes = members.map { "\(axes[$0].name) has \(axes[$0].options.count)" }.joined(separator: ", ")
                diagnostics.report(
                    node.location, keyPath: path, "zipped axes need the same number of options: \(sizes)")
                continue
            }
            let sorted = members.sorted()
            groups.removeAll { $0.count == 1 && sorted.contains($0[0]) }
            groups.append(sorted)
            groups.sort { $0[0] < $1[0] }
        }
    }

    private func findAxis(_ node: SpecNode, _ path: String, _ diagnostics: SpecDiagnostics) -> Int? {
        let text = node.value?.text ?? ""
        if let index = axes.firstIndex(where: { $0.name == text }) { return index }
        // An axis over a key may also be called by the key's path.
        if let index = axes.firstIndex(where: { $0.options.first?.value != nil && $0.options[0].settings.isOnly(text) })
        {
            return index
        }
        diagnostics.report(
            node.location, keyPath: path, "there is no axis '\(text)'",
            nearest: nearestName(to: text, among: axes.map(\.name)),
            remedy: "axes: \(axes.map(\.name).joined(separator: ", "))")
        return nil
    }

    // MARK: Conditions

    /// Reads `{axis: variant, key.path: value}`; a list of values means any of them.
    func readCondition(
        _ node: SpecNode, _ path: String, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> SpecCondition? {
        guard let entries = node.entries, !entries.isEmpty else {
            diagnostics.report(
                node.location, keyPath: path, "expected a condition, found \(node.kindName)",
                remedy: "for example {target: ema, objective.vicreg.weight: 0}")
            return nil
        }
        var condition = SpecCondition(location: node.location)
        for entry in entries {
            if let axis = axes.firstIndex(where: { $0.name == entry.key }) {
                guard let options = readOptions(entry, of: axis, path, diagnostics) else { return nil }
                condition.statements.append(.axis(axis, options: options))
            } else if let key = SpecKey.byPath[entry.key] {
                guard let values = Self.readValues(entry, of: key, part, diagnostics) else { return nil }
                condition.statements.append(.key(key, values: values))
            } else {
                diagnostics.report(
                    entry.location, keyPath: "\(path).\(entry.key)", "neither an axis nor a key",
                    nearest: nearestName(to: entry.key, among: axes.map(\.name))
                        ?? SpecKey.suggestion(for: entry.key),
                    remedy: "axes: \(axes.map(\.name).joined(separator: ", "))")
                return nil
            }
        }
        return condition
    }

    private func readOptions(
        _ entry: SpecNode.Entry, of axis: Int, _ path: String, _ diagnostics: SpecDiagnostics
    ) -> Set<Int>? {
        var found: Set<Int> = []
        for node in entry.value.list ?? [entry.value] {
            let text = node.value?.text ?? ""
            guard let option = axes[axis].options.firstIndex(where: { $0.isNamed(text) }) else {
                let names = axes[axis].options.map(\.name)
                diagnostics.report(
                    node.location, keyPath: "\(path).\(entry.key)", "the axis has no '\(text)'",
                    nearest: nearestName(to: text, among: names), remedy: "it has: \(listed(names))")
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
        // For a key that is itself a list, a list is one value.
        if case .list = key.type {} else if let list = entry.value.list { nodes = list }
        let values = nodes.compactMap { key.read($0, folder: part.folder, diagnostics) }
        return values.count == nodes.count ? values : nil
    }

    // MARK: When and include

    private mutating func readWhen(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.when"
        for node in Self.elements(of: part, path, diagnostics) {
            guard
                let fields = Self.fields(
                    of: node, path, known: ["if", "axis", "set"], required: ["if"], diagnostics),
                let condition = readCondition(fields["if"]!.value, "\(path).if", part, diagnostics)
            else { continue }
            if let set = fields["set"], fields["axis"] == nil {
                if let settings = Self.settings(set.value, part, "\(path).set", diagnostics) {
                    rules.append(.set(settings, when: condition))
                }
            } else if let entry = fields["axis"], fields["set"] == nil {
                guard let axis = findAxis(entry.value, "\(path).axis", diagnostics) else { continue }
                if let later = condition.axes.first(where: { $0 >= axis }) {
                    diagnostics.report(
                        fields["if"]!.location, keyPath: "\(path).if",
                        "the axis '\(axes[axis].name)' can depend only on axes above it, not on '\(axes[later].name)'",
                        remedy: "change the order of the axes")
                    continue
                }
                rules.append(.axis(axis, when: condition))
            } else {
                diagnostics.report(
                    node.location, keyPath: path, "expected 'if' with either 'axis' or 'set'",
                    remedy: "{axis: A, if: …}: the axis applies only there; {if: …, set: …}: set keys there")
            }
        }
    }

    private mutating func readInclude(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.include"
        for node in Self.elements(of: part, path, diagnostics) {
            guard
                let fields = Self.fields(
                    of: node, path, known: ["arm", "set"], required: ["arm"], diagnostics)
            else { continue }
            guard let name = fields["arm"]!.value.value?.text, SpecDocument.isFileName(name) else {
                diagnostics.report(
                    fields["arm"]!.value.location, keyPath: "\(path).arm",
                    "expected a name that can be a folder's name",
                    remedy: "use letters, digits and _ - + = . only, not beginning with a dot")
                continue
            }
            let set = fields["set"]?.value ?? SpecNode(content: .scalar(.null), location: node.location)
            if let settings = Self.settings(set, part, "\(path).set", diagnostics) {
                extras.append(Extra(name: name, settings: settings, location: node.location))
            }
        }
    }
}

extension SpecSettings {
    /// Whether this sets one key only, this one.
    fileprivate func isOnly(_ path: String) -> Bool { byPath.count == 1 && byPath[path] != nil }
}
