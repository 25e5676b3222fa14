import Foundation
package import RunStore
import Safetensors

/// How series of numbers leave the program.
package enum MetricFormat: String, CaseIterable, Sendable {
    /// One file for each table, one line for each row of each run.
    case csv
    /// One file, one object for each row of each table and run.
    case jsonl
    /// One file for each table.
    case parquet
    /// A folder of event files for each run.
    case tensorboard
}

/// The series of one run or of all runs of an experiment, in memory.
package struct MetricExport: Sendable {
    /// One run's series.
    struct Run: Sendable {
        let name: String
        let arm: String
        let seed: Int
        /// Seconds since 1970; 0 where it is not known.
        let startedAt: Double
        /// "steps", "evaluation/target"… → table.
        let tables: [String: MetricTable]
    }

    let runs: [Run]

    /// - Parameters:
    ///   - directories: Folders of runs; those that have stored nothing yet are left out.
    ///   - remark: Takes what is to be said of the runs' files.
    /// - Throws: `AnalysisError` where none has; the store's errors where every file that there is is damaged.
    package init(
        runDirectories directories: [String], in place: String, remark: (ResultsRemark) -> Void = { _ in }
    ) throws {
        var damage: (any Error)?
        runs = directories.compactMap { path -> Run? in
            let directory = RunDirectory(path: path)
            guard FileManager.default.fileExists(atPath: directory.resultsFile) else { return nil }
            do {
                let file = try RunFile(path: directory.resultsFile)
                let run = try Run(file, name: directory.name)
                ResultsRemark(file).map(remark)
                return run
            } catch {
                if directories.count > 1 { remark(.damaged("\(error)")) }
                damage = error
                return nil
            }
        }
        if runs.isEmpty, let damage { throw damage }
        guard !runs.isEmpty else {
            throw AnalysisError(
                .unusableResults, path: place, message: "no run has stored anything yet",
                remedy: "Wait until one has; `cjepa-exp status` shows their progress")
        }
    }

    init(runs: [Run]) {
        self.runs = runs
    }

    /// Writes the series into the folder `folder`, made where it is missing.
    ///
    /// - Parameter replacing: Whether existing files may be replaced.
    /// - Returns: The files written.
    /// - Throws: `AnalysisError` where something exists already; `FileWriteError`.
    package func write(_ format: MetricFormat, to folder: String, replacing: Bool) throws -> [String] {
        let tables = Set(runs.flatMap(\.tables.keys)).sorted()
        func path(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }
        func fileName(_ table: String, _ ending: String) -> String {
            path("\(table.replacing("/", with: "-")).\(ending)")
        }
        let files: [String] =
            switch format {
            case .csv, .parquet: tables.map { fileName($0, format.rawValue) }
            case .jsonl: [path("metrics.jsonl")]
            case .tensorboard:
                runs.map { path("\($0.name)/events.out.tfevents.cjepa-exp") }
            }
        try OutputFiles.prepare(files, replacing: replacing)
        switch format {
        case .csv: for (table, file) in zip(tables, files) { try writeCSV(table, to: file) }
        case .parquet: for (table, file) in zip(tables, files) { try writeParquet(table, to: file) }
        case .jsonl: try writeLines(tables, to: files[0])
        case .tensorboard: for (run, file) in zip(runs, files) { try run.writeEvents(to: file) }
        }
        return files
    }

    /// Columns of a table over all runs, in the order in which they first appear.
    private func columns(of table: String) -> [String] {
        var seen: Set<String> = []
        return runs.flatMap { $0.tables[table]?.columns ?? [] }.filter { seen.insert($0).inserted }
    }

    private func writeCSV(_ table: String, to path: String) throws {
        let columns = columns(of: table)
        let file = try AtomicFile(replacing: path)
        try file.write(
            Data(
                (["run", "arm", "seed"] + columns.map(\.quotedForCSV)).joined(separator: ",").utf8 + [
                    UInt8(ascii: "\n")
                ]))
        for run in runs {
            guard let series = run.tables[table] else { continue }
            let values = columns.map { series[$0] }
            let head = "\(run.name.quotedForCSV),\(run.arm.quotedForCSV),\(run.seed)"
            for start in stride(from: 0, to: series.rowCount, by: 1024) {
                let lines = (start..<min(start + 1024, series.rowCount)).map { row in
                    // An empty field where nothing was measured.
                    head + values.map { "," + ($0.map { Self.text($0[row]) } ?? "") }.joined() + "\n"
                }
                try file.write(Data(lines.joined().utf8))
            }
        }
        try file.commit()
    }

    private static func text(_ value: Double) -> String { value.isNaN ? "" : "\(value)" }

    /// A number that was not measured is left out.
    private func writeLines(_ tables: [String], to path: String) throws {
        let file = try AtomicFile(replacing: path)
        for run in runs {
            for table in tables {
                guard let series = run.tables[table] else { continue }
                let values = series.columns.map { ($0, series[$0]!) }
                for row in 0..<series.rowCount {
                    let numbers = values.compactMap { name, column -> String? in
                        column[row].isNaN ? nil : "\(JSONText.quoted(name)):\(JSONText.number(column[row]))"
                    }
                    let head = [
                        "\"run\":\(JSONText.quoted(run.name))", "\"arm\":\(JSONText.quoted(run.arm))",
                        "\"seed\":\(run.seed)", "\"table\":\(JSONText.quoted(table))",
                    ]
                    try file.write(Data("{\((head + numbers).joined(separator: ","))}\n".utf8))
                }
            }
        }
        try file.commit()
    }

    /// NaN where nothing was measured.
    private func writeParquet(_ table: String, to path: String) throws {
        let present = runs.compactMap { run in run.tables[table].map { (run: run, series: $0) } }
        func repeated<Value>(_ value: (Run) -> Value) -> [Value] {
            present.flatMap { Array(repeating: value($0.run), count: $0.series.rowCount) }
        }
        let names: [(name: String, values: ParquetFile.Column)] = [
            ("run", .texts(repeated(\.name))), ("arm", .texts(repeated(\.arm))), ("seed", .int64s(repeated(\.seed))),
        ]
        let numbers = columns(of: table).map { column -> (name: String, values: ParquetFile.Column) in
            let values = present.flatMap { item in
                item.series[column] ?? Array(repeating: Double.nan, count: item.series.rowCount)
            }
            return (column, .doubles(values))
        }
        try ParquetFile.write(names + numbers, metadata: [("table", table)], to: path)
    }
}

