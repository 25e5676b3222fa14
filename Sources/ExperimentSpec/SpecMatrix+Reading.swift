import Declarations

extension SpecMatrix {
    /// Reads the parts of `matrix:`.
    init(_ document: SpecDocument, _ diagnostics: SpecDiagnostics) {
        let parts = document.matrix
        axesLocation = parts["axes"]?.location ?? document.matrixLocation
        axesRemoteness = parts["axes"]?.remoteness ?? document.matrixRemoteness ?? 0
        if let part = parts["axes"] { readAxes(part, diagnostics) }
        groups = axes.indices.map { [$0] }
        if let part = parts["zip"] { readZip(part, diagnostics) }
        if let part = parts["exclude"] { readExclude(part, diagnostics) }
        if let part = parts["when"] { readWhen(part, diagnostics) }
        if let part = parts["include"] { readInclude(part, diagnostics) }
    }

    /// The elements of a part that is a list; none where it is not.
    static func elements(
        of part: SpecDocument.Part, _ path: String, _ diagnostics: SpecDiagnostics
    ) -> [SpecNode]? {
        if let list = part.node.list { return list }
        diagnostics.report(
            part.node.location, keyPath: path, "expected a list, found \(part.node.kindName)",
            remedy: "start every element with '- '")
        return nil
    }

    /// The entries of a group by name, once each of them is known and the required ones are there.
    static func fields(
        of node: SpecNode, _ path: String, known: [String], required: [String], _ diagnostics: SpecDiagnostics
    ) -> [String: SpecNode.Entry]? {
        guard let entries = node.entries else {
            diagnostics.report(
                node.location, keyPath: path, "expected a group of keys, found \(node.kindName)",
                remedy: "known keys: \(known.joined(separator: ", "))")
            return nil
        }
        let unknown = entries.filter { !known.contains($0.key) }
        for entry in unknown {
            diagnostics.report(
                entry.location, keyPath: "\(path).\(entry.key)", "unknown key",
                nearest: nearestName(to: entry.key, among: known),
                remedy: "known keys: \(known.joined(separator: ", "))")
        }
        let fields = Dictionary(entries.map { ($0.key, $0) }) { first, _ in first }
        let missing = required.filter { fields[$0] == nil }
        // A key that is missing may be the unknown one.
        guard unknown.isEmpty else { return nil }
        for name in missing {
            diagnostics.report(
                node.location, keyPath: path, "'\(name)' is missing",
                remedy: "known keys: \(known.joined(separator: ", "))")
        }
        return missing.isEmpty ? fields : nil
    }

    /// What an arm, a variant or a rule sets.
    static func settings(
        _ node: SpecNode, _ part: SpecDocument.Part, _ path: String, _ diagnostics: SpecDiagnostics
    ) -> SpecSettings {
        if let entries = node.entries {
            let own = entries.filter { SpecDocument.ownKeys.contains($0.key) }
            for entry in own {
                diagnostics.report(
                    entry.location, keyPath: entry.key, "cannot differ between arms",
                    remedy: "set it outside the matrix")
            }
            return SpecSettings(
                entries.filter { !SpecDocument.ownKeys.contains($0.key) }, folder: part.folder, diagnostics)
        }
        if !node.isNull {
            diagnostics.report(
                node.location, keyPath: path, "expected keys with values, found \(node.kindName)",
                remedy: "for example {objective.vicreg.weight: 0.001}")
        }
        return SpecSettings()
    }

    // MARK: Zip

    private mutating func readZip(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.zip"
        guard let nodes = Self.elements(of: part, path, diagnostics) else {
            isComplete = false
            return
        }
        for node in nodes where !zip(node, path, part, diagnostics) { isComplete = false }
    }

