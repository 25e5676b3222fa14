import ExperimentSpec
import Foundation
import RunStore

/// Cost, failures and provenance: what a reader needs to trust the numbers above.
extension ReportInput {
    func costSection() -> String {
        let rows = record.arms.compactMap { arm -> [String]? in
            let steps = runs.filter { $0.arm == arm }.compactMap { $0.tables["steps"] }
            guard !steps.isEmpty else { return nil }
            let rates = steps.compactMap { median($0["images_per_second"]) }
            let seconds = steps.map { ($0["step_seconds"] ?? []).filter(\.isFinite).reduce(0, +) }
            // Stored for each step as the share so far; the last is that of the whole run.
            let waits = steps.compactMap { $0.loaderWaitShare?.last(where: \.isFinite) }
            return [
                escaped(arm), String(steps.map(\.rowCount).reduce(0, +)), median(rates).map(short) ?? TableText.missing,
                short(seconds.reduce(0, +) / Double(seconds.count)),
                waits.max().map { short(100 * $0) } ?? TableText.missing,
            ]
        }
        guard !rows.isEmpty else { return "" }
        let headings = ["arm", "total steps", "images/s (median)", "training s per run", "loader wait, % (worst)"]
        let cells = rows.map { row in
            "<tr>"
                + row.map { "<td data-value=\"\($0 == TableText.missing ? "" : $0)\">\($0)</td>" }.joined() + "</tr>"
        }
        return """
            <h2>Cost</h2>
            <p class="soft">Wall time of training steps, without evaluations; runs may have shared the machine.</p>
            <div class="scroll"><table class="sortable"><thead><tr>\
            \(headings.map { "<th scope=\"col\">\($0)</th>" }.joined())</tr></thead>
            <tbody>\(cells.joined(separator: "\n"))</tbody></table></div>
            \(waitingAdvice())
            """
    }

    /// A sentence where some run waited much for images.
    private func waitingAdvice() -> String {
        let waits = runs.compactMap { run in
            LoaderWait(waits: run.tables["steps"]?["loader_wait_seconds"], steps: run.tables["steps"]?["step_seconds"])
        }
        guard let worst = waits.filter(\.isWorthAWord).max(by: { $0.share < $1.share }) else { return "" }
        return "<p>Steps waited up to \(LoaderWait.text(worst.share)) of their time for images. "
            + "\(escaped(LoaderWait.advice)).</p>\n"
    }

    private func median(_ values: [Double]?) -> Double? {
        let sorted = (values ?? []).filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    func failureSection() -> String {
        let unfinished = runs.filter { $0.problem != nil || $0.state?.status.isFinished != true }
        guard !unfinished.isEmpty else { return "" }
        let items = unfinished.map { run -> String in
            let status = run.state?.status.rawValue ?? "not started"
            let reason = run.problem ?? run.state?.message ?? run.state?.exitReason ?? ""
            var html = "<h3>\(escaped(run.arm)), seed \(run.seed): \(escaped(status))</h3>\n"
            if !reason.isEmpty { html += "<p>\(escaped(reason))</p>\n" }
            if let state = run.state { html += "<p class=\"soft\">step \(state.step) of \(state.totalSteps)</p>\n" }
            if !run.logTail.isEmpty { html += "<pre>\(escaped(run.logTail.joined(separator: "\n")))</pre>\n" }
            return html
        }
        return "<h2>Runs that are not done</h2>\n" + items.joined()
    }

    /// What all runs have in common once, and what differs with the runs that have it.
    func provenanceSection() -> String {
        let stored = runs.filter { !$0.provenance.isEmpty }
        guard !stored.isEmpty else { return "" }
        let keys = Set(stored.flatMap { $0.provenance.keys }).subtracting(Self.timesOfRuns).sorted()
        let rows = keys.map { key -> String in
            let byValue = Dictionary(grouping: stored) { $0.provenance[key] ?? "" }
            let values = byValue.sorted { $0.value.count > $1.value.count }.map { value, runs in
                byValue.count == 1
                    ? escaped(value) : "\(escaped(value)) <span class=\"soft\">(\(counted(runs.count, "run")))</span>"
            }
            return "<tr><td>\(escaped(key))</td><td class=\"text\">\(values.joined(separator: "<br>"))</td></tr>"
        }
        let started = stored.compactMap { $0.provenance["started_at"] }.min() ?? ""
        let ended = stored.compactMap { $0.provenance["ended_at"] }.max() ?? ""
        return """
            <h2>Provenance</h2>
            <p class="soft">First run started \(escaped(started)), last one ended \(escaped(ended)); page written by \
            cjepa-exp \(escaped(program)).</p>
            <div class="scroll"><table><tbody>\(rows.joined(separator: "\n"))</tbody></table></div>

            """
    }

    /// Differ from run to run by nature.
    private static let timesOfRuns: Set<String> = [
        "started_at", "ended_at", "attempts", "exit_reason", "command", "peak_memory_bytes",
    ]
}
