/// Which runs of a matrix `--only` and `--skip` choose.
struct RunSelection {
    let only: [GlobPattern]
    let skip: [GlobPattern]

    /// Reads the patterns; one that matches nothing is reported.
    init(only: [String], skip: [String], names: ArmNames, seeds: [Int], _ diagnostics: SpecDiagnostics) {
        // Names of runs are many, and needed only to look patterns up.
        let runs =
            only.isEmpty && skip.isEmpty
            ? [] : names.all.flatMap { arm in seeds.map { PlannedRun.name(arm: arm, seed: $0) } }
        let all = names.all + runs
        func read(_ option: String, _ texts: [String]) -> [GlobPattern] {
            texts.map { text in
                // Values may be spelt otherwise than in the names.
                let patterns = [GlobPattern(text), GlobPattern(names.usual(text))]
                if let pattern = patterns.first(where: { all.contains(where: $0.matches) }) { return pattern }
                diagnostics.report(
                    SpecLocation(file: "\(option) \(text)"), "matches no arm or run",
                    nearest: nearestName(to: text, among: all.sorted()), remedy: "arms: \(listed(names.all.sorted()))")
                return patterns[0]
            }
        }
        self.only = read("--only", only)
        self.skip = read("--skip", skip)
    }

    func contains(arm: String, seed: Int) -> Bool {
        func matches(_ patterns: [GlobPattern]) -> Bool {
            patterns.contains { $0.matches(arm) || $0.matches(PlannedRun.name(arm: arm, seed: seed)) }
        }
        return (only.isEmpty || matches(only)) && !matches(skip)
    }
}