    /// Lets the axes of one element of `zip` advance together; false where they cannot.
    private mutating func zip(
        _ node: SpecNode, _ path: String, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> Bool {
        guard let names = node.list, names.count >= 2 else {
            let found = node.list.map { "a list of \($0.count)" } ?? node.kindName
            diagnostics.report(
                node.location, keyPath: path, "expected a list of two or more axes, found \(found)",
                remedy: "for example zip: [[width, heads]]")
            return false
        }
        let members = names.compactMap { findAxis($0, path, part, diagnostics) }
        guard members.count == names.count else { return false }
        if Set(members).count != members.count || members.contains(where: { !groups.contains([$0]) }) {
            diagnostics.report(
                node.location, keyPath: path, "an axis is zipped twice", remedy: "put all its axes into one list")
            return false
        }
        let counts = members.map { axes[$0].options.count }
        guard Set(counts).count == 1 else {
            let sizes = members.map { "\(axes[$0].name) has \(axes[$0].options.count)" }.joined(separator: ", ")
            reportMismatch(
                node.location, path, "zipped axes need the same number of options: \(sizes)",
                remedy: "give them the same number of values, or take one out of 'zip'", in: part, diagnostics)
            return false
        }
        let sorted = members.sorted()
        groups.removeAll { $0.count == 1 && sorted.contains($0[0]) }
        groups.append(sorted)
        groups.sort { $0[0] < $1[0] }
        return true
    }

    // MARK: Exclude

    private mutating func readExclude(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.exclude"
        let nodes = Self.elements(of: part, path, diagnostics)
        let conditions = nodes?.map { readCondition($0, path, part, diagnostics) }
        exclusions = conditions?.compactMap { $0 } ?? []
        hasUnreadExclusion = conditions?.contains { $0 == nil } ?? true
    }

    // MARK: When and include

    private mutating func readWhen(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        guard let nodes = Self.elements(of: part, "matrix.when", diagnostics) else {
            isComplete = false
            return
        }
        for node in nodes {
            if let rule = readRule(node, part, diagnostics) {
                rules.append(rule)
            } else {
                // An axis may apply where it should not, and keys may be missing where they should be set.
                isComplete = false
                diagnostics.markUnread(SpecKey.named(in: node))
            }
        }
    }

    private func readRule(
        _ node: SpecNode, _ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics
    ) -> Rule? {
        let path = "matrix.when"
        guard let fields = Self.fields(of: node, path, known: ["if", "axis", "set"], required: ["if"], diagnostics),
            let condition = fields["if"]
        else { return nil }
        let read = readCondition(condition.value, "\(path).if", part, diagnostics)
        if let set = fields["set"], fields["axis"] == nil {
            let settings = Self.settings(set.value, part, "\(path).set", diagnostics)
            return read.map { .set(settings, when: $0) }
        }
        guard let entry = fields["axis"], fields["set"] == nil else {
            diagnostics.report(
                node.location, keyPath: path, "expected 'if' with either 'axis' or 'set'",
                remedy: "{axis: A, if: …}: the axis applies only there; {if: …, set: …}: set keys there")
            return nil
        }
        guard let axis = findAxis(entry.value, "\(path).axis", part, diagnostics), let read else { return nil }
        if let later = read.axes.first(where: { $0 >= axis }) {
            diagnostics.report(
                condition.location, keyPath: "\(path).if",
                "the axis '\(axes[axis].name)' can depend only on axes above it, not on '\(axes[later].name)'",
                remedy: "change the order of the axes")
            return nil
        }
        return .axis(axis, when: read)
    }

    private mutating func readInclude(_ part: SpecDocument.Part, _ diagnostics: SpecDiagnostics) {
        let path = "matrix.include"
        guard let nodes = Self.elements(of: part, path, diagnostics) else {
            isComplete = false
            return
        }
        for node in nodes {
            guard let fields = Self.fields(of: node, path, known: ["arm", "set"], required: ["arm"], diagnostics),
                let arm = fields["arm"]
            else {
                isComplete = false
                diagnostics.markUnread(SpecKey.named(in: node))
                continue
            }
            if arm.value.written.map(SpecDocument.isFileName) != true {
                diagnostics.report(
                    arm.value.location, keyPath: "\(path).arm",
                    "\(arm.value.written.map { "'\($0)'" } ?? arm.value.kindName) cannot be part of a folder's name",
                    remedy: SpecDocument.fileNameRemedy)
            }
            let set = fields["set"]?.value ?? SpecNode(content: .scalar(.null), location: node.location)
            let settings = Self.settings(set, part, "\(path).set", diagnostics)
            extras.append(Extra(name: arm.value.written ?? "", settings: settings, location: node.location))
        }
    }
}
