import ExperimentSpec
import Foundation

/// Whether the files of a run that was cut off are whole and belong together. Changes nothing.
package struct RunIntegrity: Sendable, Equatable {
    /// Step of the newest checkpoint; none where there is none yet.
    package private(set) var checkpoint: Int?
    /// Rows of the steps that the results hold.
    package private(set) var steps = 0
    /// What is wrong; empty where a worker can go on.
    package private(set) var problems: [String] = []

    /// - Parameters:
    ///   - hash: The configuration's.
    ///   - announced: Step of the last checkpoint that the worker said was stored.
    package init(of directory: RunDirectory, hash: String, announced: Int?) {
        do {
            checkpoint = try directory.checkpoints.entries.last.map { entry in
                try Checkpoint.load(from: entry.path, expecting: hash).step
            }
            if FileManager.default.fileExists(atPath: directory.resultsFile) {
                try check(RunFile(path: directory.resultsFile))
            } else if let checkpoint {
                problems.append("a checkpoint of step \(checkpoint) without run.h5")
            }
        } catch {
            problems.append("\(error)")
        }
        if let announced, checkpoint ?? -1 < announced {
            problems.append(
                "the checkpoint of step \(announced) was stored, but the newest is \(checkpoint.map { "\($0)" } ?? "none")"
            )
        }
    }

    /// Every step once, from 1 on, up to the checkpoint at least; no evaluation twice.
    private mutating func check(_ file: RunFile) throws {
        for name in file.tableNames where name == "steps" || name.hasPrefix("evaluation/") {
            let rows = try file.table(name)["step"] ?? []
            if name == "steps" {
                steps = rows.count
                if !rows.enumerated().allSatisfy({ $1 == Double($0 + 1) }) {
                    problems.append(
                        "/steps does not hold every step once: \(counted(rows.count, "row")), the last \(rows.last ?? 0)"
                    )
                }
            } else if let (before, after) = zip(rows, rows.dropFirst()).first(where: { $0 >= $1 }) {
                problems.append("/\(name) has rows twice or out of order: step \(before), then \(after)")
            }
        }
        if let checkpoint, checkpoint > steps {
            problems.append("a checkpoint of step \(checkpoint), but only \(counted(steps, "step")) in run.h5")
        }
    }
}
