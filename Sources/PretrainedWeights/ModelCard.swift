/// What a README.md beside exported weights says of them.
package struct ModelCard: Sendable {
    /// A figure with the interval that it is known to.
    package struct Metric: Sendable, Hashable {
        package let name: String
        package let value: Double
        /// 95 %, over test images; none where the run has not stored what it takes.
        package let interval: ClosedRange<Double>?

        package init(name: String, value: Double, interval: ClosedRange<Double>? = nil) {
            self.name = name
            self.value = value
            self.interval = interval
        }
    }

    package var title: String
    /// An identifier of SPDX, or "unknown".
    package var license = "unknown"
    /// What it was made from and by, as (name, text).
    package var provenance: [(String, String)] = []
    package var metrics: [Metric] = []
    /// The resolved configuration of the run, as YAML or JSON.
    package var configuration: String?

    package init(title: String) { self.title = title }

    /// Text of README.md, with the head that model hubs read.
    func text(of export: WeightExport) -> String {
        let (geometry, size) = (export.encoder.geometry, export.imageSize)
        var lines = [
            "---", "license: \(Self.line(license))", "library_name: transformers",
            "pipeline_tag: image-feature-extraction", "tags:", "- ijepa", "- self-supervised", "---", "",
            "# \(Self.line(title))", "",
            "An encoder (\(export.encoder.role.rawValue)) trained with a joint-embedding predictive method: \(geometry.name), "
                + "\(geometry.depth) × \(geometry.width), for images of \(size.height)×\(size.width)×\(geometry.channels). "
                + "Its features are the mean over patches of the last layer; it has neither a class token nor a head.",
            "",
            preparation(export.preprocessing),
        ]
        if !metrics.isEmpty {
            lines += [
                "", "## Results", "", "| measure | value | 95 % interval over test images |", "| --- | --- | --- |",
            ]
            lines += metrics.map { metric in
                let interval = metric.interval.map { "\(Self.number($0.lowerBound)) to \(Self.number($0.upperBound))" }
                return "| \(Self.line(metric.name)) | \(Self.number(metric.value)) | \(interval ?? "–") |"
            }
        }
        if !provenance.isEmpty {
            lines += ["", "## Provenance", "", "| | |", "| --- | --- |"]
            lines += provenance.map { "| \(Self.line($0.0)) | \(Self.line($0.1)) |" }
        }
        if let configuration {
            lines += ["", "## Configuration", "", "````yaml", configuration.replacing("````", with: "' ' ' '"), "````"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func preparation(_ preprocessing: Preprocessing) -> String {
        let way = preprocessing.isBicubic ? "bicubic" : "bilinear"
        let size = preprocessing.shortSide.map {
            "The short side of images is resized (\(way), antialiased) to \($0), and the centre is cut out"
        }
        return (size ?? "Whole images are resized (\(way), antialiased) to that size")
            + "; pixels are divided by 255 and "
            + "normalised with mean \(Self.list(preprocessing.mean)) and deviation \(Self.list(preprocessing.deviation))."
    }

    /// A text that ends neither its line nor its cell.
    private static func line(_ text: String) -> String {
        text.replacing("\n", with: " ").replacing("\r", with: " ").replacing("|", with: "\\|")
    }

    private static func list(_ numbers: [Double]) -> String { numbers.map(number).joined(separator: ", ") }

    private static func number(_ value: Double) -> String {
        // Four digits after the point, without zeros at the end.
        let rounded = (value * 10_000).rounded() / 10_000
        return rounded.isFinite ? "\(rounded)" : "\(value)"
    }
}
