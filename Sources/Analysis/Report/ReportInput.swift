package import ExperimentSpec
package import Foundation
package import RunStore

/// Everything that a report shows of an experiment, in memory; `load` reads it, `html` writes the page.
package struct ReportInput: Sendable {
    /// One run of the matrix: how it went, and its series where it has stored any.
    package struct Run: Sendable {
        package var arm: String
        package var seed: Int
        package var directory: String
        /// None: it never started, or its state cannot be read.
        package var state: RunState?
        /// "steps", "evaluation/target"… → series.
        package var tables: [String: MetricTable]
        package var provenance: [String: String]
        /// Why there is no series, in words.
        package var problem: String?
        /// Last lines of the log, of runs that are not done.
        package var logTail: [String]
        /// As of the last diagnosis; none before it, and in files that are older than verdicts.
        package var verdict: StoredVerdict?

        package init(
            arm: String, seed: Int, directory: String = "", state: RunState? = nil,
            tables: [String: MetricTable] = [:], provenance: [String: String] = [:], problem: String? = nil,
            logTail: [String] = [], verdict: StoredVerdict? = nil
        ) {
            self.arm = arm
            self.seed = seed
            self.directory = directory
            self.state = state
            self.tables = tables
            self.provenance = provenance
            self.problem = problem
            self.logTail = logTail
            self.verdict = verdict
        }
    }

    /// A picture that the caller drew: masks, attention.
    package struct Picture: Sendable {
        package var title: String
        package var caption: String
        package var png: Data

        package init(title: String, caption: String, png: Data) {
            self.title = title
            self.caption = caption
            self.png = png
        }
    }

    package var record: ExperimentRecord
    package var table: ComparisonTable
    package var runs: [Run]
    /// One for each arm that stored any, of its first seed.
    package var maps: [EmbeddingMap]
    /// One for each setting of the masks.
    package var masks: [Picture]
    /// One for each arm, the baseline first: what both encoders look at on the same images.
    package var attention: [Picture]
    /// What maps could not be shown, and why.
    package var remarks: [String]
    /// The same of pictures.
    package var pictureRemarks: [String]
    /// Version of the program that writes the page.
    package var program: String
    /// Patterns (`*`, `?`) over names of arms: the ones that figures show; empty: all.
    package var only: [GlobPattern] = []
    /// After which a browser loads the page again, while runs go on; none: never.
    package var refreshSeconds: Int?

    package init(
        record: ExperimentRecord, table: ComparisonTable, runs: [Run], maps: [EmbeddingMap] = [],
        masks: [Picture] = [], attention: [Picture] = [], remarks: [String] = [], pictureRemarks: [String] = [],
        program: String
    ) {
        self.record = record
        self.table = table
        self.runs = runs
        self.maps = maps
        self.masks = masks
        self.attention = attention
        self.remarks = remarks
        self.pictureRemarks = pictureRemarks
        self.program = program
    }
}

extension ReportInput {
    /// How each arm looks, in the order of the record.
    var styles: [ArmStyle] { ArmStyle.all(arms: record.arms, factors: record.factors ?? []) }

    /// The hue that arms of a level share; none where the axis is not told by hues.
    func hue(ofFactor factor: String, level: String) -> Int? {
        ArmStyle.hue(ofLevel: level, factor: factor, factors: record.factors ?? [])
    }

    func isShown(_ arm: String) -> Bool { only.isEmpty || only.contains { $0.matches(arm) } }

    /// Lines of a failed run's log that the page shows.
    private static let logLines = 12

    /// Reads an experiment. A run whose files are damaged is shown as such, and takes nothing else away.
    ///
    /// - Parameters:
    ///   - metrics: Columns of the table; none: the usual ones.
    ///   - encoder: "target" or "context": whose features are compared and mapped.
    ///   - tags: Only runs that have all of these.
    ///   - only: Patterns over names of arms, for figures.
    ///   - hasMaps: Whether embeddings are read and mapped.
    ///   - remark: Takes what is to be said of the runs' files.
    /// - Throws: `AnalysisError` or `RunStoreError` where the experiment itself cannot be read; `AnalysisError` for a
    ///   pattern that no arm matches.
    package static func load(
        experimentDirectory: String, metrics: [String] = [], encoder: String = "target", tags: [String] = [],
        only: [String] = [], hasMaps: Bool = true, program: String, remark: (ResultsRemark) -> Void = { _ in }
    ) throws -> ReportInput {
        let record = try ExperimentRecord.load(fromExperiment: experimentDirectory)
        let table = try ComparisonTable.load(
            experimentDirectory: experimentDirectory, metrics: metrics, encoder: encoder, tags: tags, remark: remark)
        for pattern in only where !record.arms.contains(where: GlobPattern(pattern).matches) {
            let nearest = nearestName(to: pattern, among: record.arms)
            throw AnalysisError(
                .unknownName, path: experimentDirectory, message: "no arm matches --only \(pattern)",
                remedy: nearest.map { "Did you mean “\($0)”?" } ?? "Arms: \(record.arms.joined(separator: ", "))")
        }
        let runs = record.runs.compactMap { entry -> Run? in
            let directory = RunDirectory(
                path: (experimentDirectory as NSString).appendingPathComponent(entry.directoryName))
            return directory.hasTags(tags) ? run(entry, directory) : nil
        }
        var (maps, remarks): ([EmbeddingMap], [String]) = ([], [])
        for arm in hasMaps ? record.arms : [] {
            let finished = runs.filter {
                $0.arm == arm && $0.state?.status.isFinished == true && $0.problem == nil
            }
            guard let run = finished.min(by: { $0.seed < $1.seed })
            else { continue }
            do {
                let set = try EmbeddingSet.load(runDirectory: run.directory, encoder: encoder, step: nil)
                maps.append(EmbeddingMap(set, arm: arm, seed: run.seed))
            } catch let error as AnalysisError where error.code == .unknownName {
                remarks.append("\(arm): no embeddings of the \(encoder) encoder are stored, so there is no map.")
            } catch {
                remarks.append("\(arm): its embeddings cannot be read (\(error)).")
            }
        }
        var input = ReportInput(
            record: record, table: table, runs: runs, maps: maps, remarks: remarks, program: program)
        input.only = only.map(GlobPattern.init)
        return input
    }

    private static func run(_ entry: ExperimentRecord.Entry, _ directory: RunDirectory) -> Run {
        var run = Run(arm: entry.arm, seed: entry.seed, directory: directory.path)
        do {
            run.state = try directory.loadState()
            if run.state?.status.isFinished != true { run.logTail = logTail(of: directory.logFile) }
            guard FileManager.default.fileExists(atPath: directory.resultsFile) else { return run }
            let file = try RunFile(path: directory.resultsFile)
            try file.check(isOfArm: entry.arm, seed: entry.seed, configurationHash: entry.configurationHash)
            run.provenance = file.provenance
            run.verdict = try file.verdict()
            for name in file.tableNames { run.tables[name] = try file.table(name) }
        } catch {
            run.problem = "\(error)"
            run.tables = [:]
        }
        return run
    }

    private static func logTail(of path: String) -> [String] {
        // A worker that was killed may have left half a character.
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").suffix(logLines).map(String.init)
    }
}
