import Foundation
import RunStore

/// A row of a table as event files and live files have it.
struct MetricRow {
    let table: String
    let step: Int
    /// The columns but for the step, in the table's order; NaN where nothing was measured.
    let values: [(name: String, value: Double)]

    /// Rows of all tables by step, those of one step with the training's first. Tables of details are left out: they have
    /// several rows for a step.
    ///
    /// Readers of event files take a step that goes back for a restart, and a file cut back to a step stays the beginning
    /// of what it was.
    ///
    /// - Parameter first: Rows of each table that are left out, from its beginning.
    static func rows(
        of tables: [String: MetricTable], from first: [String: Int] = [:]
    ) -> some Sequence<MetricRow> {
        let series = tables.filter { !MetricConvention.isOfDetails($0.key) }
            .sorted { ($0.key == "steps" ? "" : $0.key) < ($1.key == "steps" ? "" : $1.key) }
            .map { name, table in
                (
                    name: name, steps: table["step"] ?? [],
                    columns: table.columns.filter { $0 != "step" }.map { (name: $0, values: table[$0] ?? []) }
                )
            }
        var places: [(step: Int, series: Int, row: Int)] = []
        for (index, table) in series.enumerated() {
            for row in table.steps.indices.dropFirst(first[table.name] ?? 0) {
                places.append((Int(table.steps[row]), index, row))
            }
        }
        places.sort { ($0.step, $0.series, $0.row) < ($1.step, $1.series, $1.row) }
        // One row at a time: all of them take many times what the tables do.
        return places.lazy.map { place in
            MetricRow(
                table: series[place.series].name, step: place.step,
                values: series[place.series].columns.map { ($0.name, $0.values[place.row]) })
        }
    }

    /// `{"step":1,"table":"steps","loss":0.5}`, with a line feed; null where nothing was measured.
    var line: String {
        let numbers = values.map { ",\(JSONText.quoted($0.name)):\(JSONText.number($0.value))" }
        return "{\"step\":\(step),\"table\":\(JSONText.quoted(table))\(numbers.joined())}\n"
    }
}

/// Rows as events: tags are "steps/loss", "evaluation/target/knn_20"; wall times are those of the steps, added up from
/// the start.
struct EventSeries {
    /// Seconds since 1970.
    let startedAt: Double
    private var elapsed = 0.0

    init(startedAt: Double) { self.startedAt = startedAt }

    /// Goes past a row without an event.
    mutating func skip(_ row: MetricRow) {
        guard row.table == "steps", let seconds = row.values.first(where: { $0.name == "step_seconds" })?.value,
            seconds.isFinite
        else { return }
        elapsed += seconds
    }

    mutating func record(_ row: MetricRow) -> Data {
        skip(row)
        return EventRecord.scalars(
            row.values.filter { !$0.value.isNaN }.map { ("\(row.table)/\($0.name)", $0.value) }, step: row.step,
            wallTime: startedAt + elapsed)
    }
}

/// Pieces of JSON. It lacks NaN and infinity: the one is null, the other a text.
enum JSONText {
    static func number(_ value: Double) -> String {
        if value.isNaN { return "null" }
        return value.isFinite ? "\(value)" : value > 0 ? "\"inf\"" : "\"-inf\""
    }

    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\u{0}"..."\u{1F}": String(format: "\\u%04x", scalar.value)
            default: String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
