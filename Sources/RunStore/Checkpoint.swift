import Foundation
package import Safetensors

/// Everything that training needs to go on: weights, optimiser moments, counters, in a sealed safetensors file.
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
        static let all: Set<String> = [format, version, hash, step, SafetensorsFile.checksumKey]
    }

    /// Reads a checkpoint of a configuration, and compares its checksum.
    ///
    /// - Throws: `SafetensorsError` for a damaged file; `RunStoreError` for one of another configuration or version.
    package static func load(from path: String, expecting hash: String) throws -> Checkpoint {
        let file = try SafetensorsFile(sealed: path)
        guard file.metadata[Key.format] == RunFormat.checkpoint,
            let version = file.metadata[Key.version].flatMap({ Int($0) }),
            let found = file.metadata[Key.hash], let step = file.metadata[Key.step].flatMap({ Int($0) }), step >= 0
        else {
            throw SafetensorsError(
                file: path, message: "is not a checkpoint of cjepa-exp", remedy: "remove it from the run's folder")
        }
        try RunFormat.check(version: version, file: path)
        guard found == hash else {
            throw RunStoreError(
                file: path,
                message: "belongs to the configuration \(found.prefix(8)), but this run has \(hash.prefix(8))",
                remedy: "run the spec that it was made with, or remove the run's folder to start it from the "
                    + "beginning")
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
        try Self.save(
            to: path, configurationHash: configurationHash, step: step,
            tensors: tensors.mapValues(SafetensorsSource.init), metadata: metadata)
    }

    /// The same from tensors that are made one after the other.
    package static func save(
        to path: String, configurationHash: String, step: Int, tensors: [String: SafetensorsSource],
        metadata: [String: String] = [:]
    ) throws {
        precondition(Key.all.isDisjoint(with: metadata.keys), "reserved keys in \(metadata.keys.sorted())")
        var metadata = metadata
        metadata[Key.format] = RunFormat.checkpoint
        metadata[Key.version] = String(RunFormat.version)
        metadata[Key.hash] = configurationHash
        metadata[Key.step] = String(step)
        try SafetensorsFile.writeSealed(metadata: metadata, tensors: tensors, to: path)
    }

    /// Names of tensors that hold a number that is not finite, sorted.
    /// - Throws: `SafetensorsError` for tensors of another type than floating point.
    package func nonFiniteTensors() throws -> [String] {
        try tensors.filter { try !$0.value.floats().allSatisfy(\.isFinite) }.keys.sorted()
    }
}
