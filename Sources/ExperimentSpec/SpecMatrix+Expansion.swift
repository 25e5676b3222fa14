import Declarations

/// One arm of the matrix, before its steps are known and it is validated.
struct SpecArm: Sendable {
    let name: String
    /// Option taken per axis; axes that do not apply are missing, and all are for an arm of `include`.
    let choices: [Int: Int]
    /// Everything that was set, with its places.
    let settings: SpecSettings
    /// The same without what the command line sets.
    let specSettings: SpecSettings
    let location: SpecLocation
    var configuration: RunConfiguration

    /// The name of an arm that no axis says anything about.
    static let defaultName = "default"
}

extension SpecMatrix {
    /// All arms: the grid in the order of the axes, the first the slowest, then those of `include`.
    ///
    /// An arm's settings are, later ones winning: the spec's, those of its options (no two may set the same key), those
    /// of `when … set`, those of the command line.
    func arms(of document: SpecDocument, _ diagnostics: SpecDiagnostics) -> [SpecArm] {
        var arms: [SpecArm] = []
        var seen: Set<[Int: Int]> = []
        var conflicts: Set<[Int]> = []
        for combination in combinations() {
            guard let (choices, settings) = applied(combination, to: document.settings, &conflicts, diagnostics) else {
                continue
            }
            // Where an axis does not apply, its options make one arm and not several.
            guard seen.insert(choices).inserted else { continue }
            let names = axes.indices.compactMap { axis in choices[axis].map { axes[axis].options[$0].name } }
            let name = names.isEmpty ? SpecArm.defaultName : names.joined(separator: ".")
            let arm = finish(name, choices, settings, document.matrixLocation, document)
            let isExcluded = exclusions.contains { $0.holds(choices: choices, settings: arm.settings) }
            if !isExcluded { arms.append(arm) }
        }
        for extra in extras {
            var settings = document.settings
            settings.merge(extra.settings)
            arms.append(finish(extra.name, [:], settings, extra.location, document))
        }
        return arms
    }

    /// The spec without its matrix, as one arm: what can be checked where the matrix could not be read.
    func standIn(for document: SpecDocument) -> SpecArm {
        finish(SpecArm.defaultName, [:], document.settings, document.matrixLocation, document)
    }

    /// Refuses a grid of more arms than `SpecBounds` allows, before it is laid out; true where it is not.
    func checkSize(_ document: SpecDocument, _ diagnostics: SpecDiagnostics) -> Bool {
        guard axes.count <= SpecBounds.axes else {
            diagnostics.report(
                document.matrixLocation, keyPath: "matrix.axes",
                "\(axes.count) axes, but at most \(SpecBounds.axes) are allowed",
                remedy: "set keys that are the same in all arms outside the matrix")
            return false
        }
        let counts = groups.map { axes[$0[0]].options.count }
        let arms = counts.reduce(1.0) { $0 * Double($1) }
        if arms > Double(SpecBounds.arms) {
            let axes = groups.filter { self.axes[$0[0]].options.count > 1 }.map { group in
                "\(group.map { self.axes[$0].name }.joined(separator: "+")) \(self.axes[group[0]].options.count)"
            }
            diagnostics.report(
                document.matrixLocation, keyPath: "matrix",
                "\(SpecValue.shortest(arms)) combinations of the axes (\(axes.joined(separator: " × "))), but at most "
                    + "\(SpecBounds.arms) are allowed",
                remedy: "use fewer values, let axes advance together ('zip'), or split it into several specs")
            return false
        }
        return true
    }

    /// Refuses arms whose names are too long for a folder's name, which has the seed and a hash behind them.
    func checkNames(_ arms: [SpecArm], _ diagnostics: SpecDiagnostics) {
        let most = 200
        let long = arms.filter { $0.name.utf8.count > most }
        guard let first = long.first else { return }
        let others = long.count > 1 ? " (and those of \(counted(long.count - 1, "other arm")))" : ""
        diagnostics.report(
            first.location, keyPath: "matrix",
            "an arm's name has \(first.name.utf8.count) characters\(others), but at most \(most) fit into a folder's "
                + "name: \(first.name.prefix(40))…",
            remedy: "give axes over keys shorter names ('name'), or use named 'variants'")
    }

