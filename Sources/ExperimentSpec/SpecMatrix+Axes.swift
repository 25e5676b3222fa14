import Declarations

extension SpecMatrix {
    private static let path = "matrix.axes"

    /// Reads `axes:`. An option of which something could not be read stays, so that conditions can name it.
    mutating func readAxes(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        guard let nodes = Self.elements(of: part, Self.path, diagnostics) else {
            isComplete = false
            return
        }
        // Two axes over keys of the same last name are called by their whole paths.
        var shortNames: [String: Int] = [:]
        for node in nodes {
            let key = node.entries?.first { $0.key == "key" }?.value.text
            if let key { shortNames[String(key.split(separator: ".").last ?? ""), default: 0] += 1 }
        }
        for node in nodes {
            guard let axis = Self.axis(node, part, shortNames, diagnostics) else {
                isComplete = false
                diagnostics.markUnread(SpecKey.named(in: node))
                continue
            }
            if axes.contains(where: { $0.name == axis.name }) {
                diagnostics.report(
                    axis.location, keyPath: Self.path, "two axes are called '\(axis.name)'",
                    remedy: "give one of them another 'name'")
                isComplete = false
                continue
            }
            axes.append(axis)
        }
    }

    private static func axis(
        _ node: SpecNode, _ part: SpecDocument.Part, _ shortNames: [String: Int], _ diagnostics: SpecDiagnostics
    ) -> Axis? {
        guard
            let fields = Self.fields(
                of: node, path, known: ["name", "key", "values", "variants"], required: [], diagnostics)
        else { return nil }
        if fields["variants"] != nil, fields["key"] == nil, fields["values"] == nil {
            return variantAxis(node, fields, part, diagnostics)
        }
        if fields["key"] != nil, fields["values"] != nil, fields["variants"] == nil {
            return valueAxis(node, fields, part, shortNames, diagnostics)
        }
        diagnostics.report(
            node.location, keyPath: path, "an axis has either 'name' and 'variants', or 'key' and 'values'",
            remedy: "for example {key: schedule.lr, values: [1e-3, 3e-3]}")
        return nil
    }

    private static func variantAxis(
        _ node: SpecNode, _ fields: [String: SpecNode.Entry], _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> Axis? {
        guard let name = fields["name"]?.value.written, !name.isEmpty else {
            diagnostics.report(
                node.location, keyPath: path, "an axis of variants needs a 'name'",
                remedy: "for example name: objective")
            return nil
        }
        guard let variants = fields["variants"]?.value.entries, !variants.isEmpty else {
            diagnostics.report(
                node.location, keyPath: "\(path).variants", "expected named variants",
                remedy: "for example {ema: {target_encoder.kind: ema}, frozen: {target_encoder.kind: frozen}}")
            return nil
        }
        let options = variants.map { variant in
            checkName(variant.key, at: variant.location, "\(path).variants", diagnostics)
            let settings = Self.settings(variant.value, part, "\(path).variants.\(variant.key)", diagnostics)
            return Option(name: variant.key, settings: settings, value: nil)
        }
        return Axis(name: name, options: options, location: node.location)
    }

    private static func valueAxis(
        _ node: SpecNode, _ fields: [String: SpecNode.Entry], _ part: SpecDocument.Part,
        _ shortNames: [String: Int], _ diagnostics: SpecDiagnostics
    ) -> Axis? {
        guard let keyEntry = fields["key"], let keyPath = keyEntry.value.text else {
            diagnostics.report(
                node.location, keyPath: "\(path).key", "expected the path of a key",
                remedy: "for example key: schedule.lr")
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
            diagnostics.report(
                node.location, keyPath: "\(path).values", "expected a list of values",
                remedy: "for example values: [\(key.defaultValue.text)]")
            return nil
        }
        let short = (shortNames[key.name] ?? 0) > 1 ? key.path : key.name
        let name = fields["name"]?.value.written ?? short
        let namePlace = fields["name"]?.value.location ?? node.location
        checkName(name, at: namePlace, "\(path).name", diagnostics)
        var options: [Option] = []
        for value in values {
            guard let option = Self.option(value, of: key, named: name, part, diagnostics) else { continue }
            guard let same = options.first(where: { $0.name == option.name }) else {
                options.append(option)
                continue
            }
            let text = option.value?.text ?? ""
            diagnostics.report(
                value.location, keyPath: key.path,
                same.value == option.value
                    ? "the value \(text) is listed twice"
                    : "the values \(same.value?.text ?? "") and \(text) would have the same name, \(option.name)",
                remedy: same.value == option.value ? "keep one of the two" : "write an axis of named 'variants'")
        }
        return Axis(name: name, options: options, location: node.location, key: key, folder: part.folder)
    }

    private static func option(
        _ node: SpecNode, of key: SpecKey, named name: String, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> Option? {
        guard let value = key.read(node, folder: part.folder, diagnostics) else {
            diagnostics.markUnread(key.path)
            return node.value.map {
                Option(name: "\(name)=\(nameText($0, of: key))", settings: SpecSettings(), value: $0)
            }
        }
        var settings = SpecSettings()
        settings.set(key.path, value, at: node.location)
        let shown = key.isPath ? node.value ?? value : value
        return Option(name: "\(name)=\(nameText(shown, of: key))", settings: settings, value: value)
    }

    /// A value as part of a folder's name: "0.04,0.4" for a pair, "0.04" for a pair of equal numbers.
    static func nameText(_ value: SpecValue, of key: SpecKey) -> String {
        guard case .list(let values) = value else {
            return String(value.text.map { SpecDocument.isFileName("x\($0)") ? $0 : "_" })
        }
        let names = values.map { nameText($0, of: key) }
        if key.isPair, names.count == 2, names[0] == names[1] { return names[0] }
        return names.isEmpty ? "none" : names.joined(separator: ",")
    }

    /// Refuses a name that cannot be part of an arm's.
    private static func checkName(
        _ name: String, at place: SpecLocation, _ path: String, _ diagnostics: SpecDiagnostics
    ) {
        if SpecDocument.isFileName(name) { return }
        diagnostics.report(
            place, keyPath: path, "'\(name)' cannot be part of a folder's name", remedy: SpecDocument.fileNameRemedy)
    }
}
