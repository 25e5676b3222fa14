import ExperimentSpec
import Foundation
import HDF5
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

    /// Opens the files of a run, or begins new ones where it has no checkpoint.
    ///
    /// A checkpoint without results cannot be gone on from; it is removed, and the run starts over.
    ///
    /// - Throws: `RunStoreError` for files that are damaged, belong to another configuration, or lack steps.
    init(_ directory: RunDirectory, plan: RunPlan) throws {
        resultsFile = directory.resultsFile
        guard let found = try Self.loadCheckpoint(of: directory, expecting: plan.run.configurationHash) else {
            checkpoint = nil
            provenance = [:]
            writer = try RunWriter.create(
                at: resultsFile, header: RunHeader(plan), configuration: plan.run.configuration)
            return
        }
        checkpoint = found
        do {
            provenance = try RunFile(path: resultsFile).provenance
            writer = try RunWriter.resume(at: resultsFile, keepingThroughStep: found.step)
        } catch let error as HDF5Error {
            throw RunStoreError(
                file: resultsFile, message: "is damaged or no file of results (\(error.message))",
                remedy: Self.startOver(removing: "it"))
        }
        guard writer.header.configurationHash == plan.run.configurationHash else {
            throw RunStoreError(
                file: resultsFile,
                message: "holds results of the configuration \(writer.header.configurationHash.prefix(8)), but this "
                    + "run has \(plan.run.configurationHash.prefix(8))",
                remedy: Self.startOver(removing: "it"))
        }
        let steps = writer.table("steps")?["step"] ?? []
        guard steps == (0..<found.step).map({ Double($0 + 1) }) else {
            throw RunStoreError(
                file: resultsFile,
                message: "holds \(steps.count) of the \(found.step) steps that the checkpoint has behind it",
                remedy: "put back the run.h5 that belongs to the checkpoint, or "
                    + Self.startOver(removing: "run.h5 and checkpoint.safetensors"))
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
                    "was begun with other data: its \(name) is \(stored), that of \(dataset) is \(fingerprint) now",
                remedy: "put the former data back, or "
                    + Self.startOver(removing: "run.h5 and checkpoint.safetensors"))
        }
    }

    private static func loadCheckpoint(of directory: RunDirectory, expecting hash: String) throws -> Checkpoint? {
        let file = directory.checkpointFile
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        guard FileManager.default.fileExists(atPath: directory.resultsFile) else {
            FileHandle.standardError.write(
                Data("\(directory.name): there is a checkpoint but no run.h5, so the run starts over\n".utf8))
            // Beside new results it would pass for theirs.
            try FileManager.default.removeItem(atPath: file)
            return nil
        }
        do {
            return try Checkpoint.load(from: file, expecting: hash)
        } catch let error as SafetensorsError {
            throw RunStoreError(
                file: file, message: "is damaged or no checkpoint (\(error.message))",
                remedy: startOver(removing: "it"))
        }
    }

    private static func startOver(removing what: String) -> String {
        "remove \(what) to start the run from the beginning with `cjepa-exp run`"
    }
}
