import ExperimentSpec
package import Foundation
import RunStore

/// Finds runs that may go, and moves them to the trash.
package struct RunCleaner: Sendable {
    /// Which runs to take; a run is taken if any of these applies.
    package struct Selection: Sendable {
        /// Runs that the experiment does not hold: configurations, arms or seeds that its spec had before.
        package var outdated: Bool
        package var failed: Bool
        /// Names of runs, arms or folders with * and ?.
        package var patterns: [String]

        package init(outdated: Bool = false, failed: Bool = false, patterns: [String] = []) {
            self.outdated = outdated
            self.failed = failed
            self.patterns = patterns
        }

        package var isEmpty: Bool { !outdated && !failed && patterns.isEmpty }
    }

    package struct Entry: Encodable, Sendable {
        package var name: String
        package var directory: String
        package var status: String
        /// Why it was selected, or why it stays.
        package var reason: String
        package var bytes: Int
        /// Where it lies in the trash; none where it was not moved.
        package var movedTo: String?
    }

    package struct Report: Encodable, Sendable {
        package var experiment: String
        package var isDryRun: Bool
        /// Runs that were moved, or would be.
        package var cleaned: [Entry]
        /// Runs that were selected and stay, since they are at work.
        package var kept: [Entry]
        /// Patterns that fit no run.
        package var unmatched: [String]

        package var text: String {
            var lines = cleaned.map { entry in
                "\(isDryRun ? "would move" : "moved") \(entry.name) (\(entry.reason), \(Quantity.bytes(entry.bytes)))"
                    + (entry.movedTo.map { " to \($0)" } ?? "")
            }
            lines += kept.map { "kept \($0.name): \($0.reason)" }
            let bytes = Quantity.bytes(cleaned.reduce(0) { $0 + $1.bytes })
            let count = counted(cleaned.count, "run")
            lines.append(
                cleaned.isEmpty
                    ? "\(experiment): nothing to clean"
                    : "\(experiment): \(count), \(bytes) \(isDryRun ? "would go to" : "now in") the trash"
                        + (isDryRun ? "" : "; move a folder back to restore it, or use --empty-trash"))
            return lines.joined(separator: "\n")
        }
    }

    private let folder: ExperimentFolder
    private let liveness: WorkerLiveness

    package init(_ folder: ExperimentFolder, liveness: WorkerLiveness = .system) {
        self.folder = folder
        self.liveness = liveness
    }

    /// Moves what is selected; a run that is at work, or that a `run` at work may start at any moment, stays.
    ///
    /// - Parameter current: Folder names that the experiment holds now; nil: those of its record.
    /// - Throws: `RunStore`'s errors for a record that cannot be read; `OrchestrationError` where a folder cannot be
    ///   moved.
    package func clean(
        _ selection: Selection, current: Set<String>? = nil, isDryRun: Bool, at time: Date = Date()
    ) throws -> Report {
        // Held to the end, so that no `run` begins in between; where one is at work already, what it may need stays.
        let lock = try? isDryRun ? nil : ExperimentLock(experimentDirectory: folder.path)
        let isBusy = lock == nil && ExperimentLock.isHeld(experimentDirectory: folder.path)
        let record = try ExperimentRecord.load(fromExperiment: folder.path)
        let recorded = Set(record.runs.map(\.directoryName))
        var report = Report(experiment: record.name, isDryRun: isDryRun, cleaned: [], kept: [], unmatched: [])
        var unmatched = selection.patterns
        for directory in try RunDirectory.all(inExperiment: folder.path) {
            let names = Self.names(of: directory)
            unmatched.removeAll { pattern in names.contains { GlobPattern(pattern).matches($0) } }
            var entry = Entry(
                name: names[0], directory: directory.path, status: "unreadable", reason: "",
                bytes: Self.size(of: directory.path))
            // A state that cannot be read is nothing that works.
            let state = try? liveness.currentState(of: directory)
            entry.status = state.map { $0.status.rawValue } ?? "planned"
            if selection.outdated, !(current ?? recorded).contains(directory.name) {
                entry.reason = "no longer in the spec"
            } else if selection.failed, state?.status == .failed {
                entry.reason = "failed"
            } else if selection.patterns.contains(where: { p in names.contains { GlobPattern(p).matches($0) } }) {
                entry.reason = "named"
            } else {
                continue
            }
            if let inUse = try inUse(directory, state: state, isBusy: isBusy && recorded.contains(directory.name)) {
                entry.reason = inUse
                report.kept.append(entry)
                continue
            }
            if !isDryRun { entry.movedTo = try ExperimentTrash(of: folder).move(directory, at: time) }
            report.cleaned.append(entry)
        }
        withExtendedLifetime(lock) {}
        report.unmatched = unmatched
        return report
    }

    private func inUse(_ directory: RunDirectory, state: RunState?, isBusy: Bool) throws -> String? {
        if let state, state.status == .running { return "it is running (\(liveness.place(of: state)))" }
        if let task = liveness.task(of: directory), task.isWaiting || task.isWorking || task.isUnknown {
            return "it is queued (\(task.text))"
        }
        return isBusy ? "a `run` is working on the experiment and may need it" : nil
    }

    /// The run's name, its arm and its folder; the folder alone where the plan cannot be read.
    private static func names(of directory: RunDirectory) -> [String] {
        guard let run = try? directory.loadPlan().run else { return [directory.name] }
        return [run.name, run.arm, directory.name]
    }

    private static func size(of path: String) -> Int {
        let files = FileManager.default
        let names = (try? files.subpathsOfDirectory(atPath: path)) ?? []
        return names.reduce(0) { total, name in
            total + (((try? files.attributesOfItem(atPath: path + "/" + name))?[.size] as? Int) ?? 0)
        }
    }
}
