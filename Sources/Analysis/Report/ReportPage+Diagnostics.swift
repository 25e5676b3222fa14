import Declarations
import Objectives
import ExperimentSpec
import Foundation
import RunStore

/// Diagnostics over steps, spectra, and what gradients the loss terms have.
extension ReportInput {
    private static let sources = [
        ("target", "Target encoder"), ("context", "Context encoder"), ("predictions", "Predictions"),
    ]
    private static let views = [
        ("images", "images (means over patches)"), ("patches", "single patches"),
        ("within", "within images (patches minus their image's mean)"),
    ]

    /// Measures that are drawn; the file holds more.
    static let measures: [(name: String, title: String)] = [
        ("rankme", "RankMe"), ("effective_rank", "Effective rank, centred"),
        ("live_directions", "Live directions, share"),
        ("std_mean", "Standard deviation"), ("mean_cosine", "Mean cosine"), ("alpha_req", "α-ReQ"),
        ("uniformity", "Uniformity"), ("lidar", "LiDAR"),
        ("between_within_ratio", "Variance between images over within"),
    ]

    /// Whether every run with an evaluation of the encoder has diagnostics of it too, which then need not be drawn twice.
    func hasDiagnostics(of encoder: String) -> Bool {
        let evaluated = runs.filter { $0.tables["evaluation/\(encoder)"] != nil }
        return !evaluated.isEmpty && evaluated.allSatisfy { $0.tables["diagnostics/\(encoder)/images"] != nil }
    }

    func diagnosticsSection() -> String {
        var parts: [String] = []
        for (source, sourceTitle) in Self.sources {
            for (view, viewTitle) in Self.views {
                let table = "diagnostics/\(source)/\(view)"
                var shown = Self.measures.compactMap { chart(table, $0.name, title: $0.title) }
                if let spectrum = spectrumChart(table, title: "Singular spectrum") { shown.append(spectrum) }
                guard !shown.isEmpty else { continue }
                parts.append(
                    details("\(sourceTitle): \(viewTitle)", isOpen: source == "target" && view == "images", shown))
            }
        }
        let encoders = [
            ("feature_cosine", "Cosine of features"), ("feature_cosine_centred", "Cosine of features, centred"),
            ("patch_cosine", "Cosine of patches"), ("weight_distance", "Distance of weights"),
            ("target_movement", "Movement of the target encoder"),
            ("context_movement", "Movement of the context encoder"),
        ].compactMap { chart("diagnostics/encoders", $0.0, title: $0.1) }
        let layers = lastVectors("diagnostics/encoders", "weight_distance_by_layer", from: 0)
        let byLayer =
            layers.isEmpty
            ? []
            : [
                LineChart(
                    title: "Distance of weights by layer", caption: "last diagnosis", xLabel: "layer", series: layers)
            ]
        if !encoders.isEmpty { parts.append(details("Target against context encoder", encoders + byLayer)) }
        let predictor = [
            ("loss", "Prediction loss on test images"), ("predictor_r2", "R² against the mean"),
            ("predictor_r2_position", "R² against the mean at each position"),
        ].compactMap { chart("diagnostics/predictor", $0.0, title: $0.1) }
        if !predictor.isEmpty { parts.append(details("Predictor", isOpen: true, predictor)) }
        guard !parts.isEmpty else { return "" }
        return """
            <h2>Diagnostics</h2>
            <p class="soft">Measured on the same test images, patches and masks at every diagnosis of every run. Conventions are as \
            stored: ranks from singular values, spectra not centred.</p>
            \(armLegend())\(parts.joined())
            """
    }

    /// Norms of the gradient of each loss term alone.
    func gradientSection() -> String {
        let regularizers = Catalogue.current.regularizers.map { $0.declaration }
        let terms =
            [("prediction", "Prediction")]
            + regularizers.flatMap { term in
                [(term.gradientName, "\(term.title) as a whole")]
                    + zip(term.gradientPartNames, term.parts).map { ($0, $1.title) }
            }
        var parts: [String] = []
        for (network, title) in [("encoder", "Context encoder"), ("predictor", "Predictor")] {
            var shown = terms.compactMap {
                chart("gradients", "\($0.0)_\(network)", title: $0.1, isLogY: true)
            }
            for term in regularizers {
                let ratio = series("gradients") { table in
                    guard let own = table["\(term.gradientName)_\(network)"],
                        let prediction = table["prediction_\(network)"]
                    else { return nil }
                    return zip(own, prediction).map { $1 > 0 ? $0 / $1 : .nan }
                }
                guard !ratio.isEmpty else { continue }
                shown.append(
                    LineChart(
                        title: "\(term.title) over prediction",
                        caption: network == "encoder" ? "below 0.01: inert" : "",
                        xLabel: "step", isLogY: true, series: ratio))
            }
            if !shown.isEmpty { parts.append(details(title, isOpen: network == "encoder", shown)) }
        }
        guard !parts.isEmpty else { return "" }
        return """
            <h2>Gradients of the loss terms</h2>
            <p class="soft">L2 norm of the gradient of each term alone, weighted as in the loss, before clipping.</p>
            \(armLegend())\(parts.joined())
            """
    }

    /// Spectra of evaluated features, where no diagnosis holds them.
    func spectrumSection() -> String {
        let tables = Set(runs.flatMap { $0.tables.keys }.filter { $0.hasPrefix("evaluation/") }).sorted(by: >)
        let shown = tables.compactMap { table -> LineChart? in
            let encoder = String(table.dropFirst("evaluation/".count))
            return hasDiagnostics(of: encoder) ? nil : spectrumChart(table, title: "\(encoder) encoder")
        }
        guard !shown.isEmpty else { return "" }
        return "<h2>Singular spectra</h2>\n\(armLegend())\(charts(shown))"
    }

    private func chart(_ table: String, _ column: String, title: String, isLogY: Bool = false) -> LineChart? {
        let series = series(table, column)
        guard !series.isEmpty else { return nil }
        return LineChart(title: title, caption: "", xLabel: "step", isLogY: isLogY, series: series)
    }

    private func spectrumChart(_ table: String, title: String) -> LineChart? {
        let series = spectra(table)
        guard !series.isEmpty else { return nil }
        return LineChart(
            title: title, caption: "singular values over the largest, at the end, not centred", xLabel: "index",
            isLogY: true, series: series)
    }

    private func details(_ title: String, isOpen: Bool = false, _ shown: [LineChart]) -> String {
        "<details\(isOpen ? " open" : "")><summary>\(escaped(title))</summary>\(charts(shown))</details>\n"
    }
}
