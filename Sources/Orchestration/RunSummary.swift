import Foundation
package import RunStore
package import ExperimentSpec

/// What `show` prints: one run's configuration, provenance, state, last numbers and evaluations.
package struct RunSummary: Encodable, Sendable {
    /// A stored series: one entry of `rows` for each evaluation, in the order of `columns`.
    package struct Series: Encodable, Sendable {
        package var name: String
        package var columns: [String]
        package var rows: [[Double]]

        /// Of the views of features the numbers that are read most; everything else as it is.
        var abridged: Series {
            guard name.hasPrefix("diagnostics/"), columns.contains("rankme") else { return self }
            let shown: Set = [
                "step", "rankme", "effective_rank", "live_directions", "std_mean", "mean_cosine", "lidar",
                "between_within_ratio",
            ]
            let kept = columns.indices.filter { shown.contains(columns[$0]) }
            return Series(
                name: name, columns: kept.map { columns[$0] }, rows: rows.map { row in kept.map { row[$0] } })
        }
    }

    /// A claim of the spec about the run's arm, with what all its runs say.
    package struct JudgedClaim: Encodable, Sendable {
        package var claim: String
        /// "supported", "contradicted" or "cannot_tell".
        package var verdict: String
        package var reason: String

        package init(claim: String, verdict: String, reason: String) {
            self.claim = claim
            self.verdict = verdict
            self.reason = reason
        }
    }

    package var name: String
    package var experiment: String
    package var question: String
    package var arm: String
    package var seed: Int
    package var directory: String
    package var configurationHash: String
    /// Key paths in which the arms of the experiment differ, with this run's values.
    package var differences: [String: String]
    package var configuration: RunConfiguration
    /// Nil before the first start.
    package var state: RunState?
    /// Source revision, host, library versions …; empty before the first checkpoint.
    package var provenance: [String: String]
    /// The last row of the per-step series.
    package var lastStep: [String: Double]
    /// Of all step time so far, the share spent waiting for images; nil before the first steps are stored.
    package var loaderWaitShare: Double?
    /// "evaluation/target" and "evaluation/context".
    package var evaluations: [Series]
    /// "diagnostics/target/images", "gradients" and what else there is besides.
    package var diagnostics: [Series]
    /// As of the last diagnosis.
    package var verdict: StoredVerdict?
    /// Why the stored numbers are not shown, with a remedy; nil where they can be read, or nothing is stored yet.
    package var resultsProblem: String?
    /// Set by who can judge them.
    package var expectations: [JudgedClaim] = []

    /// A file of results that is damaged is named in `resultsProblem`, and everything else is shown.
    ///
    /// - Parameter remark: Takes what is to be said of the file.
    /// - Throws: `RunStore`'s errors for a plan or a state that is missing or damaged.
    package init(
        of directory: RunDirectory, liveness: WorkerLiveness = .system, remark: (ResultsRemark) -> Void = { _ in }
    ) throws {
        let plan = try directory.loadPlan()
        name = plan.run.name
        experiment = plan.experiment
        question = plan.question
        arm = plan.run.arm
        seed = plan.run.seed
        self.directory = directory.path
        configurationHash = plan.run.configurationHash
        differences = plan.run.differences
        configuration = plan.run.configuration
        state = try liveness.currentState(of: directory)
        provenance = [:]
        lastStep = [:]
        evaluations = []
        diagnostics = []
        // It appears with the first checkpoint.
        guard FileManager.default.fileExists(atPath: directory.resultsFile) else { return }
        do {
            let file = try RunFile(path: directory.resultsFile)
            try file.check(
                isOfArm: plan.run.arm, seed: plan.run.seed, configurationHash: plan.run.configurationHash)
            var filled = self
            try filled.fill(from: file)
            self = filled
            ResultsRemark(file).map(remark)
        } catch {
            resultsProblem = "\(error)"
            remark(.damaged("\(error)"))
        }
    }

    private mutating func fill(from file: RunFile) throws {
        provenance = file.provenance
        verdict = try file.verdict()
        for name in file.tableNames {
            let table = try file.table(name)
            let columns = table.columns.map { table[$0] ?? [] }
            if name == "steps" {
                loaderWaitShare = table.loaderWaitShare?.last.flatMap { $0.isFinite ? $0 : nil }
                for (name, values) in zip(table.columns, columns) { lastStep[name] = values.last }
            } else if name.hasPrefix("evaluation/") {
                let rows = (0..<table.rowCount).map { row in columns.map { $0[row] } }
                evaluations.append(Series(name: name, columns: table.columns, rows: rows))
            } else if name.hasPrefix("diagnostics/") || name == "gradients" {
                let rows = (0..<table.rowCount).map { row in columns.map { $0[row] } }
                diagnostics.append(Series(name: name, columns: table.columns, rows: rows))
            }
        }
    }

    // MARK: Text

    package var text: String {
        var sections = [headline]
        if let resultsProblem { sections.append("results\n" + Self.indented(resultsProblem)) }
        if !differences.isEmpty { sections.append(Self.section("settings of this arm", differences)) }
        sections.append("configuration\n" + Self.indented(configuration.yaml()))
        if !provenance.isEmpty { sections.append(Self.section("provenance", provenance)) }
        if !lastStep.isEmpty {
            sections.append(Self.section("last step", lastStep.mapValues(Quantity.significant)))
        }
        if let share = loaderWaitShare {
            sections.append("waiting for images: \(String(format: "%.2f", 100 * share)) % of all step time")
        }
        if let verdict { sections.append(Self.text(of: verdict)) }
        for series in evaluations + diagnostics.map(\.abridged) where !series.rows.isEmpty {
            sections.append(series.name + "\n" + Self.indented(Self.table(of: series)))
        }
        if !expectations.isEmpty {
            let lines = expectations.map { claim in
                "\(claim.claim): \(claim.verdict == "cannot_tell" ? "cannot tell" : claim.verdict) (\(claim.reason))"
            }
            sections.append(
                "claims about this arm, judged on all its runs\n" + Self.indented(lines.joined(separator: "\n")))
        }
        return sections.joined(separator: "\n\n")
    }

    private var headline: String {
        var lines = ["\(name)  (\(directory))", "experiment  \(experiment)", "hash        \(configurationHash)"]
        guard let state else { return (lines + ["status      planned, not started yet"]).joined(separator: "\n") }
        let reason = [state.exitReason, state.message].compactMap { $0 }.joined(separator: ": ")
        lines.append(
            "status      \(state.status.rawValue), step \(state.step) of \(state.totalSteps)"
                + (reason.isEmpty ? "" : " (\(reason))"))
        let format = Date.ISO8601FormatStyle.iso8601
        lines.append("started     \(state.startedAt.formatted(format)) on \(state.host), attempts: \(state.attempts)")
        if let end = state.endedAt { lines.append("ended       \(end.formatted(format))") }
        return lines.joined(separator: "\n")
    }

    /// Evaluations that fit the width of a page.
    private static let shownEvaluations = 8

    /// Steps are the table's columns: there are few evaluations and many numbers. The first is always among them.
    private static func table(of series: Series) -> String {
        let step = series.columns.firstIndex(of: "step")
        let rows = series.rows.prefix(1) + series.rows.dropFirst().suffix(shownEvaluations - 1)
        let isCut = rows.count < series.rows.count
        func cells(_ values: [String], gap: String) -> [String] {
            isCut ? [values[0], gap] + values.dropFirst() : values
        }
        let steps = cells(rows.map { row in step.map { Quantity.significant(row[$0]) } ?? "" }, gap: "…")
        var table = TextTable([("step", .left)] + steps.map { ($0, .right) })
        for (index, column) in series.columns.enumerated() where index != step {
            let values = rows.map { EvaluationText.cell($0[index], of: column, in: series.name) }
            table.append([EvaluationText.label(of: column, in: series.name)] + cells(values, gap: "…"))
        }
        return table.text
    }

    private static func text(of verdict: StoredVerdict) -> String {
        let lines = verdict.findings.map { finding in
            "\(finding.words) since step \(finding.onsetStep): \(finding.evidence)"
        }
        return (["verdict at step \(verdict.step): \(verdict.verdict)"] + lines.map { "  " + $0 })
            .joined(separator: "\n")
    }

    private static func section(_ title: String, _ entries: [String: String]) -> String {
        let width = entries.keys.map(\.count).max() ?? 0
        let lines = entries.sorted { $0.key < $1.key }.map { key, value in
            key + String(repeating: " ", count: width - key.count) + "  " + value
        }
        return title + "\n" + indented(lines.joined(separator: "\n"))
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
    }
}
