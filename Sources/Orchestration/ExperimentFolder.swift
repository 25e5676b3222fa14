package import ExperimentSpec
import Foundation
package import RunStore

/// Where an experiment keeps its runs: `<results>/<experiment>/`.
package struct ExperimentFolder: Hashable, Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package init(results: String, experiment: String) {
        self.init(path: results + "/" + experiment)
    }

    /// The experiment that a run's folder lies in.
    package init(of directory: RunDirectory) {
        let parent = (directory.path as NSString).deletingLastPathComponent
        self.init(path: parent.isEmpty ? "." : parent)
    }

    package func directory(of run: PlannedRun) -> RunDirectory {
        RunDirectory(path: path + "/" + run.directoryName)
    }

    package var recordFile: String { ExperimentRecord.path(inExperiment: path) }

    /// Every run with what is to be done about it and what changed since its results were made. Reads only.
    ///
    /// - Parameter activity: Says so, and how far it is.
    package func decisions(
        for experiment: Experiment, liveness: WorkerLiveness = .system, context: RunContext = RunContext(),
        activity: Activity = .silent
    ) -> [PreparedRun] {
        activity.begin("comparing \(counted(experiment.runs.count, "run")) with \(path)", of: experiment.runs.count)
        let earlier = EarlierRuns(in: self)
        return experiment.runs.map { run in
            defer { activity.advance() }
            let directory = directory(of: run)
            let decision = RunDecision.decide(run, in: directory, liveness: liveness)
            let plan = try? directory.loadPlan()
            let changes =
                plan.map { RunChanges(since: $0, of: run, in: directory, context: context) }
                ?? earlier.changes(to: run)
            return PreparedRun(
                run: run, directory: directory, decision: decision.considering(changes, in: context),
                changes: changes)
        }
    }

    /// Makes the experiment's folder and those above it, where missing.
    ///
    /// - Throws: `OrchestrationError`.
    func create() throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw OrchestrationError(
                .system, path: path, message: "the folder cannot be made (\(Self.reason(error)))",
                remedy: "make the folder above it writable, or choose another folder with --results")
        }
    }

    /// What the system says, without Foundation's sentence around it.
    private static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
        return (underlying ?? error).localizedDescription
    }

    /// Writes experiment.json and the plan of every run that will start, and makes their folders.
    ///
    /// - Parameter isPartial: The experiment holds a selection of its runs only; other runs of an earlier record stay.
    /// - Throws: `OrchestrationError` where a folder holds another configuration; errors of the file system.
    func prepare(
        _ prepared: [PreparedRun], of experiment: Experiment, isPartial: Bool, floors: [FloorsRequest] = [],
        sourceRevision: String?
    ) throws {
        for case (let directory, .conflict(let reason)) in prepared.map({ ($0.directory, $0.decision) }) {
            throw OrchestrationError(
                .conflict, path: directory.path, message: "this folder cannot be used: \(reason)",
                remedy: "move or remove it, or choose another folder with --results")
        }
        for item in prepared where item.decision.willRun {
            try item.directory.create()
            try item.decision.clear(item.directory, trash: ExperimentTrash(of: self))
            try item.directory.save(
                RunPlan(
                    experiment: experiment.name, question: experiment.question, baseline: experiment.baseline,
                    specPath: experiment.specPath, sourceRevision: sourceRevision, run: item.run))
        }
        let floors = floors.map { ($0.output as NSString).lastPathComponent }
        try record(of: experiment, isPartial: isPartial, floors: floors).save(toExperiment: path)
    }

    private func record(of experiment: Experiment, isPartial: Bool, floors: [String]) throws -> ExperimentRecord {
        var record = ExperimentRecord(experiment, floors: floors)
        if isPartial, FileManager.default.fileExists(atPath: recordFile) {
            let old = try ExperimentRecord.load(fromExperiment: path)
            let kept = old.runs.filter { past in
                !record.runs.contains { $0.arm == past.arm && $0.seed == past.seed }
            }
            record.arms = old.arms + record.arms.filter { !old.arms.contains($0) }
            record.runs = kept + record.runs
            // Those of the runs that stay; a record that does not know them leaves them open.
            record.floors = old.floors.map { old in old + floors.filter { !old.contains($0) } }
            let order = Dictionary(record.arms.enumerated().map { ($1, $0) }) { first, _ in first }
            record.runs.sort { (order[$0.arm] ?? 0, $0.seed) < (order[$1.arm] ?? 0, $1.seed) }
        }
        return record
    }
}

/// A run of an experiment, its folder, and what is to be done about it.
package struct PreparedRun: Sendable {
    package var run: PlannedRun
    package var directory: RunDirectory
    package var decision: RunDecision
    package var changes = RunChanges()
}
