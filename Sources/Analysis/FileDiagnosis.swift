package import Diagnostics
package import FeatureFiles

/// Everything that diagnostics say of a matrix of features from a file, ours or not.
package struct FileDiagnosis: Encodable, Sendable {
    /// What the three axes of an array are.
    package enum Layout: Sendable {
        /// [rows, D].
        case matrix
        /// [n, q, D]: q views of n objects.
        case views
        /// [B, N, D]: N patches of B images.
        case patches

        /// What the first axis counts.
        var axis: String {
            switch self {
            case .matrix: "rows"
            case .views: "objects"
            case .patches: "images"
            }
        }
    }

    package struct Measure: Encodable, Sendable {
        package let name: String
        package let value: Double
        package let convention: String
    }

    /// The measures of one matrix.
    package struct View: Encodable, Sendable {
        /// "rows", or "images", "patches", "within" of an array of patches.
        package let name: String
        package let rows: Int
        package let width: Int
        package let measures: [Measure]
        /// Not centred, largest first.
        package let singularValues: [Double]
    }

    package struct Finding: Encodable, Sendable {
        package let name: String
        package let evidence: [String]
    }

    /// A quantity as a library defines it.
    package struct LibraryValue: Encodable, Sendable {
        package let library: String
        package let quantity: String
        package let value: Double
        package let convention: String
        package let source: String
        /// The nearest of our own measures, and its value.
        package let nearest: String?
        package let nearestValue: Double?
    }

    package let file: String
    /// Empty for a file of one array.
    package let dataset: String
    package let shape: [Int]
    package let type: String
    package let views: [View]
    /// None where all values are finite.
    package let nonFinite: NonFiniteValues?
    /// "healthy", "complete collapse", …
    package let verdict: String
    /// The gravest first.
    package let findings: [Finding]
    package let thresholds: [Measure]
    package let libraries: [LibraryValue]
    /// What has to be known to read the numbers, in whole sentences.
    package let notes: [String]

    /// Patches that are measured where there are more.
    package static let patchRows = 8192

    /// - Parameters:
    ///   - libraries: Whose conventions to show beside ours.
    ///   - hasKnownScale: Whether the features come from a LayerNorm, so that a small std alone is a collapse.
    ///   - seed: For the choice of patches and of pairs.
    /// - Throws: `FeatureFileError` where the shape does not fit the layout.
    package init(
        of array: FeatureArray, file: String, layout: Layout, libraries: [LibraryConvention], hasKnownScale: Bool,
        thresholds: VerdictThresholds, seed: UInt64
    ) throws {
        try Self.check(array, file: file, layout: layout)
        let columns = array.shape[array.shape.count - 1]
        var (views, lidar): ([View], LiDAR?) = ([], nil)
        var parts: [FeatureDiagnostics] = []
        let images: FeatureMatrix
        func measure(_ name: String, _ matrix: FeatureMatrix, extra: [Measure] = []) {
            let diagnostics = FeatureDiagnostics(matrix, seed: seed)
            parts.append(diagnostics)
            views.append(View(name: name, matrix, diagnostics, extra: extra))
        }
        switch layout {
        case .matrix:
            images = FeatureMatrix(rows: array.shape[0], columns: columns, values: array.values)
            measure("rows", images)
        case .views:
            images = FeatureMatrix(rows: array.shape[0] * array.shape[1], columns: columns, values: array.values)
            let own = LiDAR(views: images, viewsPerObject: array.shape[1])
            lidar = own
            measure("rows", images, extra: [Measure(name: "lidar", value: own.value, convention: Self.lidarConvention)])
        case .patches:
            images = FeatureMatrix.pooled(
                array.values, images: array.shape[0], patches: array.shape[1], columns: columns)
            let choice = PatchChoice(
                images: array.shape[0], patchesPerImage: array.shape[1], rows: Self.patchRows, seed: seed)
            let patches = PatchFeatures(array.values, pooled: images, choice: choice)
            measure("images", images)
            let ratio = VarianceRatio(images: images, patches: patches)
            measure(
                "patches", patches.patches,
                extra: [
                    Measure(
                        name: "between_within_ratio", value: ratio.value,
                        convention: "trace of the covariance of the images' means, 1/(B − 1), over the mean squared "
                            + "distance of patches from their image's mean, · N/(N − 1)")
                ])
            measure("within", patches.residuals)
        }
        let readings = parts.map { FeatureReading($0) }
        let judged = FeatureVerdict(
            name: views[0].name, images: readings[0], patches: readings.count > 1 ? readings[1] : nil,
            within: readings.count > 2 ? readings[2] : nil, hasKnownScale: hasKnownScale, thresholds: thresholds)
        self.file = file
        dataset = array.name
        shape = array.shape
        type = array.type
        self.views = views
        verdict = judged.isHealthy ? "healthy" : judged.findings.map(\.words).joined(separator: ", ")
        let nonFinite = NonFiniteValues(of: array, axis: layout.axis)
        self.nonFinite = nonFinite
        findings = judged.findings.map { finding in
            let evidence = (judged.evidence[finding] ?? []).map(\.text)
            return Finding(
                name: finding.rawValue,
                evidence: finding == .nonFinite ? nonFinite.map { [$0.text] } ?? evidence : evidence)
        }
        notes = lidar.flatMap(Self.note).map { [$0] } ?? []
        self.thresholds = thresholds.all.prefix(4).map {
            Measure(name: $0.name, value: $0.value, convention: Self.thresholdConventions[$0.name] ?? "")
        }
        guard !libraries.isEmpty else {
            self.libraries = []
            return
        }
        let isMeasurable = readings[0].isFinite
        let spectra = isMeasurable ? LibraryConvention.Spectra(images, parts[0], lidar: lidar) : nil
        self.libraries = libraries.flatMap { library in
            zip(library.quantities, spectra.map(library.values) ?? library.quantities.map { _ in .nan }).map {
                quantity, value in
                LibraryValue(
                    library: library.name, quantity: quantity.name, value: value, convention: quantity.convention,
                    source: library.source, nearest: quantity.nearest,
                    nearestValue: quantity.nearest == "lidar"
                        ? lidar?.value : quantity.nearest.flatMap { parts[0][$0] })
            }
        }
    }

    private static func check(_ array: FeatureArray, file: String, layout: Layout) throws {
        func failure(_ message: String, _ remedy: String) -> FeatureFileError {
            FeatureFileError(
                file: file, dataset: array.name.isEmpty ? nil : array.name, message: message, remedy: remedy)
        }
        switch (layout, array.shape.count) {
        case (.matrix, 2): break
        case (.matrix, 3):
            throw failure(
                "has three axes, \(array.shape)",
                "say what they are: --views for [objects, views, D] (LiDAR), --patches for [images, patches, D]")
        case (.matrix, _): throw failure("has the shape \(array.shape)", "features are a matrix [rows, D]")
        case (_, 3): break
        default:
            throw failure(
                "has the shape \(array.shape)", "--views takes [objects, views, D], --patches [images, patches, D]")
        }
        if array.shape[array.shape.count - 1] == 0 {
            throw failure("has the shape \(array.shape), features of width 0", "store the features themselves")
        }
        if array.shape[0] < 2 {
            throw failure(
                array.shape[0] == 0
                    ? "holds no \(layout.axis): \(array.shape)"
                    : "holds a single \(layout.axis.dropLast()): \(array.shape)",
                "collapse shows in how \(layout.axis) differ: give two or more, better hundreds")
        }
        if layout == .views, array.shape[1] < 2 {
            throw failure("has \(array.shape[1]) view of each object", "LiDAR needs two views of each object")
        }
        if layout == .patches, array.shape[1] < 1 {
            throw failure("has no patches: \(array.shape)", "store at least one patch of each image")
        }
    }

    /// LiDAR alone depends on the scale of the features, by its δ.
    private static func note(_ lidar: LiDAR) -> String? {
        guard lidar.withinVariance < LiDAR.delta else { return nil }
        return "lidar: the views of an object vary by less (\(number(lidar.withinVariance))) than δ = "
            + "\(number(LiDAR.delta)), which suits features of unit scale: here δ determines the value."
    }

    private static let lidarConvention =
        "exp(entropy of λ/Σλ + 1e-8), λ of Sw^(−1/2) Sb Sw^(−1/2), Sb with 1/(n − 1), Sw with 1/(n(q − 1)) + 1e-4"

    private static let thresholdConventions = [
        "rank_share": "rankme/D or effective_rank/D below this: dimensional collapse",
        "standard_deviation":
            "normalised_std_mean·√D below this: complete collapse (std_mean too, with --unit-scale); of patches: std "
            + "within images over that of patches",
        "directions": "rankme below this (below 1 + (D − 1)/10 if that is less): complete collapse",
        "live_directions": "live_directions below this: dimensional collapse",
    ]
}

