import Foundation
package import Safetensors

/// Everything that training needs to go on: weights, optimiser moments, random state, in a safetensors file.
package struct Checkpoint: Sendable, Equatable {
    package var configurationHash: String
    /// Steps done.
    package var step: Int
    package var tensors: [String: SafetensorsTensor]
    /// What else is needed, as strings; the keys of the fields above are reserved.
    package var metadata: [String: String]

    package init(
        configurationHash: String, step: Int, tensors: [String: SafetensorsTensor], metadata: [String: String] = [:]
    ) {
        self.configurationHash = configurationHash
        self.step = step
        self.tensors = tensors
        self.metadata = metadata
    }

    private enum Key {
        static let format = "format"
        static let version = "format_version"
        static let hash = "configuration_hash"
        static let step = "step"
        static let all: Set<String> = [format, version, hash, step]
    }

    /// Reads a checkpoint of a configuration.
    ///
    /// - Throws: `SafetensorsError` for a damaged file; `RunStoreError` for one of another configuration or version.
    package static func load(from path: String, expecting hash: String) throws -> Checkpoint {
        let file = try SafetensorsFile(path: path)
        guard file.metadata[Key.format] == RunFormat.checkpoint,
            let version = file.metadata[Key.version].flatMap({ Int($0) }),
            let found = file.metadata[Key.hash], let step = file.metadata[Key.step].flatMap({ Int($0) })
        else {
            throw RunStoreError(
                file: path, message: "not a checkpoint of cjepa-exp",
                remedy: "remove it to start the run from the beginning")
        }
        try RunFormat.check(version: version, file: path)
        guard found == hash else {
            throw RunStoreError(
                file: path,
                message: "belongs to the configuration \(found.prefix(8)), but this run has \(hash.prefix(8))",
                remedy: "go on with the spec that it was made with, or remove it to start the run from the beginning")
        }
        return Checkpoint(
            configurationHash: found, step: step, tensors: file.tensors,
            metadata: file.metadata.filter { !Key.all.contains($0.key) })
    }

    /// Replaces the checkpoint at `path`.
    ///
    /// - Precondition: `metadata` has none of the reserved keys.
    /// - Throws: `FileWriteError`; the old checkpoint is untouched then.
    package func save(to path: String) throws {
        precondition(Key.all.isDisjoint(with: metadata.keys), "reserved keys in \(metadata.keys.sorted())")
        var file = SafetensorsFile()
        file.tensors = tensors
        file.metadata = metadata
        file.metadata[Key.format] = RunFormat.checkpoint
        file.metadata[Key.version] = String(RunFormat.version)
        file.metadata[Key.hash] = configurationHash
        file.metadata[Key.step] = String(step)
        try file.write(to: path)
    }
}