    /// Refuses more runs than `SpecBounds` allows, before anything is made of them; true where it does not.
    func checkRuns(_ arms: [SpecArm], of document: SpecDocument, _ diagnostics: SpecDiagnostics) -> Bool {
        let (count, seeds) = (arms.count, document.seeds.count)
        guard count * seeds > SpecBounds.runs else { return true }
        diagnostics.report(
            document.matrixLocation, keyPath: "matrix",
            "\(count) arms with \(seeds) seeds make \(count * seeds) runs, but at most \(SpecBounds.runs) are allowed",
            remedy: "use fewer arms or seeds, or split it into several specs")
        return false
    }

    /// The axes as factors of a design; axes that advance together make one.
    func factors(of arms: [SpecArm]) -> [Factor] {
        groups.map { group in
            let levels = axes[group[0]].options.indices.map { option in
                group.map { axes[$0].options[option].name }.joined(separator: ".")
            }
            return Factor(
                name: group.map { axes[$0].name }.joined(separator: "+"), levels: levels,
                levelOfArm: arms.compactMap { arm in
                    arm.choices[group[0]].map { Factor.ArmLevel(arm: arm.name, level: levels[$0]) }
                })
        }
    }

    private func finish(
        _ name: String, _ choices: [Int: Int], _ settings: SpecSettings, _ location: SpecLocation,
        _ document: SpecDocument
    ) -> SpecArm {
        var settings = settings
        for case .set(let layer, let condition) in rules where condition.holds(choices: choices, settings: settings) {
            settings.merge(layer)
        }
        let specSettings = settings
        settings.merge(document.overrides)
        return SpecArm(
            name: name, choices: choices, settings: settings, specSettings: specSettings, location: location,
            configuration: settings.resolved())
    }

    /// Every choice of one option per axis; zipped axes advance together.
    private func combinations() -> [[Int: Int]] {
        if axes.isEmpty { return extras.isEmpty ? [[:]] : [] }
        return groups.reduce([[:]]) { partial, group in
            partial.flatMap { choices in
                axes[group[0]].options.indices.map { option in
                    var choices = choices
                    for axis in group { choices[axis] = option }
                    return choices
                }
            }
        }
    }

    /// The choices of the axes that apply, and the spec's settings with theirs; none where two set the same key.
    ///
    /// - Parameter conflicts: Pairs of axes that were reported as setting the same key.
    private func applied(
        _ combination: [Int: Int], to base: SpecSettings, _ conflicts: inout Set<[Int]>,
        _ diagnostics: SpecDiagnostics
    ) -> (choices: [Int: Int], settings: SpecSettings)? {
        var choices: [Int: Int] = [:]
        var layer = SpecSettings()
        for axis in axes.indices {
            var settings = base
            settings.merge(layer)
            let applies = rules.allSatisfy { rule in
                guard case .axis(axis, let condition) = rule else { return true }
                return condition.holds(choices: choices, settings: settings)
            }
            guard applies, let option = combination[axis] else { continue }
            choices[axis] = option
            let new = axes[axis].options[option].settings
            if let both = new.byPath.keys.sorted().first(where: { layer.byPath[$0] != nil }) {
                let other = axes.indices.first { earlier in
                    choices[earlier].map { axes[earlier].options[$0].settings.byPath[both] != nil } ?? false
                }
                guard conflicts.insert([other ?? axis, axis]).inserted else { return nil }
                diagnostics.report(
                    new.byPath[both]!.location, keyPath: both,
                    "the axes '\(axes[other ?? axis].name)' and '\(axes[axis].name)' both set this key",
                    remedy: "let one axis set it, or exclude one of the two with 'when'")
                return nil
            }
            // No cascade within the layer: the axes stand beside one another.
            for (path, setting) in new.byPath { layer.set(path, setting.value, at: setting.location) }
        }
        var settings = base
        settings.merge(layer)
        return (choices, settings)
    }
}
