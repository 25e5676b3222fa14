/// The verdict on a run as its file holds it: attributes of the group `/verdict`.
package struct StoredVerdict: Codable, Sendable, Equatable {
    /// Something that is wrong at the last diagnosis.
    package struct Finding: Codable, Sendable, Equatable {
        /// "complete_collapse".
        package var name: String
        /// The diagnosis from which on it has held.
        package var onsetStep: Int
        /// "target: rankme 1.4 < 2, …".
        package var evidence: String

        package init(name: String, onsetStep: Int, evidence: String) {
            self.name = name
            self.onsetStep = onsetStep
            self.evidence = evidence
        }

        /// "complete collapse".
        package var words: String { StoredVerdict.words(of: name) }
    }

    /// "healthy", or the findings in words.
    package var verdict: String
    /// Of the last diagnosis.
    package var step: Int
    /// The gravest first.
    package var findings: [Finding]
    /// By name.
    package var thresholds: [String: Double]

    package init(verdict: String, step: Int, findings: [Finding], thresholds: [String: Double]) {
        self.verdict = verdict
        self.step = step
        self.findings = findings
        self.thresholds = thresholds
    }

    /// A finding's name in words, as `Diagnostics.Finding` has them, which this module cannot see; a test compares them.
    package static func words(of name: String) -> String {
        ["non_finite": "non-finite", "patch_collapse": "patch-only collapse"][name] ?? name.replacing("_", with: " ")
    }

    /// Name of the table with a column for each finding, and of the group with the attributes.
    package static let table = "verdict"

    var attributes: [String: AttributeValue] {
        var values: [String: AttributeValue] = [
            "verdict": .string(verdict), "step": .integer(step), "findings": .strings(findings.map(\.name)),
            "onset_steps": .integers(findings.map(\.onsetStep)), "evidence": .strings(findings.map(\.evidence)),
        ]
        for (name, value) in thresholds { values["threshold_" + name] = .double(value) }
        return values
    }

    init?(_ attributes: [String: AttributeValue]) {
        guard case .string(let verdict)? = attributes["verdict"], case .integer(let step)? = attributes["step"] else {
            return nil
        }
        self.verdict = verdict
        self.step = step
        var (names, onsets, texts): ([String], [Int], [String]) = ([], [], [])
        if case .strings(let values)? = attributes["findings"] { names = values }
        if case .integers(let values)? = attributes["onset_steps"] { onsets = values }
        if case .strings(let values)? = attributes["evidence"] { texts = values }
        guard names.count == onsets.count, names.count == texts.count else { return nil }
        findings = zip(names, zip(onsets, texts)).map { Finding(name: $0, onsetStep: $1.0, evidence: $1.1) }
        thresholds = [:]
        for (name, value) in attributes where name.hasPrefix("threshold_") {
            if case .double(let number) = value { thresholds[String(name.dropFirst("threshold_".count))] = number }
        }
    }
}

extension RunWriter {
    /// Adds the diagnosis' row to the table of findings and replaces the verdict.
    ///
    /// - Parameter known: Every finding that there can be, a column each: 1 where it holds.
    package func append(_ verdict: StoredVerdict, known: [String]) {
        let found = Set(verdict.findings.map(\.name))
        append(
            StoredVerdict.table,
            [("step", Double(verdict.step))] + known.map { ($0, found.contains($0) ? 1 : 0) })
        setAttributes(of: StoredVerdict.table, verdict.attributes)
    }
}

extension RunFile {
    /// The verdict as of the last diagnosis; none where there was none, or the file is older than verdicts.
    package func verdict() throws -> StoredVerdict? {
        guard tableNames.contains(StoredVerdict.table) else { return nil }
        return StoredVerdict(try attributes(of: StoredVerdict.table))
    }
}
