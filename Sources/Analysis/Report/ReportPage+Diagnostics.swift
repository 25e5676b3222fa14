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
    static let measures: [(name: String, title: String, caption: String)] = [
        ("rankme", "RankMe", "directions that the features use, counted by the entropy of the singular values"),
        ("effective_rank", "Effective rank", "the same without the mean feature"),
        ("live_directions", "Live directions", "share of directions with at least 1 % of the largest singular value"),
        ("std_mean", "Standard deviation", "of each feature over images, mean over features"),
        ("mean_cosine", "Mean cosine", "of two different images; 1: all features point the same way"),
        ("alpha_req", "α-ReQ", "exponent at which the eigenvalues fall; larger: fewer directions"),
        ("uniformity", "Uniformity", "0: all in one place; more negative: spread over the sphere"),
        ("lidar", "LiDAR", "directions that tell images apart against what crops of one image differ in"),
        ("between_within_ratio", "Variance between images over within", "near 0: patches differ, images do not"),
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
                // What stands further up is not drawn again.
                let measures = Self.measures.filter {
                    table != featureTable || !["rankme", "std_mean"].contains($0.name)
                }
                var shown = measures.compactMap { chart(table, $0.name, title: $0.title, caption: $0.caption) }
                if !spectrumTables.map(\.table).contains(table),
                    let spectrum = spectrumChart(table, title: "Singular spectrum")
                {
                    shown.append(spectrum)
                }
                guard !shown.isEmpty else { continue }
                parts.append(
                    details("\(sourceTitle): \(viewTitle)", shown))
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
        if !predictor.isEmpty { parts.append(details("Predictor", predictor)) }
        guard !parts.isEmpty else { return "" }
        return """
            <h2>Diagnostics</h2>
            <p class="soft">Everything that was measured of features, encoders and predictor over steps, on the same test \
            images, patches and masks at every diagnosis of every run. Ranks are from singular values, spectra not centred.</p>
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

    /// How variance is spread over directions at the end.
    func spectrumSection() -> String {
        let shown = spectrumTables.compactMap { spectrumChart($0.table, title: $0.title) }
        guard !shown.isEmpty else { return "" }
        return """
            <h2>Spectra</h2>
            <p class="soft">Singular values of the features of test images at the last evaluation, over the largest one, not \
            centred, on a logarithmic scale. A curve that falls at once has collapsed to few directions; a flat one uses \
            all of them. Lines are means over seeds, bands the range of the seeds.</p>
            \(armLegend())\(charts(shown))
            """
    }

    /// Of the encoders that are evaluated.
    private var spectrumTables: [(table: String, title: String)] {
        let evaluations = Set(runs.flatMap(\.tables.keys).filter { $0.hasPrefix("evaluation/") }).sorted(by: >)
        return evaluations.map { table in
            let encoder = String(table.dropFirst("evaluation/".count))
            return (
                hasDiagnostics(of: encoder) ? "diagnostics/\(encoder)/images" : table,
                "\(encoder.prefix(1).uppercased())\(encoder.dropFirst()) encoder"
            )
        }
    }

    private func chart(
        _ table: String, _ column: String, title: String, caption: String = "", isLogY: Bool = false
    ) -> LineChart? {
        let series = series(table, column)
        guard !series.isEmpty else { return nil }
        return LineChart(title: title, caption: caption, xLabel: "step", isLogY: isLogY, series: series)
    }

    private func spectrumChart(_ table: String, title: String) -> LineChart? {
        let series = spectra(table)
        guard !series.isEmpty else { return nil }
        return LineChart(
            title: title, caption: "singular value over the largest", xLabel: "index of the singular value",
            isLogY: true, series: series)
    }

    private func details(_ title: String, isOpen: Bool = false, _ shown: [LineChart]) -> String {
        "<details\(isOpen ? " open" : "")><summary>\(escaped(title))</summary>\(charts(shown))</details>\n"
    }
}
