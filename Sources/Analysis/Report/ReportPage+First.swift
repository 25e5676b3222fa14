import ExperimentSpec
import RunStore

/// Question, answer and the numbers behind it, in sight at once on a desk.
extension ReportInput {
    func firstScreen() -> String {
        let answer = Answer(table)
        let done = runs.count { $0.state?.status.isFinished == true }
        var html = "<h1>\(escaped(record.name))</h1>\n"
        if !record.question.isEmpty { html += "<p class=\"question\">\(escaped(record.question))</p>\n" }
        html += "<div class=\"answer\">\(answer.sentences.map { "<p>\(escaped($0))</p>" }.joined())</div>\n"
        html += "<p class=\"soft\">\(counted(record.arms.count, "arm")), \(counted(runs.count, "run")), \(done) done; "
        html += record.baseline.isEmpty ? "no baseline" : "baseline \(escaped(record.baseline))"
        html += "; features of the \(escaped(table.encoder)) encoder; spec \(escaped(record.specPath)).</p>\n"
        let chart = answer.column.flatMap { table.forest($0, styles: styles) ?? table.bars($0, styles: styles) }
        html += "<div class=\"first\">\(chart?.html(styles, hasNumbers: false) ?? "")\(shortTable(answer))</div>\n"
        html += answer.power.map { "<p class=\"soft\">\(escaped($0))</p>\n" }.joined()
        if !record.expected.isEmpty {
            html += "<details><summary>What was expected</summary><p>\(escaped(record.expected))</p></details>\n"
        }
        return html
    }

    /// Each arm in the headline metric with its difference and its verdict, and the floors.
    private func shortTable(_ answer: Answer) -> String {
        guard let metric = answer.metric, answer.arms.contains(where: { $0.statistics != nil }) else { return "" }
        func head(_ text: String, _ unit: String, isText: Bool = false) -> String {
            "<th scope=\"col\"\(isText ? " class=\"text\"" : "")>\(escaped(text))\(unit.isEmpty ? "" : " (\(unit))")</th>"
        }
        let missing = "<td data-value=\"\">\(TableText.missing)</td>"
        let arms = answer.arms.enumerated().map { index, arm in
            let value =
                arm.statistics.map { "<td data-value=\"\($0.mean)\">\(escaped(metric.text($0)))</td>" } ?? missing
            let difference =
                arm.difference.map { difference in
                    let text = [metric.text(difference), metric.intervalText(difference)].compactMap { $0 }
                        .joined(separator: " ")
                    return "<td data-value=\"\(difference.mean)\"\(difference.isClear ? " class=\"clear\"" : "")>"
                        + "\(escaped(text))</td>"
                } ?? (arm.isBaseline ? "<td data-value=\"0\">baseline</td>" : missing)
            let seeds = arm.done == arm.planned ? "\(arm.done)" : "\(arm.done)/\(arm.planned)"
            return
                "<tr data-arm=\"\(index)\"><td>\(key(index))\(escaped(arm.name))</td><td>\(seeds)</td>\(value)\(difference)"
                + "<td class=\"verdict\(arm.isCollapsed ? " bad" : "")\">\(escaped(arm.verdict ?? TableText.missing))</td></tr>"
        }
        let floors = answer.floors.map { floor in
            "<tr class=\"floor\"><td>\(escaped(floor.label))</td><td></td>"
                + "<td data-value=\"\(floor.statistics.mean)\">\(escaped(metric.text(floor.statistics)))</td>\(missing)<td></td></tr>"
        }
        let isSeveral = answer.arms.contains { ($0.statistics?.n ?? 0) > 1 }
        return """
            <div class="short"><div class="scroll"><table class="sortable" id="short"><thead><tr>\(head("arm", ""))\
            \(head("seeds", ""))\(head(metric.words, metric.unit()))\
            \(head("difference", metric.unit(isDifference: true)))\(head("verdict", "", isText: true))</tr></thead>
            <tbody>\((arms + floors).joined(separator: "\n"))</tbody></table></div>
            <p class="soft">\(isSeveral ? "Mean ± standard deviation over seeds; differences" : "Differences") from the baseline \
            are paired by seed\(isSeveral ? ", with 95 % intervals (Student’s t)" : ""); bold: told from 0 after Holm’s \
            adjustment. Floors need no training: the same networks before it, and the pixels themselves.</p></div>

            """
    }

    /// Line and marker of an arm, in the size of text.
    func key(_ arm: Int) -> String {
        var drawing = Drawing(.page, styles: styles)
        drawing.group(.arm(arm)) { $0.sample(.arm(arm), x: 1, y: 6, width: 30) }
        return "<svg class=\"key\" viewBox=\"0 0 32 12\" aria-hidden=\"true\">\(drawing.svg)</svg>"
    }

    func planSection() -> String {
        let rows = record.arms.map { arm -> String in
            let entries = record.runs.filter { $0.arm == arm }
            let differences = (entries.first?.differences ?? [:]).sorted { $0.key < $1.key }
                .map { "<code>\(escaped($0.key))</code> = \(escaped($0.value))" }.joined(separator: "<br>")
            let seeds = entries.map { String($0.seed) }.joined(separator: ", ")
            let mark = arm == record.baseline ? " (baseline)" : ""
            return "<tr><td>\(escaped(arm))\(mark)</td><td class=\"text\">\(differences)</td><td>\(seeds)</td></tr>"
        }
        return """
            <h2>Plan</h2>
            <div class="scroll"><table><thead><tr><th>arm</th><th class="text">settings that differ</th><th>seeds</th></tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>

            """
    }
}
