import Foundation
package import Safetensors

/// The checkpoints of one run, `checkpoint-<step>.safetensors` in its folder, the last few of them kept.
///
/// One that is found damaged is set aside as `….damaged`, and the one before it is used; it is never overlooked.
package struct CheckpointSeries: Sendable {
    /// The run's folder.
    package let directory: String

    package struct Entry: Sendable, Hashable {
        package let step: Int
        package let path: String
    }

    package func path(step: Int) -> String { "\(directory)/\(Self.prefix)\(step)\(Self.suffix)" }

    /// Those that lie in the folder, whole or not, oldest first; none where there is no such folder.
    package var entries: [Entry] {
        names.compactMap { name in Self.step(of: name).map { Entry(step: $0, path: directory + "/" + name) } }
            .sorted { $0.step < $1.step }
    }

    /// Files of this series that are no checkpoint any more or not yet: set aside, or left by a crash while they grew.
    private var remains: [String] {
        names.filter { name in
            name.hasPrefix(Self.prefix) && (name.hasSuffix(Self.damaged) || name.hasSuffix(Self.partial))
        }.map { directory + "/" + $0 }
    }

    private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] }

    private static let prefix = "checkpoint-"
    private static let suffix = ".safetensors"
    private static let damaged = suffix + ".damaged"
    private static let partial = AtomicFile.temporaryPath(for: suffix)

    /// "checkpoint-120.safetensors" → 120.
    private static func step(of name: String) -> Int? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(digits)
    }

    /// The newest checkpoint that is whole; none where there are no files at all.
    ///
    /// Damaged ones that are newer are set aside, each with a warning.
    ///
    /// - Throws: `RunStoreError` where every file is damaged, or the newest whole one belongs to another configuration
    ///   or version.
    package func loadNewest(expecting hash: String, warn: (String) -> Void) throws -> Checkpoint? {
        var broken: [(entry: Entry, reason: String)] = []
        for entry in entries.reversed() {
            do {
                let checkpoint = try Checkpoint.load(from: entry.path, expecting: hash)
                guard checkpoint.step == entry.step else {
                    broken.append((entry, "it holds step \(checkpoint.step)"))
                    continue
                }
                for (entry, reason) in broken {
                    try setAside(entry)
                    warn(
                        "\((entry.path as NSString).lastPathComponent) is damaged (\(reason)) and has been set aside; the run "
                            + "resumes from the checkpoint before it, step \(checkpoint.step)")
                }
                return checkpoint
            } catch let error as SafetensorsError {
                broken.append((entry, error.message))
            }
        }
        guard let newest = broken.first else { return nil }
        let others = broken.count > 1 ? ", and so are the \(broken.count - 1) before it" : ""
        throw RunStoreError(
            file: newest.entry.path, message: "is damaged or not a checkpoint (\(newest.reason))\(others)",
            remedy: "put back a copy, or remove the run's folder to start the run from the beginning with "
                + "`cjepa-exp run`")
    }

    private func setAside(_ entry: Entry) throws {
        let path = directory + "/" + Self.prefix + String(entry.step) + Self.damaged
        if rename(entry.path, path) != 0 { throw FileWriteError(path: path, operation: "rename", code: errno) }
    }

    /// Writes a checkpoint, then drops the oldest ones.
    ///
    /// - Parameter kept: How many stay, this one included.
    /// - Throws: `FileWriteError`; the checkpoints before are untouched then.
    package func save(
        configurationHash: String, step: Int, tensors: [String: SafetensorsSource], metadata: [String: String] = [:],
        keeping kept: Int
    ) throws {
        try Checkpoint.save(
            to: path(step: step), configurationHash: configurationHash, step: step, tensors: tensors,
            metadata: metadata)
        prune(keeping: kept)
    }

    /// Drops all but the newest; a file that cannot be removed only takes space.
    /// - Precondition: At least one is kept.
    package func prune(keeping kept: Int) {
        precondition(kept >= 1, "\(kept) checkpoints are to be kept")
        for entry in entries.dropLast(kept) { try? FileManager.default.removeItem(atPath: entry.path) }
    }

    /// Drops what was set aside or left over.
    package func removeRemains() {
        for path in remains { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Every file of the series, for a run that starts anew.
    package var allPaths: [String] { entries.map(\.path) + remains }
}
