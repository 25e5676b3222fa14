import Evaluation
package import ExperimentSpec
import RunStore

/// The names that can be asked for, from the columns that the runs of an experiment hold.
package struct MetricCatalog: Sendable {
    /// "evaluation/target" → its columns.
    private let columns: [String: Set<String>]
    /// What plain names mean first: the encoder whose evaluation they are looked up in.
    private let encoder: String
    /// Prefix of a name → table; "target.patches" is "diagnostics/target/patches".
    private static let prefixes = [
        "target": "evaluation/target", "context": "evaluation/context", "steps": "steps", "gradients": "gradients",
    ]

    private static func table(ofPrefix prefix: String) -> String {
        prefixes[prefix] ?? "diagnostics/" + prefix.replacing(".", with: "/")
    }

    private static func prefix(ofTable table: String) -> String? {
        if let known = prefixes.first(where: { $0.value == table }) { return known.key }
        guard table.hasPrefix("diagnostics/") else { return nil }
        return String(table.dropFirst("diagnostics/".count)).replacing("/", with: ".")
    }
    /// Columns of the per-step series that say how fast the run was, not how it ended.
    private static let speedColumns: Set<String> = ["images_per_second", "step_seconds", "loader_wait_seconds"]

    package init(columns: [String: Set<String>], encoder: String) {
        self.columns = columns.mapValues { $0.subtracting(["step"]) }
        self.encoder = encoder
    }

    /// The columns that runs of a configuration will hold.
    package init(of configuration: RunConfiguration, encoder: String) {
        var columns = ["steps": Set(MetricConvention.columns(of: "steps"))]
        columns["steps"]?.insert(MetricTable.loaderWaitShareColumn)
        let tasks = configuration.evaluationTasks
        for encoder in configuration.evaluation.encoders {
            let table = "evaluation/\(encoder.rawValue)"
            // A vector for each row.
            columns[table] = Set(MetricConvention.columns(of: table)).subtracting(["singular_values"])
                .union(tasks.flatMap { $0.task.metrics(trainingImages: nil) }.map(\.name))
        }
        self.init(columns: columns, encoder: encoder)
    }

    /// What is known of a metric that a claim names.
    package func knowledge(of metric: String) -> MetricKnowledge {
        do {
            return try resolve(metric, in: "").isAccuracy ? .accuracy : .other
        } catch {
            let name = String(metric.prefix { $0 != "@" })
            let remedy = (error as? AnalysisError)?.remedy ?? "\(error)"
            let nearest = contains(name) ? nil : nearestName(to: name, among: names)
            return .unknown(
                nearest: nearest,
                remedy: nearest == nil
                    ? remedy : "use the table's names, for example \(MetricConvention.mainMetrics.first ?? "loss")@gain"
            )
        }
    }

    /// Every name that `resolve` accepts, without reductions, in alphabetical order.
    package var names: [String] {
        var names: Set<String> = []
        for table in columns.keys {
            guard let prefix = Self.prefix(ofTable: table) else { continue }
            for column in columns[table] ?? [] {
                names.insert("\(prefix).\(column)")
                if plainTable(of: column) != nil { names.insert(column) }
            }
        }
        return names.sorted()
    }

    /// Whether any run holds `name`.
    package func contains(_ name: String) -> Bool { place(of: name) != nil }

    /// Reads `[target.|context.|steps.]column[@reduction]`.
    ///
    /// A plain column is looked up in the chosen encoder's evaluation, then in the per-step series. Without a
    /// reduction an evaluation gives its last row, a step series the mean of its last 5 %, a speed its median.
    ///
    /// - Parameter others: Names that could have been meant as well, though they are no metrics.
    /// - Throws: `AnalysisError` that names the nearest known name where the column or the reduction is unknown.
    package func resolve(
        _ text: String, in experiment: String, besides others: [String] = []
    ) throws -> MetricSelector {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let (table, column) = place(of: parts[0]) else {
            throw AnalysisError(
                .unknownName, path: experiment, message: "no run has a metric “\(parts[0])”",
                remedy: nearestName(to: parts[0], among: names + others).map { "Did you mean “\($0)”?" }
                    ?? known(besides: others))
        }
        guard parts.count == 2 else {
            return MetricSelector(
                name: text, table: table, column: column, reduction: Self.defaultReduction(table: table, column: column)
            )
        }
        guard let reduction = MetricSelector.Reduction(rawValue: parts[1]) else {
            let known = MetricSelector.Reduction.allCases.map { "@\($0.rawValue)" }
            throw AnalysisError(
                .unknownName, path: experiment, message: "“@\(parts[1])” in “\(text)” is not a known reduction",
                remedy: "Known: \(known.joined(separator: ", "))")
        }
        return MetricSelector(name: text, table: table, column: column, reduction: reduction)
    }

    /// Plain names, and what may stand before others: there are hundreds in all.
    private func known(besides others: [String]) -> String {
        let (long, plain) = (names.filter { $0.contains(".") }, names.filter { !$0.contains(".") })
        let prefixes = Set(long.compactMap { name in name.lastIndex(of: ".").map { String(name[...$0]) } }).sorted()
        return "Known: " + (others + plain).joined(separator: ", ")
            + (prefixes.isEmpty ? "" : "; other names begin with " + prefixes.joined(separator: ", "))
    }

    private static func defaultReduction(table: String, column: String) -> MetricSelector.Reduction {
        guard table == "steps" else { return .last }
        // A running share: its last row is that of the whole run.
        if column == MetricTable.loaderWaitShareColumn { return .last }
        return speedColumns.contains(column) ? .median : .tail
    }

    private func place(of name: String) -> (table: String, column: String)? {
        if let dot = name.lastIndex(of: ".") {
            let table = Self.table(ofPrefix: String(name[..<dot]))
            let column = String(name[name.index(after: dot)...])
            return columns[table]?.contains(column) == true ? (table, column) : nil
        }
        return plainTable(of: name).map { ($0, name) }
    }

    private func plainTable(of column: String) -> String? {
        ["evaluation/\(encoder)", "steps"].first { columns[$0]?.contains(column) == true }
    }
}
