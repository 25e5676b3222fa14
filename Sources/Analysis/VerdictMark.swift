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

    /// - Returns: None where no run holds a verdict.
    init?(_ runs: [RunOutcome]) {
        let judged = runs.compactMap { run in run.verdict.map { (seed: run.seed, verdict: $0) } }
        guard !judged.isEmpty else { return nil }
        self.runs = judged.sorted { $0.seed < $1.seed }.map { seed, verdict in
            Run(
                seed: seed, verdict: verdict.verdict,
                findings: verdict.findings.map {
                    Finding(name: $0.name, onsetStep: $0.onsetStep, evidence: $0.evidence, words: $0.words)
                })
        }
        var names: [String] = []
        var counts: [String: Int] = [:]
        // Runs list the gravest first, and so does the label.
        for finding in self.runs.flatMap(\.findings) {
            if counts[finding.words] == nil { names.append(finding.words) }
            counts[finding.words, default: 0] += 1
        }
        label =
            names.isEmpty ? "healthy" : names.map { "\($0) \(counts[$0] ?? 0)/\(judged.count)" }.joined(separator: ", ")
    }

    /// "seed 0: complete collapse since step 250 (target: rankme 1.4 < 2)", one for each finding of a run.
    var explanations: [String] {
        runs.flatMap { run in
            run.findings.map { "seed \(run.seed): \($0.words) since step \($0.onsetStep) (\($0.evidence))" }
        }
    }
}
