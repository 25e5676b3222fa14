import Declarations
import Evaluation
import ExperimentSpec
import Objectives
import RunStore

/// What happened over steps.
extension ReportInput {
    /// Names of the arms with their lines, and switches for them.
    func armLegend() -> String {
        let entries = record.arms.enumerated().map { index, arm in
            "<li data-arm=\"\(index)\"><label class=\"switch\"><input type=\"checkbox\" checked value=\"\(index)\">"
                + "\(key(index))\(escaped(arm))</label></li>"
        }
        return "<ul class=\"legend\">\(entries.joined())</ul>\n"
    }

    func charts(_ charts: [LineChart]) -> String {
        "<div class=\"grid2\">" + charts.map { $0.html(styles) }.joined() + "</div>\n"
    }

    /// Accuracies and loss: what most readers look for.
    func curveSection() -> String {
        var shown = accuracyCharts(of: table.encoder)
        let loss = series("steps", "loss")
        if !loss.isEmpty {
            shown.append(
                LineChart(
                    title: "Loss", caption: "on training batches; of different objectives it cannot be compared",
                    xLabel: "step", series: loss))
        }
        guard !shown.isEmpty else { return "" }
        return """
            <h2>Curves</h2>
            <p class="soft">Accuracy of simple classifiers on frozen features of the \(escaped(table.encoder)) encoder, on \
            test images; step 0 is before training. Lines are means over seeds, bands the range of the seeds. Point at a \
            line or a name to see that arm alone; boxes switch arms off.</p>
            \(armLegend())\(charts(shown))
            """
    }

    private func accuracyCharts(of encoder: String) -> [LineChart] {
        let name = "evaluation/\(encoder)"
        let probes = MetricConvention.representatives(among: Set(runs.flatMap { $0.tables[name]?.columns ?? [] }))
        return probes.compactMap { probe in
            let series = series(name, probe.name)
            guard !series.isEmpty else { return nil }
            return LineChart(
                title: probe.title, caption: probe.isAccuracy ? "accuracy on test images, %" : "on test images",
                xLabel: "step", isPercent: probe.isAccuracy, series: series)
        }
    }

    /// Rank and scale of the features, and the verdicts that rest on them.
    func collapseSection() -> String {
        let shown = collapseCharts(featureTable)
        let verdicts = verdictParts()
        guard !shown.isEmpty || !verdicts.isEmpty else { return "" }
        var html = "<h2>Collapse</h2>\n"
        if !shown.isEmpty {
            html += """
                <p class="soft">Features collapse when images no longer differ in them. RankMe counts the directions that the \
                features use: exp of the entropy of their normalised singular values, from 1 to the number of dimensions. The \
                standard deviation is that of each feature over test images. Thresholds of the verdict are drawn where they \
                are near. (\(escaped(table.encoder)) encoder)</p>
                \(armLegend())\(charts(shown))
                """
        }
        return html + verdicts
    }

    func trainingSection() -> String {
        var columns: [(name: String, title: String, caption: String, isLog: Bool)] = [
            ("prediction_loss", "Prediction loss", "between predictions and targets, on training batches", false)
        ]
        for term in Catalogue.current.regularizers.map({ $0.declaration }) {
            columns.append((term.lossColumn, term.title, "before its weight", false))
            columns.append((term.weightColumn, "Weight of \(term.title)", "", false))
            guard term.parts.count > 1 else { continue }
            columns += term.parts.map { (term.column(of: $0), $0.title, "before its weight", false) }
        }
        columns.append(("gradient_norm", "Gradient norm", "of all trained parameters, before clipping", true))
        let shown = columns.compactMap { column -> LineChart? in
            let series = series("steps", column.name)
            guard !series.isEmpty else { return nil }
            return LineChart(
                title: column.title, caption: column.caption,
                xLabel: "step", isLogY: column.isLog, series: series)
        }
        guard !shown.isEmpty else { return "" }
        return """
            <h2>Loss terms</h2>
            <p class="soft">Lines are means over seeds, bands the range of the seeds; each point is the mean of several
            consecutive steps. Losses of arms with different objectives cannot be compared.</p>
            \(armLegend())\(charts(shown))
            """
    }

    /// Accuracies of the other encoder, and the measures of features that no diagnosis holds.
    func evaluationSection() -> String {
        let tables = Set(runs.flatMap(\.tables.keys).filter { $0.hasPrefix("evaluation/") })
        let encoders = tables.map { String($0.dropFirst("evaluation/".count)) }.sorted(by: >)
        let skill = [
            ("predictor_r2", "Predictor R²", "1: perfect; 0: no better than the mean target"),
            ("predictor_r2_position", "Predictor R² per position", "0: no better than the mean at each position"),
        ]
        var html = ""
        for encoder in encoders {
            var shown = encoder == table.encoder ? [] : accuracyCharts(of: encoder)
            // Diagnoses are taken with every evaluation, and more often.
            for (name, title, caption) in hasDiagnostics(of: encoder) ? [] : Self.measures + skill
            where encoder != table.encoder || !["rankme", "std_mean"].contains(name) {
                let series = series("evaluation/\(encoder)", name)
                guard !series.isEmpty else { continue }
                shown.append(LineChart(title: title, caption: caption, xLabel: "step", series: series))
            }
            guard !shown.isEmpty else { continue }
            html += "<h2>Features of the \(escaped(encoder)) encoder</h2>\n\(armLegend())\(charts(shown))"
        }
        return html
    }
}
