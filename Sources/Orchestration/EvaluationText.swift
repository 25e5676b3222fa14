import RunStore

/// Numbers of an evaluation as people read them: accuracies in percent, metrics by their short titles.
enum EvaluationText {
    /// Where accuracies are told from other numbers; both encoders have the same columns.
    private static let table = "evaluation/target"

    /// "20-NN 61.2 %", "rankme 23.5".
    static func number(_ value: Double, of column: String) -> String {
        let name = MetricConvention.displayName(of: column)
        return MetricConvention.isAccuracy(column, in: table)
            ? "\(name) \(MetricConvention.percent(value)) %" : "\(name) \(Quantity.significant(value))"
    }

    /// "10-NN 60.5 %, 20-NN 61.2 %, linear 74.8 %, rankme 11.2": task by task, then the others by name. Tasks that this
    /// evaluation left out are NaN, and are not shown.
    static func summary(of metrics: [String: Double]) -> String {
        let shown = metrics.filter { name, value in
            !value.isNaN && (MetricConvention.isAccuracy(name, in: table) || name == "rankme")
        }
        let order = shown.keys.sorted { first, second in
            let (before, after) = (MetricConvention.place(of: first), MetricConvention.place(of: second))
            return before == after ? first < second : before < after
        }
        return order.compactMap { name in shown[name].map { number($0, of: name) } }.joined(separator: ", ")
    }

    /// A stored number in a cell of a table whose row is called `label(of:in:)`: "61.2", "0.421"; "–" for NaN.
    static func cell(_ value: Double, of column: String, in table: String) -> String {
        if value.isNaN { return "–" }
        return MetricConvention.isAccuracy(column, in: table)
            ? MetricConvention.percent(value) : Quantity.significant(value)
    }

    /// A column with its unit: "knn_20 (%)", "rankme".
    static func label(of column: String, in table: String) -> String {
        MetricConvention.isAccuracy(column, in: table) ? "\(column) (%)" : column
    }
}
