import Diagnostics
import ExperimentSpec
import RunStore

/// What each run was found to be, and since when.
extension ReportInput {
    /// Counts for each arm and each run over time, the evidence folded; empty without verdicts.
    func verdictParts() -> String {
        let judged = runs.compactMap { run in run.verdict.map { (run: run, verdict: $0) } }
        guard !judged.isEmpty else { return "" }
        let missing = runs.count - judged.count
        let meanings = Finding.allCases.map { "<li><b>\(escaped($0.words))</b>: \(escaped($0.meaning))</li>" }
        return """
            <h3>Verdicts</h3>
            <p class="soft">How many seeds of each arm have each finding at their last diagnosis. A run without any is \
            healthy; several may hold at once.\
            \(missing > 0 ? " Without a verdict: \(missing) of \(counted(runs.count, "run"))." : "")</p>

            """ + armVerdicts(judged) + timeline(judged) + """
                <details><summary>What the findings mean</summary><p class="soft">The first four are judged for the target and \
                the context encoder. A finding dates from its onset, the first diagnosis since which it has held at every \
                one.</p><ul class="soft">\(meanings.joined())</ul>\(thresholds(judged.map(\.verdict)))</details>

                """ + runVerdicts(judged)
    }

    private static let mostOpenRows = 16

    /// Folded where it is longer than a screen.
    private func timeline(_ judged: [Judged]) -> String {
        let rows = judged.compactMap { timelineRow($0.run) }
        let html = VerdictTimeline(rows: rows).html()
        return rows.count > Self.mostOpenRows
            ? "<details><summary>Findings of each run over time</summary>\(html)</details>\n" : html
    }

    private typealias Judged = (run: Run, verdict: StoredVerdict)

    /// How many seeds of each arm have each verdict.
    private func armVerdicts(_ judged: [Judged]) -> String {
        let names = StoredVerdict.knownFindings.filter { name in
            judged.contains { $0.verdict.findings.contains { $0.name == name } }
        }
        let words = names.map(StoredVerdict.words)
        let rows = record.arms.compactMap { arm -> String? in
            let own = judged.filter { $0.run.arm == arm }.map(\.verdict)
            guard !own.isEmpty else { return nil }
            func cell(_ count: Int) -> String {
                "<td data-value=\"\(Double(count) / Double(own.count))\">\(count == 0 ? "–" : "\(count)/\(own.count)")</td>"
            }
            let counts = names.map { name in own.count { $0.findings.contains { $0.name == name } } }
            let steps = Set(own.map(\.step)).sorted().map(String.init).joined(separator: ", ")
            return
                "<tr><td>\(escaped(arm))</td><td>\(own.count)</td><td>\(steps)</td>\(cell(own.count { $0.findings.isEmpty }))"
                + counts.map(cell).joined() + "</tr>"
        }
        let headings = ["arm", "seeds judged", "at step", "healthy"] + words
        return """
            <div class="scroll"><table class="sortable" id="verdicts-arms"><thead><tr>\
            \(headings.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined())</tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>

            """
    }

    /// One row for each finding of each run.
    private func runVerdicts(_ judged: [Judged]) -> String {
        let rows = judged.flatMap { run, verdict -> [String] in
            let start = "<tr><td>\(escaped(run.arm))</td><td>\(run.seed)</td>"
            let course = "<td class=\"text\">\(escaped(timelineRow(run)?.words ?? ""))</td></tr>"
            if verdict.findings.isEmpty {
                return [
                    start + "<td class=\"text\">healthy</td><td data-value=\"\"></td><td class=\"text\"></td>" + course
                ]
            }
            return verdict.findings.map { finding in
                start + "<td class=\"text\">\(escaped(finding.words))</td><td>\(finding.onsetStep)</td>"
                    + "<td class=\"text\">\(escaped(finding.evidence))</td>" + course
            }
        }
        let headings = [
            ("arm", false), ("seed", false), ("finding", true), ("since step", false),
            ("evidence, with its threshold", true), ("over time", true),
        ]
        return """
            <details><summary>Evidence of each run</summary>
            <div class="scroll"><table class="sortable" id="verdicts-runs"><thead><tr>\
            \(headings.map { "<th scope=\"col\"\($0.1 ? " class=\"text\"" : "")>\($0.0)</th>" }.joined())</tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></div></details>

            """
    }

    private func thresholds(_ verdicts: [StoredVerdict]) -> String {
        let names = Set(verdicts.flatMap { $0.thresholds.keys }).sorted()
        let texts = names.map { name in
            let values = Set(verdicts.compactMap { $0.thresholds[name] }).sorted().map(short)
            return "\(escaped(name)) \(values.joined(separator: " or "))"
        }
        return texts.isEmpty ? "" : "<p class=\"soft\">Thresholds: \(texts.joined(separator: ", ")).</p>\n"
    }

    private func timelineRow(_ run: Run) -> VerdictTimeline.Row? {
        guard let table = run.tables[StoredVerdict.table], let steps = table["step"], !steps.isEmpty else { return nil }
        return VerdictTimeline.Row(
            label: "\(run.arm), seed \(run.seed)",
            diagnoses: steps.enumerated().map { place, step in
                VerdictTimeline.Diagnosis(
                    step: Int(step), findings: StoredVerdict.knownFindings.filter { table[$0]?[place] == 1 })
            })
    }
}