extension MetricExport.Run {
    fileprivate init(_ file: RunFile, name: String) throws {
        let started = file.provenance["started_at"].flatMap { try? Date($0, strategy: .iso8601) }
        self.init(
            name: name, arm: file.header.arm, seed: file.header.seed, startedAt: started?.timeIntervalSince1970 ?? 0,
            tables: try file.tableNames.reduce(into: [:]) { $0[$1] = try file.table($1) })
    }

    fileprivate func writeEvents(to path: String) throws {
        let file = try AtomicFile(replacing: path)
        try file.write(EventRecord.version(wallTime: startedAt))
        var series = EventSeries(startedAt: startedAt)
        for row in MetricRow.rows(of: tables) { try file.write(series.record(row)) }
        try file.commit()
    }
}

/// Places that an export writes to.
enum OutputFiles {
    /// Makes the folders of `files` where missing.
    ///
    /// - Throws: `AnalysisError` where a file exists and may not be replaced, or a folder cannot be made.
    static func prepare(_ files: [String], replacing: Bool) throws {
        for file in files where !replacing && FileManager.default.fileExists(atPath: file) {
            throw AnalysisError(
                .outputExists, path: file, message: "already exists",
                remedy: "Choose another --output, or replace it with --force")
        }
        for folder in Set(files.map { ($0 as NSString).deletingLastPathComponent }) where !folder.isEmpty {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw AnalysisError(
                    .cannotWrite, path: folder, message: "the folder cannot be made (\(error.localizedDescription))",
                    remedy: "Make the folder above it writable, or choose another --output")
            }
        }
    }
}
