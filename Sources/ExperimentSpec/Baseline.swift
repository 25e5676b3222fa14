/// The arm that `baseline` names or describes.
struct Baseline {
    let arms: [SpecArm]
    let names: ArmNames
    let matrix: SpecMatrix
    let document: SpecDocument
    let diagnostics: SpecDiagnostics

    /// The arm's name; the first arm where no baseline is given, "" where it is not to be found.
    func find() -> String {
        guard let part = document.baseline else { return arms.first?.name ?? "" }
        if part.node.entries != nil {
            guard let condition = matrix.readCondition(part.node, "baseline", part, diagnostics) else { return "" }
            let matching = arms.filter { $0.satisfies(condition) }.map(\.name)
            if matching.count == 1 { return matching[0] }
            report(
                part, at: part.location,
                matching.isEmpty
                    ? "no arm meets the condition" : "several arms meet the condition: \(listed(matching))",
                remedy: "name one arm: \(listed(names.all))")
            return ""
        }
        guard let text = part.node.written else {
            diagnostics.report(
                part.node.location, keyPath: "baseline", "expected the name of an arm, found \(part.node.kindName)",
                remedy: "arms: \(listed(names.all))")
            return ""
        }
        if let name = names.find(text) { return name }
        report(
            part, at: part.node.location, "there is no arm '\(text)'", nearest: nearestName(to: text, among: names.all),
            remedy: "arms: \(listed(names.all))")
        return ""
    }

    /// Reports at the baseline; where it is inherited and the matrix, or a part of it, is not, at the matrix.
    private func report(
        _ part: SpecDocument.Part, at place: SpecLocation, _ message: String, nearest: String? = nil, remedy: String
    ) {
        // Whether arms meet a condition is unknown where their settings are.
        guard diagnostics.isEverythingKnown || part.node.entries == nil else { return }
        guard let nearestMatrix = document.matrixRemoteness, part.remoteness > nearestMatrix else {
            return diagnostics.report(place, keyPath: "baseline", message, nearest: nearest, remedy: remedy)
        }
        diagnostics.report(
            document.matrixLocation, keyPath: "baseline",
            "'baseline' is inherited (\(place)) and does not fit this matrix: \(message)", nearest: nearest,
            remedy: "write 'baseline: ' and an arm in this spec, or 'baseline: null' for the first arm; \(remedy)")
    }
}

extension SpecArm {
    func satisfies(_ condition: SpecCondition) -> Bool {
        condition.holds(choices: choices, settings: settings)
    }
}