/// What was found at each diagnosis, one line for each run, as SVG.
struct VerdictTimeline {
    struct Diagnosis {
        let step: Int
        /// Names of findings, the gravest first.
        let findings: [String]
    }

    struct Row {
        let label: String
        let diagnoses: [Diagnosis]

        /// Neighbouring diagnoses with equal findings as one.
        var stretches: [(first: Int, last: Int, findings: [String])] {
            var result: [(first: Int, last: Int, findings: [String])] = []
            for diagnosis in diagnoses {
                if let end = result.indices.last, result[end].findings == diagnosis.findings {
                    result[end].last = diagnosis.step
                } else {
                    result.append((diagnosis.step, diagnosis.step, diagnosis.findings))
                }
            }
            return result
        }

        /// "0–40 healthy; 60–120 complete collapse".
        var words: String {
            stretches.map { stretch in
                let steps = stretch.first == stretch.last ? "\(stretch.first)" : "\(stretch.first)–\(stretch.last)"
                return "\(steps) \(VerdictTimeline.words(stretch.findings))"
            }.joined(separator: "; ")
        }
    }

    let rows: [Row]

    private static let (width, right, top, rowHeight, foot) = (640.0, 8.0, 4.0, 15.0, 34.0)
    /// Colours as classes of the style sheet, in the order of `StoredVerdict.knownFindings`.
    private static let colors = [8, 6, 1, 4, 3, 5, 10]
    private static let healthyColor = 2

    static func words(_ findings: [String]) -> String {
        findings.isEmpty
            ? "healthy"
            : findings.map(StoredVerdict.words).joined(separator: ", ")
    }

    /// The colour of the gravest finding.
    private static func color(_ findings: [String]) -> Int {
        guard let gravest = findings.first, let place = StoredVerdict.knownFindings.firstIndex(of: gravest) else {
            return healthyColor
        }
        return colors[place % colors.count]
    }

    /// A figure with its legend; empty without diagnoses.
    func html() -> String {
        // Places of the diagnoses side by side: their steps need not be evenly spread, and each deserves its width.
        let steps = Set(rows.flatMap { $0.diagnoses.map(\.step) }).sorted()
        guard !steps.isEmpty else { return "" }
        let place = Dictionary(uniqueKeysWithValues: steps.enumerated().map { ($1, $0) })
        let left = min(0.6 * Self.width, 12 + 6.3 * Double(rows.map(\.label.count).max() ?? 0))
        let cell = (Self.width - left - Self.right) / Double(steps.count)
        let height = Self.top + Self.rowHeight * Double(rows.count) + Self.foot
        var svg = ""
        for (index, row) in rows.enumerated() {
            let y = Self.top + Self.rowHeight * Double(index)
            svg += "<text x=\"\(pixel(left - 6))\" y=\"\(pixel(y + 8))\" dy=\".32em\" text-anchor=\"end\">"
            svg += "\(escaped(row.label))</text>"
            for stretch in row.stretches {
                guard let first = place[stretch.first], let last = place[stretch.last] else { continue }
                let steps = stretch.first == stretch.last ? "\(stretch.first)" : "\(stretch.first) to \(stretch.last)"
                svg += "<rect class=\"l\(Self.color(stretch.findings))\" x=\"\(pixel(left + cell * Double(first)))\" "
                svg += "y=\"\(pixel(y + 2))\" width=\"\(pixel(cell * Double(last - first + 1)))\" "
                svg += "height=\"\(pixel(Self.rowHeight - 3))\">"
                svg +=
                    "<title>\(escaped("\(row.label), step \(steps): \(Self.words(stretch.findings))"))</title></rect>"
            }
        }
        let base = Self.top + Self.rowHeight * Double(rows.count)
        for index in Set([0, steps.count / 4, steps.count / 2, 3 * steps.count / 4, steps.count - 1]).sorted() {
            svg += "<text x=\"\(pixel(left + cell * (Double(index) + 0.5)))\" y=\"\(pixel(base + 13))\" "
            svg += "text-anchor=\"middle\">\(steps[index])</text>"
        }
        svg += "<text class=\"label\" x=\"\(pixel((left + Self.width) / 2))\" y=\"\(pixel(height - 5))\" "
        svg += "text-anchor=\"middle\">step of the diagnosis</text>"
        return """
            <figure class="timeline"><figcaption><b>Over time</b> each diagnosis in the colour of its gravest finding\
            </figcaption>
            <svg viewBox="0 0 \(pixel(Self.width)) \(pixel(height))" role="img" aria-label="verdicts over time">\(svg)</svg>
            \(legend)</figure>

            """
    }

    private var legend: String {
        let gravest = Set(rows.flatMap { $0.diagnoses.map { $0.findings.first ?? "" } })
        let entries = ([""] + StoredVerdict.knownFindings).filter(gravest.contains).map { name in
            let findings = name.isEmpty ? [] : [name]
            return "<li class=\"l\(Self.color(findings))\"><i></i>\(escaped(Self.words(findings)))</li>"
        }
        return "<ul class=\"legend\">\(entries.joined())</ul>"
    }
}
