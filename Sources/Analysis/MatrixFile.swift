import Foundation
import HDF5
import RunStore

/// One HDF5 file over all runs of an experiment: external links to their files, and their last numbers side by side.
///
/// It holds no results of its own, so it may be built again at any time. Links are relative to the experiment's folder.
package enum MatrixFile {
    package static func path(inExperiment directory: String) -> String {
        (directory as NSString).appendingPathComponent("matrix.h5")
    }

    /// Builds the file anew; runs that have stored nothing yet are left out.
    ///
    /// - Returns: Where it lies.
    /// - Throws: `AnalysisError` where no run has stored anything; `RunStoreError`, `HDF5Error`, `FileWriteError`.
    package static func build(experimentDirectory: String) throws -> String {
        let record = try ExperimentRecord.load(fromExperiment: experimentDirectory)
        var runs: [(entry: ExperimentRecord.Entry, status: String, file: RunFile)] = []
        for entry in record.runs {
            let directory = RunDirectory(
                path: (experimentDirectory as NSString).appendingPathComponent(entry.directoryName))
            guard FileManager.default.fileExists(atPath: directory.resultsFile) else { continue }
            let file = try RunFile(path: directory.resultsFile)
            runs.append((entry, file.header.status.rawValue, file))
        }
        guard !runs.isEmpty else {
            throw AnalysisError(
                .unusableResults, path: experimentDirectory, message: "no run has stored anything yet",
                remedy: "Let it run: `cjepa-exp status` shows its progress")
        }
        let path = path(inExperiment: experimentDirectory)
        try HDF5Output.write(to: path) { root in
            try root.attributes.write("format", .string("cjepa-exp matrix"))
            try root.attributes.write("format_version", .integer(1))
            try root.attributes.write("experiment", .string(record.name))
            try root.attributes.write("question", .string(record.question))
            try root.attributes.write("baseline", .string(record.baseline))
            try root.attributes.write("NX_class", .string("NXroot"))
            for (entry, _, _) in runs {
                let file = "\(entry.directoryName)/run.h5"
                try root.linkExternally("runs/\(entry.directoryName)", toFile: file)
                try root.linkExternally("arms/\(entry.arm)/seed_\(entry.seed)", toFile: file)
            }
            let summary = try root.requireGroup("summary")
            try summary.create("run", runs.map(\.entry.directoryName))
            try summary.create("arm", runs.map(\.entry.arm))
            try summary.create("status", runs.map(\.status))
            try summary.create("seed", runs.map { Int32($0.entry.seed) }, shape: [runs.count])
            for table in ["evaluation/target", "evaluation/context"] {
                let series = try runs.map { $0.file.tableNames.contains(table) ? try $0.file.table(table) : nil }
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
