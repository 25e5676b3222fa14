/// Features of images with what belongs to them, in memory.
package struct EmbeddingSet: Sendable {
    /// A part of a data set.
    package enum Split: String, CaseIterable, Sendable {
        case test
        case train
    }

    /// [rows, width], row after row.
    package let features: [Float]
    package let width: Int
    /// Class of each row.
    package let labels: [Int32]
    /// Place of each row's image in its split.
    package let indices: [Int32]
    /// Name of each row's image file; none where images only have numbers.
    package let names: [String]?
    /// Names of classes 0, 1, …; none where the data set gives only numbers.
    package let labelNames: [String]?
    /// Where the features come from.
    package let experiment: String
    package let run: String
    /// "target" or "context".
    package let encoder: String
    package let step: Int
    package let split: Split

    package var rows: Int { labels.count }

    package init(
        features: [Float], width: Int, labels: [Int32], indices: [Int32], labelNames: [String]?, experiment: String,
        run: String, encoder: String, step: Int, split: Split = .test, names: [String]? = nil
    ) {
        precondition(
            features.count == labels.count * width && indices.count == labels.count,
            "features [\(features.count)] for labels [\(labels.count)], indices [\(indices.count)], width \(width)")
        precondition(
            names.map { $0.count == labels.count } ?? true, "\(names?.count ?? 0) names for \(labels.count) rows")
        self.features = features
        self.width = width
        self.labels = labels
        self.indices = indices
        self.labelNames = labelNames
        self.names = names
        self.experiment = experiment
        self.run = run
        self.encoder = encoder
        self.step = step
        self.split = split
    }

    /// Where the features come from, by name.
    var origin: [(String, String)] {
        [
            ("experiment", experiment), ("run", run), ("encoder", encoder), ("step", "\(step)"),
            ("split", split.rawValue),
        ]
    }

    /// The class in words, or its number where it has no name.
    package func labelName(_ label: Int32) -> String {
        guard let labelNames, labelNames.indices.contains(Int(label)) else { return "\(label)" }
        return labelNames[Int(label)]
    }
}
