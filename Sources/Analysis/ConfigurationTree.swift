import ExperimentSpec
import Foundation
package import RunStore
import Safetensors

/// The resolved configurations of an experiment as a tree of YAML files, laid out as Hydra lays out its runs.
///
/// `<folder>/<run>/.hydra/config.yaml` holds every key with its value and reads as a spec of its own;
/// `overrides.yaml` the keys in which the arms differ, as a list of `key=value`; `hydra.yaml` what the run is called.
package enum ConfigurationTree {
    /// - Parameters:
    ///   - experimentDirectory: Holds `experiment.json` and a folder with `plan.json` for each run.
    ///   - replacing: Whether existing files may be replaced.
    ///   - remark: Takes what is to be said of plans that cannot be read; their runs are left out.
    /// - Returns: The files written.
    /// - Throws: `AnalysisError` where something exists already; `RunStoreError` where the record or every plan is damaged;
    ///   `FileWriteError`.
    package static func write(
        experimentDirectory: String, to folder: String, replacing: Bool, remark: (ResultsRemark) -> Void = { _ in }
    ) throws -> [String] {
        let record = try ExperimentRecord.load(fromExperiment: experimentDirectory)
        var texts: [(path: String, text: String)] = []
        var damage: RunStoreError?
        for entry in record.runs {
            let directory = RunDirectory(
                path: (experimentDirectory as NSString).appendingPathComponent(entry.directoryName))
            let run: PlannedRun
            do {
                run = try directory.loadPlan().run
            } catch let error as RunStoreError {
                if record.runs.count > 1 { remark(.damaged("\(error)")) }
                damage = error
                continue
            }
            let base = (folder as NSString).appendingPathComponent(entry.directoryName + "/.hydra")
            let overrides = run.differences.sorted { $0.key < $1.key }.map { "- \(quoted("\($0.key)=\($0.value)"))\n" }
            texts += [
                ("\(base)/config.yaml", run.configuration.yaml()),
                ("\(base)/overrides.yaml", (overrides + ["- seed=\(run.seed)\n"]).joined()),
                (
                    "\(base)/hydra.yaml",
                    """
                    hydra:
                      job:
                        name: \(quoted(record.name))
                        override_dirname: \(quoted(run.name))
                      runtime:
                        output_dir: \(quoted(directory.path))

                    """
                ),
            ]
        }
        if texts.isEmpty, let damage { throw damage }
        try OutputFiles.prepare(texts.map(\.path), replacing: replacing)
        for (path, text) in texts { try AtomicFile.write(Data(text.utf8), to: path) }
        return texts.map(\.path)
    }

    /// A text in YAML's double quotes.
    private static func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}
