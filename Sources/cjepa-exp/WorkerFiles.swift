import ExperimentSpec
import Foundation
import RunStore
import Safetensors

/// What a worker goes on from: the results so far and the checkpoint, checked against the plan and each other.
struct WorkerFiles {
    let writer: RunWriter
    /// None for a run that begins.
    let checkpoint: Checkpoint?
    private let resultsFile: String
    /// Of the attempts before; empty for a run that begins.
    private let provenance: [String: String]

    /// Opens the files of a run, or begins new ones where it has not taken a step yet.
    ///
    /// A damaged checkpoint is set aside for the one before it, and the results are cut back to that. No step is thrown
    /// away otherwise: files that do not belong together are an error.
    ///
    /// - Parameter warn: Takes what was found damaged and could be helped.
    /// - Throws: `RunStoreError` for files that are damaged, belong to another configuration, or lack steps.
    init(_ directory: RunDirectory, plan: RunPlan, warn: (String) -> Void) throws {
        resultsFile = directory.resultsFile
        let hash = plan.run.configurationHash
        guard let found = try directory.checkpoints.loadNewest(expecting: hash, warn: warn) else {
            try Self.checkThatNothingIsLost(directory)
            checkpoint = nil
            provenance = [:]
            writer = try RunWriter.create(
                at: resultsFile, header: RunHeader(plan), configuration: plan.run.configuration)
            return
        }
        checkpoint = found
        guard FileManager.default.fileExists(atPath: resultsFile) else {
            throw RunStoreError(
                file: resultsFile, message: "is missing, but there is a checkpoint of step \(found.step)",
                remedy: "put it back, or " + Self.startOver(removing: Self.everything))
        }
        provenance = try RunFile(path: resultsFile).provenance
        writer = try RunWriter.resume(at: resultsFile, keepingThroughStep: found.step)
        guard writer.header.configurationHash == plan.run.configurationHash else {
            throw RunStoreError(
                file: resultsFile,
                message: "holds results of the configuration \(writer.header.configurationHash.prefix(8)), but this "
                    + "run has \(plan.run.configurationHash.prefix(8))",
                remedy: Self.startOver(removing: Self.everything))
        }
        let steps = writer.table("steps")?["step"] ?? []
        guard steps.count == found.step, steps.enumerated().allSatisfy({ $1 == Double($0 + 1) }) else {
            throw RunStoreError(
                file: resultsFile,
                message: "holds \(steps.count) of the \(found.step) steps that the checkpoint includes",
                remedy: "put back the run.h5 that belongs to the checkpoint, or "
                    + Self.startOver(removing: Self.everything))
        }
    }

    /// Makes sure that the run goes on with the data that it began with.
    ///
    /// - Parameters:
    ///   - fingerprints: By their names in the provenance.
    ///   - dataset: Its name.
    /// - Throws: `RunStoreError`.
    func check(_ fingerprints: [String: String], of dataset: String) throws {
        for (name, fingerprint) in fingerprints.sorted(by: { $0.key < $1.key }) {
            guard let stored = provenance[name], stored != fingerprint else { continue }
            throw RunStoreError(
                file: resultsFile,
                message:
                    "the data changed since it was started: its \(name) is \(stored), that of \(dataset) is now \(fingerprint)",
                remedy: "restore the previous data, or "
                    + Self.startOver(removing: Self.everything))
        }
    }

    /// Results with steps but without any checkpoint are those of a run whose checkpoints were removed.
    private static func checkThatNothingIsLost(_ directory: RunDirectory) throws {
        let file = directory.resultsFile
        guard FileManager.default.fileExists(atPath: file) else { return }
        let results = try RunFile(path: file)
        let steps = results.tableNames.contains("steps") ? try results.table("steps").rowCount : 0
        guard steps > 0 else { return }
        throw RunStoreError(
            file: file, message: "holds \(counted(steps, "step")), but there is no checkpoint to resume from",
            remedy: "put back \(directory.checkpoints.path(step: steps)) or an older one, or "
                + startOver(removing: everything))
    }

    private static let everything = "run.h5 and the checkpoints"

    private static func startOver(removing what: String) -> String {
        "remove \(what) to start the run from the beginning with `cjepa-exp run`"
    }
}
