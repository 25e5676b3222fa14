import Diagnostics
import RunStore

/// The verdicts on the runs of an arm.
package struct VerdictMark: Hashable, Encodable, Sendable {
    /// One run's.
    package struct Run: Hashable, Encodable, Sendable {
        package let seed: Int
        package let verdict: String
        package let findings: [Finding]
    }

    /// Something that is wrong with a run at its end.
    package struct Finding: Hashable, Encodable, Sendable {
        package let name: String
        package let onsetStep: Int
        package let evidence: String
        /// "complete collapse".
        let words: String

        private enum CodingKeys: CodingKey { case name, onsetStep, evidence }
    }

    /// "healthy", "complete collapse 2/2, inert regulariser 1/2".
    package let label: String
    /// In the order of their seeds.
    package let runs: [Run]

    /// What only a comparison of arms finds.
    static let behind = (name: "behind_healthy_arms", words: "behind healthy arms")

    /// - Parameter collapse: What was found since the runs stored their verdicts: against other arms, and by rules that are
    ///   younger than they are.
    /// - Returns: None where no run holds a verdict.
    init?(_ runs: [RunOutcome], collapse: CollapseMark? = nil) {
        let judged = runs.compactMap { run in run.verdict.map { (seed: run.seed, verdict: $0) } }
        guard !judged.isEmpty else { return nil }
        self.runs = judged.sorted { $0.seed < $1.seed }.map { seed, verdict in
            var findings = verdict.findings.map {
                Finding(name: $0.name, onsetStep: $0.onsetStep, evidence: $0.evidence, words: $0.words)
            }
            let isKnown = findings.contains { ["complete_collapse", "dimensional_collapse"].contains($0.name) }
            if !isKnown, let mark = collapse?.evidence.first(where: { $0.seed == seed }) {
                let added = [
                    (name: "dimensional_collapse", words: StoredVerdict.words(of: "dimensional_collapse"), mark.lost),
                    (name: Self.behind.name, words: Self.behind.words, mark.isBehind),
                ]
                for (name, words, evidence) in added where !evidence.isEmpty {
                    findings.append(
                        Finding(
                            name: name, onsetStep: verdict.step, evidence: evidence.joined(separator: ", "),
                            words: words))
                }
            }
            let isAsStored = findings.count == verdict.findings.count
            return Run(
                seed: seed,
                verdict: isAsStored ? verdict.verdict : findings.map(\.words).joined(separator: ", "),
                findings: findings)
        }
        // The gravest first, as runs list them; of equally grave ones, that of the first run.
        let all = self.runs.flatMap(\.findings)
        let names = all.map(\.name).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let graded = names.enumerated().sorted {
            (Self.grade($0.element), $0.offset) < (Self.grade($1.element), $1.offset)
        }
        label =
            graded.isEmpty
            ? "healthy"
            : graded.map { _, name in
                let same = all.filter { $0.name == name }
                return "\(same[0].words) \(same.count)/\(judged.count)"
            }.joined(separator: ", ")
    }

    /// Place in the order of `Diagnostics.Finding`, which begins with the gravest. To be behind is as grave as to be below
    /// the initialisation.
    private static func grade(_ name: String) -> Int {
        let known = Diagnostics.Finding(
            rawValue: name == behind.name ? Diagnostics.Finding.belowInitialisation.rawValue : name)
        return known.flatMap(Diagnostics.Finding.allCases.firstIndex(of:)) ?? Diagnostics.Finding.allCases.count
    }

    /// "seed 0: complete collapse since step 250 (target: rankme 1.4 < 2)", one for each finding of a run.
    var explanations: [String] {
        runs.flatMap { run in
            run.findings.map { "seed \(run.seed): \($0.words) since step \($0.onsetStep) (\($0.evidence))" }
        }
    }
}
