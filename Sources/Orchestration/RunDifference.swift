import Declarations
import ExperimentSpec
import Foundation
package import RunStore

/// What `diff` prints: how two runs differ in what they are and in what came out.
package struct RunDifference: Encodable, Sendable {
    package struct Side: Encodable, Sendable {
        package var name: String
        package var experiment: String
        package var directory: String
        package var configurationHash: String
        /// planned, running, interrupted, failed, done …
        package var status: String
        package var step: Int
        package var totalSteps: Int
    }

    /// One key with both values; absent where a run has none.
    package struct Pair: Encodable, Hashable, Sendable {
        package var name: String
        package var first: String?
        package var second: String?
    }

    /// One number of both runs.
    package struct Number: Encodable, Sendable {
        /// "steps" (the last step) or "evaluation/target" (the last evaluation) …
        package var table: String
        package var column: String
        package var first: Double?
        package var second: Double?
        /// second − first, where both are there.
        package var difference: Double?
    }

    package var first: Side
    package var second: Side
    /// Keys of the spec in which they differ, seed included.
    package var configuration: [Pair]
    /// Entries of the provenance in which they differ, but for times and places.
    package var provenance: [Pair]
    /// Everything that both runs, or one of them, measured last.
    package var results: [Number]

    /// Entries that differ between any two runs and tell nothing.
    private static let incidental: Set<String> = [
        "started_at", "ended_at", "command", "attempts", "exit_reason", "peak_memory_bytes",
    ]

    /// Of a run whose file of results is damaged there is no provenance and no number.
    ///
    /// - Parameter remark: Takes what is to be said of the files of results.
    /// - Throws: `RunStore`'s errors for a plan or a state that is missing or damaged.
    package init(
        _ first: RunDirectory, _ second: RunDirectory, liveness: WorkerLiveness = .system,
        remark: (ResultsRemark) -> Void = { _ in }
    ) throws {
        let (left, right) = (
            try RunSummary(of: first, liveness: liveness, remark: remark),
            try RunSummary(of: second, liveness: liveness, remark: remark)
        )
        self.first = Self.side(left)
        self.second = Self.side(right)
        configuration = SpecKey.all.compactMap { key in
            guard key.applies(to: left.configuration) || key.applies(to: right.configuration) else { return nil }
            let (from, to) = (key.value(in: left.configuration), key.value(in: right.configuration))
            return from == to ? nil : Pair(name: key.path, first: from.text, second: to.text)
        }
        if left.seed != right.seed {
            configuration.append(Pair(name: "seed", first: "\(left.seed)", second: "\(right.seed)"))
        }
        provenance = Self.pairs(left.provenance, right.provenance).filter { !Self.incidental.contains($0.name) }
        results = Self.numbers(left, right)
    }

    private static func side(_ run: RunSummary) -> Side {
        Side(
            name: run.name, experiment: run.experiment, directory: run.directory,
            configurationHash: run.configurationHash, status: (run.state?.status ?? .planned).rawValue,
            step: run.state?.step ?? 0, totalSteps: run.state?.totalSteps ?? 0)
    }

    private static func pairs(_ first: [String: String], _ second: [String: String]) -> [Pair] {
        Set(first.keys).union(second.keys).sorted().compactMap { name in
            first[name] == second[name] ? nil : Pair(name: name, first: first[name], second: second[name])
        }
    }

    /// The last row of each series, column by column in the order in which they are stored.
    private static func numbers(_ first: RunSummary, _ second: RunSummary) -> [Number] {
        struct Row {
            var table: String
            var columns: [String]
            var values: [String: Double]
        }
        func rows(_ run: RunSummary) -> [Row] {
            var rows = run.evaluations.map { series in
                Row(
                    table: series.name, columns: series.columns,
                    values: Dictionary(zip(series.columns, series.rows.last ?? [])) { $1 })
            }
            rows.append(Row(table: "steps", columns: run.lastStep.keys.sorted(), values: run.lastStep))
            return rows
        }
        let (left, right) = (rows(first), rows(second))
        var tables: [String] = []
        for row in left + right where !tables.contains(row.table) { tables.append(row.table) }
        return tables.flatMap { table in
            let sides = [left, right].map { rows in rows.first { $0.table == table } }
            var columns: [String] = []
            for column in sides.compactMap({ $0?.columns }).joined() where !columns.contains(column) {
                columns.append(column)
            }
            return columns.map { column in
                let (first, second) = (sides[0]?.values[column], sides[1]?.values[column])
                let difference = first.flatMap { first in second.map { $0 - first } }
                return Number(table: table, column: column, first: first, second: second, difference: difference)
            }
        }
    }

    // MARK: Text

    package var text: String {
        var sections = [
            Self.table([
                ["run", first.name, second.name], ["experiment", first.experiment, second.experiment],
                ["hash", String(first.configurationHash.prefix(8)), String(second.configurationHash.prefix(8))],
                ["status", Self.status(first), Self.status(second)],
            ])
        ]
        sections.append(
            configuration.isEmpty
                ? "configuration: identical"
                : "configuration\n"
                    + Self.table(configuration.map { ["  " + $0.name, $0.first ?? "–", $0.second ?? "–"] }))
        if !provenance.isEmpty {
            sections.append(
                "provenance\n" + Self.table(provenance.map { ["  " + $0.name, $0.first ?? "–", $0.second ?? "–"] }))
        }
        for name in results.map(\.table).reduce(into: [String](), { if !$0.contains($1) { $0.append($1) } }) {
            var table = TextTable([
                (name, .left), (first.name, .right), (second.name, .right), ("difference", .right),
            ])
            for number in results where number.table == name {
                table.append(
                    [EvaluationText.label(of: number.column, in: name)]
                        + [number.first, number.second, number.difference].map { value in
                            value.map { EvaluationText.cell($0, of: number.column, in: name) } ?? "–"
                        })
            }
            sections.append(table.text)
        }
        return sections.joined(separator: "\n\n")
    }

    private static func status(_ side: Side) -> String {
        side.totalSteps > 0 ? "\(side.status), step \(side.step) of \(side.totalSteps)" : side.status
    }

    /// Rows of three cells without a title.
    private static func table(_ rows: [[String]]) -> String {
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(
                separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
