import Foundation

/// The folder of one run, `<results>/<experiment>/<arm>-s<seed>-<hash>`.
package struct RunDirectory: Sendable, Hashable {
    package let path: String

    package init(path: String) { self.path = path }

    package var planFile: String { path + "/plan.json" }
    package var stateFile: String { path + "/state.json" }
    package var resultsFile: String { path + "/run.h5" }
    package var checkpoints: CheckpointSeries { CheckpointSeries(directory: path) }
    package var logFile: String { path + "/log.txt" }
    /// Images that could not be read and were left out, one in each line; there only where some were.
    package var skippedImagesFile: String { path + "/" + Self.skippedImagesName }
    package static let skippedImagesName = "skipped-images.txt"
    /// Series that grow while the run trains, where they are asked for.
    package var liveFolder: String { path + "/live" }
    package var liveLinesFile: String { liveFolder + "/metrics.jsonl" }
    /// Name of the folder.
    package var name: String { (path as NSString).lastPathComponent }

    /// Bytes of all files in it; 0 where there is no such folder.
    package var byteCount: Int {
        let files = FileManager.default
        let names = (try? files.subpathsOfDirectory(atPath: path)) ?? []
        return names.reduce(0) { sum, name in
            let size = (try? files.attributesOfItem(atPath: path + "/" + name))?[.size] as? Int
            return sum + (size ?? 0)
        }
    }

    /// Makes the folder and those above it, where missing.
    /// - Throws: `RunStoreError`.
    package func create() throws { try createFolder(path) }

    /// - Throws: `RunStoreError`, also where there is none or its version is not this program's.
    package func loadPlan() throws -> RunPlan {
        let plan = try StoredJSON.read(RunPlan.self, from: planFile)
        try RunFormat.check(version: plan.formatVersion, file: planFile)
        return plan
    }

    /// Writes the plan, and makes the folder where missing.
    /// - Throws: `FileWriteError` or `RunStoreError`.
    package func save(_ plan: RunPlan) throws {
        try create()
        try StoredJSON.write(plan, to: planFile)
    }

    /// The state; none for a run that never started.
    /// - Throws: `RunStoreError` where the file is damaged.
    package func loadState() throws -> RunState? {
        guard FileManager.default.fileExists(atPath: stateFile) else { return nil }
        return try StoredJSON.read(RunState.self, from: stateFile)
    }

    /// - Throws: `FileWriteError`; the old state is untouched then.
    package func save(_ state: RunState) throws { try StoredJSON.write(state, to: stateFile) }

    /// The folders in an experiment's that have a plan, sorted by name.
    /// - Throws: `RunStoreError` where there is no such experiment.
    package static func all(inExperiment directory: String) throws -> [RunDirectory] {
        try namesOfFiles(inExperiment: directory).map { RunDirectory(path: directory + "/" + $0) }
            .filter { FileManager.default.fileExists(atPath: $0.planFile) }
    }
}

/// Makes a folder and those above it, where missing.
func createFolder(_ path: String) throws {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        throw RunStoreError(
            file: path, message: "the folder cannot be made: \(error.localizedDescription)",
            remedy: "make the folder above it writable, or choose another folder for the results")
    }
}

/// Names of everything in an experiment's folder, sorted.
func namesOfFiles(inExperiment directory: String) throws -> [String] {
    do {
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    } catch {
        throw RunStoreError(
            file: directory, message: "is not an experiment: \(error.localizedDescription)",
            remedy: "give the folder that `cjepa-exp run` made, results/<experiment>")
    }
}