extension FileDiagnosis.View {
    fileprivate init(
        name: String, _ matrix: FeatureMatrix, _ diagnostics: FeatureDiagnostics, extra: [FileDiagnosis.Measure]
    ) {
        self.name = name
        rows = matrix.rows
        width = matrix.columns
        measures =
            zip(diagnostics.metrics, FeatureDiagnostics.conventions).map {
                FileDiagnosis.Measure(name: $0.name, value: $0.value, convention: $1.text)
            } + extra
        singularValues = diagnostics.singularValues
    }
}

extension FileDiagnosis {
    /// For people: a table of every number with its convention, what libraries say, and the verdict.
    package var text: String {
        var lines = ["\(file)\(dataset.isEmpty ? "" : ": \(dataset)")  \(shape) \(type)"]
        for view in views {
            lines.append("")
            lines.append("\(view.name)  n = \(view.rows), D = \(view.width)")
            lines += Self.aligned(
                view.measures.map { [$0.name, Self.number($0.value), $0.convention] })
        }
        if !libraries.isEmpty {
            lines += ["", "as other libraries define it (rows of \(views[0].name))"]
            lines += Self.aligned(
                libraries.map { value in
                    [
                        value.library, value.quantity, Self.number(value.value),
                        value.nearest.map { "\($0) \(Self.number(value.nearestValue ?? .nan))" } ?? "",
                        value.convention,
                    ]
                })
            var sources: [String] = []
            for value in libraries where !sources.contains("\(value.library): \(value.source)") {
                sources.append("\(value.library): \(value.source)")
            }
            lines += sources.map { "  " + $0 }
        }
        lines += ["", "verdict: \(verdict)"]
        for finding in findings { lines.append("  " + finding.evidence.joined(separator: ", ")) }
        lines += notes.map { "note: \($0)" }
        lines.append("thresholds")
        lines += Self.aligned(thresholds.map { [$0.name, Self.number($0.value), $0.convention] })
        return lines.joined(separator: "\n")
    }

    private static func number(_ value: Double) -> String {
        value.isFinite ? NumberFormat.significant(value, digits: 6) : value.isNaN ? "–" : "\(value)"
    }

    /// Cells in columns two spaces apart, indented.
    private static func aligned(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            "  "
                + row.indices.map { column in
                    column == row.count - 1
                        ? row[column] : row[column] + String(repeating: " ", count: widths[column] - row[column].count)
                }.joined(separator: "  ")
        }
    }
}
