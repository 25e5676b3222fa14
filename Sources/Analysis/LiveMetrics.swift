package import ExperimentSpec
package import Foundation
package import RunStore
import Safetensors

/// Series of a run while it trains, in files of its folder `live` that grow with them: event files for TensorBoard, and
/// JSON lines. Tags and values are those of the exports.
///
/// The results are in `run.h5`. What cannot be written here is told once, tried again with the next rows, and harms
/// nothing else.
package final class LiveMetrics {
    private let folder: String
    private var events: LiveEvents?
    private var lines: LiveLines?
    private let warn: (String) -> Void
    private var hasWarned = false
    private var lastWrite = ContinuousClock.now

    /// Makes the files say what the run holds now, and no more.
    ///
    /// - Parameters:
    ///   - step: The step that the run goes on from; 0 for one that begins.
    ///   - tables: What the run holds through that step.
    ///   - warn: Takes what is to be told.
    /// - Returns: Nil where no live file is asked for.
    package init?(
        _ resources: ResourceConfiguration, in directory: RunDirectory, startedAt: Date, step: Int,
        tables: [String: MetricTable], warn: @escaping (String) -> Void
    ) {
        guard resources.tensorboard || resources.jsonLines else { return nil }
        folder = directory.liveFolder
        self.warn = warn
        if resources.tensorboard {
            // The run's file has whole seconds.
            events = LiveEvents(
                folder: folder, startedAt: startedAt.timeIntervalSince1970.rounded(.down), step: step, tables: tables)
        }
        if resources.jsonLines { lines = LiveLines(path: directory.liveLinesFile) }
        write(tables)
    }

    /// Adds the rows that are new, unless others were added less than ten seconds ago.
    package func writeNowAndThen(_ tables: @autoclosure () -> [String: MetricTable]) {
        if ContinuousClock.now - lastWrite >= .seconds(10) { write(tables()) }
    }

    /// Adds the rows that are new.
    package func write(_ tables: [String: MetricTable]) {
        lastWrite = .now
        attempt {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw AnalysisError(
                    .cannotWrite, path: folder, message: "the folder cannot be made (\(error.localizedDescription))",
                    remedy: "remove what is in its place, and make the folder above it writable")
            }
        }
        attempt { try events?.write(tables) }
        attempt { try lines?.write(tables) }
    }

    private func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            if !hasWarned { warn("the live files lag behind, the results do not: \(error)") }
            hasWarned = true
        }
    }
}

/// The event file of one attempt at a run; those of attempts before lie beside it.
private struct LiveEvents {
    private let folder: String
    private var series: EventSeries
    /// Rows of each table that event files have.
    private var written: [String: Int] = [:]
    /// What the file begins with; none once it is there.
    private var head: Data?
    private var file: GrowingFile?

    init(folder: String, startedAt: Double, step: Int, tables: [String: MetricTable]) {
        self.folder = folder
        series = EventSeries(startedAt: startedAt)
        var first = 0
        if tables.values.contains(where: { $0.rowCount > 0 }), !Self.earlierFiles(in: folder).isEmpty {
            first = step + 1
            written = tables.mapValues(\.rowCount)
            for row in MetricRow.rows(of: tables.filter { $0.key == "steps" }) { series.skip(row) }
        }
        head =
            EventRecord.version(wallTime: startedAt) + EventRecord.sessionStart(step: first, wallTime: startedAt)
    }

    mutating func write(_ tables: [String: MetricTable]) throws {
        let file = file ?? GrowingFile(path: Self.newFile(in: folder), length: 0)
        self.file = file
        var (series, data) = (series, head ?? Data())
        for row in MetricRow.rows(of: tables, from: written) { data += series.record(row) }
        guard !data.isEmpty else { return }
        try file.append(data)
        self.series = series
        head = nil
        written = tables.mapValues(\.rowCount)
    }

    private static let prefix = "events.out.tfevents."

    /// Seconds in the names of event files.
    private static func earlierFiles(in folder: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix(prefix) else { return nil }
            let digits = name.dropFirst(prefix.count).prefix { $0 != "." }
            return digits.count == 10 ? Int(digits) : nil
        }
    }

    /// TensorBoard reads files in the order of their names, also where the clock was set back.
    private static func newFile(in folder: String) -> String {
        let seconds = max(Int(Date().timeIntervalSince1970), (earlierFiles(in: folder).max() ?? 0) + 1)
        return "\(folder)/\(prefix)\(String(format: "%010ld", seconds)).cjepa-exp"
    }
}

/// All rows so far, one JSON object in each line.
private struct LiveLines {
    let path: String
    /// Rows of each table that the file has.
    private var written: [String: Int] = [:]
    /// None until this attempt has replaced what another one has left.
    private var file: GrowingFile?

    init(path: String) { self.path = path }

    mutating func write(_ tables: [String: MetricTable]) throws {
        if let file {
            let lines = MetricRow.rows(of: tables, from: written).map(\.line).joined()
            if !lines.isEmpty { try file.append(Data(lines.utf8)) }
        } else {
            let whole = try AtomicFile(replacing: path)
            var length = 0
            for row in MetricRow.rows(of: tables) {
                let line = Data(row.line.utf8)
                try whole.write(line)
                length += line.count
            }
            try whole.commit()
            file = GrowingFile(path: path, length: length)
        }
        written = tables.mapValues(\.rowCount)
    }
}
