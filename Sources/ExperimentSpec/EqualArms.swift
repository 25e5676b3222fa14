import Declarations

/// Arms of a matrix that are one and the same run under several names.
struct EqualArms {
    let arms: [SpecArm]
    /// What `--set` sets.
    let overrides: SpecSettings
    /// What `training.precision: auto` comes to.
    let automaticPrecision: TrainingConfiguration.Precision
    let diagnostics: SpecDiagnostics

    /// - Parameter selected: Arms that are to run; those that only `--set` makes equal matter only among them.
    func report(selected: Set<String>) {
        reportNames()
        var groups: [[SpecArm]] = []
        var groupOfIdentity: [String: Int] = [:]
        for arm in arms {
            let identity = arm.configuration.identityJSON()
            if let group = groupOfIdentity[identity] {
                groups[group].append(arm)
            } else {
                groupOfIdentity[identity] = groups.count
                groups.append([arm])
            }
        }
        groups = groups.filter { $0.count > 1 && Set($0.map(\.name)).count > 1 }
        let isBySet = Dictionary(grouping: groups) { group in
            overrides.byPath.isEmpty ? false : Set(group.map(specIdentity)).count > 1
        }
        isBySet[false]?.forEach(reportGroup)
        let chosen = (isBySet[true] ?? []).map { $0.filter { selected.contains($0.name) } }.filter { $0.count > 1 }
        if !chosen.isEmpty { reportOverrides(chosen) }
    }

    private func reportNames() {
        let byName = Dictionary(grouping: arms, by: \.name).sorted { $0.key < $1.key }
        for (name, same) in byName where same.count > 1 {
            let times = same.count == 2 ? "two arms are" : "\(same.count) arms are"
            diagnostics.report(
                same[1].location, keyPath: "matrix", "\(times) called '\(name)'",
                remedy: "rename a variant or an included arm")
        }
    }

    private func reportGroup(_ group: [SpecArm]) {
        let isAuto = group.map { $0.settings.byPath["training.precision"]?.value == .text("auto") }
        let note =
            Set(isAuto).count > 1 ? ": on this machine training.precision: auto is \(automaticPrecision.rawValue)" : ""
        diagnostics.report(
            group[1].location, keyPath: "matrix", "the arms \(Self.names(group)) have the same configuration\(note)",
            remedy: "exclude all but one of them, or let an axis apply only where it matters ('when')")
    }

    private func reportOverrides(_ groups: [[SpecArm]]) {
        let keys = overrides.byPath.keys.filter { path in
            guard let key = SpecKey.byPath[path] else { return false }
            return groups.contains { Set($0.map { key.value(in: $0.specSettings.resolved()) }).count > 1 }
        }
        // A key that decides others, such as a preset, is itself no difference.
        let paths = (keys.isEmpty ? Array(overrides.byPath.keys) : keys).sorted()
        let places = paths.compactMap { overrides.byPath[$0]?.location }
        guard let place = places.first else { return }
        let others = Set(places.dropFirst().map(\.file)).subtracting([place.file]).sorted()
        let together = others.isEmpty ? "" : " together with \(others.joined(separator: " and "))"
        let more = groups.count > 1 ? " (and \(counted(groups.count - 1, "other group")) of arms)" : ""
        diagnostics.report(
            place, keyPath: paths[0],
            "makes the arms \(Self.names(groups[0])) equal\(more)\(together): it overrides the settings that differ between them",
            remedy: "leave it out, change the matrix in the spec, or choose one of these arms with --only")
    }

    /// What an arm would be without `--set`.
    private func specIdentity(_ arm: SpecArm) -> String {
        var configuration = arm.specSettings.resolved()
        if configuration.training.precision == .auto { configuration.training.precision = automaticPrecision }
        return configuration.identityJSON()
    }

    private static func names(_ arms: [SpecArm]) -> String {
        let quoted = arms.map { "'\($0.name)'" }
        if quoted.count <= 4 { return "\(quoted.dropLast().joined(separator: ", ")) and \(quoted[quoted.count - 1])" }
        return listed(quoted, most: 3)
    }
}
