import Foundation
import HDF5
package import RunStore

/// One HDF5 file over all runs of an experiment: external links to their files, and their last numbers side by side.
///
/// It holds no results of its own, so it may be built again at any time. Links are relative to the experiment's folder.
package enum MatrixFile {
    package static func path(inExperiment directory: String) -> String {
        (directory as NSString).appendingPathComponent("matrix.h5")
    }

    /// What the summary shows of a run; its file is closed again, since there may be hundreds.
    private struct Summary {
        let entry: ExperimentRecord.Entry
        let status: String
        /// "evaluation/target" → table, as far as stored.
        let tables: [String: MetricTable]

        init(_ entry: ExperimentRecord.Entry, _ file: RunFile) throws {
            try file.check(isOfArm: entry.arm, seed: entry.seed, configurationHash: entry.configurationHash)
            self.entry = entry
            status = file.header.status.rawValue
            tables = try MatrixFile.summarised.filter(file.tableNames.contains)
                .reduce(into: [:]) { $0[$1] = try file.table($1) }
        }
    }

    private static let summarised = ["evaluation/target", "evaluation/context"]

    /// Builds the file anew; runs that have stored nothing yet, or whose file is damaged, are left out.
    ///
    /// - Parameter remark: Takes what is to be said of the runs' files.
    /// - Returns: Where it lies.
    /// - Throws: `AnalysisError` where no run has stored anything; `RunStoreError`, `HDF5Error`, `FileWriteError`.
    package static func build(
        experimentDirectory: String, remark: (ResultsRemark) -> Void = { _ in }
    ) throws -> String {
        let record = try ExperimentRecord.load(fromExperiment: experimentDirectory)
        var runs: [Summary] = []
        for entry in record.runs {
            let directory = RunDirectory(
                path: (experimentDirectory as NSString).appendingPathComponent(entry.directoryName))
            guard FileManager.default.fileExists(atPath: directory.resultsFile) else { continue }
            do {
                let file = try RunFile(path: directory.resultsFile)
                runs.append(try Summary(entry, file))
                ResultsRemark(file).map(remark)
            } catch {
                remark(.damaged("\(error)"))
            }
        }
        guard !runs.isEmpty else {
            throw AnalysisError(
                .unusableResults, path: experimentDirectory, message: "no run has stored anything yet",
                remedy: "Wait until one has; `cjepa-exp status` shows their progress")
        }
        let path = path(inExperiment: experimentDirectory)
        try HDF5Output.write(to: path) { root in
            try root.attributes.write("format", .string("cjepa-exp matrix"))
            try root.attributes.write("format_version", .integer(1))
            try root.attributes.write("experiment", .string(record.name))
            try root.attributes.write("question", .string(record.question))
            try root.attributes.write("baseline", .string(record.baseline))
            try root.attributes.write("NX_class", .string("NXroot"))
            for entry in runs.map(\.entry) {
                let file = "\(entry.directoryName)/run.h5"
                try root.linkExternally("runs/\(entry.directoryName)", toFile: file)
                try root.linkExternally("arms/\(entry.arm)/seed_\(entry.seed)", toFile: file)
            }
            let summary = try root.requireGroup("summary")
            try summary.create("run", runs.map(\.entry.directoryName))
            try summary.create("arm", runs.map(\.entry.arm))
            try summary.create("status", runs.map(\.status))
            try summary.create("seed", runs.map { Int64($0.entry.seed) }, shape: [runs.count])
            for table in summarised {
                let series = runs.map { $0.tables[table] }
                for column in Set(series.flatMap { $0?.columns ?? [] }).sorted() {
                    let values = series.map { $0?[column]?.last ?? .nan }
                    let dataset = try summary.create("\(table)/\(column)", values, shape: [runs.count])
                    guard let convention = MetricConvention.of(table: table, column: column) else { continue }
                    try dataset.attributes.write("unit", .string(convention.unit))
                    try dataset.attributes.write("convention", .string(convention.text))
                }
            }
        }
        return path
    }
}
