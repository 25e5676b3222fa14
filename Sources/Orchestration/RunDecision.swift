package import ExperimentSpec
import Foundation
package import RunStore

/// Whether `run` starts a run, and why; `plan` shows the same.
package enum RunDecision: Hashable, Sendable {
    /// From step 0.
    case start(reason: String)
    /// From step 0, after what there is went to the trash.
    case restart(reason: String)
    /// From its checkpoint.
    case resume(reason: String)
    /// Nothing to do.
    case skip(reason: String)
    /// A worker is at it.
    case busy(reason: String)
    /// Its file of results cannot be read: left as it is, for a copy to be put back or the run to be asked for again.
    case damaged(reason: String)
    /// Its folder cannot be used.
    case conflict(reason: String)

    /// Whether it has results, which stay.
    package var isSkipped: Bool { if case .skip = self { true } else { false } }

    package var willRun: Bool {
        switch self {
        case .start, .restart, .resume: true
        case .skip, .busy, .damaged, .conflict: false
        }
    }

    package var reason: String {
        switch self {
        case .start(let reason), .restart(let reason), .resume(let reason), .skip(let reason), .busy(let reason),
            .damaged(let reason), .conflict(let reason):
            reason
        }
    }

    /// start, restart, resume, skip, busy, damaged or conflict.
    package var action: String {
        switch self {
        case .start: "start"
        case .restart: "restart"
        case .resume: "resume"
        case .skip: "skip"
        case .busy: "busy"
        case .damaged: "damaged"
        case .conflict: "conflict"
        }
    }

    /// Decides for one run from what its folder holds. Changes nothing.
    package static func decide(
        _ run: PlannedRun, in directory: RunDirectory, liveness: WorkerLiveness = .system
    ) -> RunDecision {
        let files = FileManager.default
        guard files.fileExists(atPath: directory.planFile) else { return .start(reason: "new") }
        do {
            let plan = try directory.loadPlan()
            guard plan.run.configurationHash == run.configurationHash, plan.run.seed == run.seed else {
                return .conflict(
                    reason: "\(directory.path) holds a different configuration "
                        + "(\(plan.run.name), \(plan.run.configurationHash.prefix(16))…); move it elsewhere")
            }
            let current = try liveness.currentState(of: directory)
            if let task = liveness.task(of: directory), current?.status.isFinished != true, current?.status != .running,
                let place = task.isWaiting ? "queued" : task.isWorking ? "running" : task.isUnknown ? "submitted" : nil
            {
                return .busy(reason: "\(place) (\(task.text))")
            }
            guard let state = current else {
                return .start(reason: "planned, not started yet")
            }
            let checkpoint = directory.checkpoints.entries.last
            let hasResults = files.fileExists(atPath: directory.resultsFile)
            var hasSteps = false
            if hasResults, state.status != .running, state.status != .planned {
                do {
                    hasSteps = try RunFile(path: directory.resultsFile).tableNames.contains("steps")
                } catch {
                    return .damaged(reason: "\(error)")
                }
            }
            switch state.status {
            case .done where hasResults:
                return .skip(reason: "done")
            case .collapsed where hasResults:
                return .skip(reason: "collapsed: \(state.exitReason ?? "ended early")")
            case .done, .collapsed:
                return .start(reason: "\(state.status.rawValue), but run.h5 is missing")
            case .running:
                return .busy(reason: "running (\(liveness.place(of: state)))")
            case .planned:
                return .start(reason: "planned, not started yet")
            case .interrupted, .failed:
                let cause = state.exitReason.map { ": \($0)" } ?? ""
                let past = state.status == .failed ? "failed\(cause)" : "interrupted\(cause)"
                if let checkpoint {
                    return .resume(
                        reason: "\(past); resumes from its checkpoint (step \(checkpoint.step) of \(state.totalSteps))")
                }
                // Steps without a checkpoint are never thrown away unasked: the worker says what to do.
                return hasSteps
                    ? .resume(reason: "\(past); its checkpoints are missing")
                    : .start(reason: "\(past); no checkpoint, starts over")
            }
        } catch {
            return .conflict(reason: "\(error)")
        }
    }

    /// The decision in view of what changed since the results were made, with a reason that tells it.
    ///
    /// Results of other data cannot stand beside those of the present data, nor be gone on from, so such a run starts
    /// over. Other code is told, and makes a run start over only where that was asked for: most changes of a program
    /// change no result.
    func considering(_ changes: RunChanges, in context: RunContext) -> RunDecision {
        if case .start("new") = self, let earlier = changes.earlierRun {
            let what = changes.configuration.isEmpty ? "" : ": " + RunChanges.text(changes.configuration)
            return .start(reason: "configuration changed\(what) (since \(earlier))")
        }
        let hasResults: Bool
        switch self {
        case .skip, .resume: hasResults = true
        case .start, .restart, .busy, .damaged, .conflict: hasResults = false
        }
        guard hasResults else { return self }
        if !changes.data.isEmpty {
            return .restart(reason: "data changed: \(RunChanges.text(changes.data)); starts over")
        }
        guard let code = changes.code else { return self }
        if context.rerunsChangedCode {
            return .restart(reason: "code changed: \(code.from) → \(code.to); starts over")
        }
        let note = "code changed since: \(code.from) → \(code.to)"
        switch self {
        case .skip(let reason): return .skip(reason: "\(reason); \(note)")
        case .resume(let reason): return .resume(reason: "\(reason); \(note)")
        default: return self
        }
    }

    /// The decision where the user wants the run again.
    func repeated(_ again: Again) -> RunDecision {
        switch self {
        case .skip(let reason): .restart(reason: "requested (\(reason)); starts over")
        case .resume(let reason) where again == .fromStart: .restart(reason: "requested (\(reason)); starts over")
        case .damaged: .restart(reason: "requested (its run.h5 is damaged); starts over")
        case .start, .restart, .resume, .busy, .conflict: self
        }
    }

    /// Brings a folder into the state that the decision assumes: a run that starts anew keeps no old checkpoint, one
    /// that starts over leaves its old folder in the trash and keeps its tags.
    ///
    /// - Throws: `OrchestrationError` where the system refuses; `RunStore`'s errors for tags.
    func clear(_ directory: RunDirectory, trash: ExperimentTrash) throws {
        if case .restart = self {
            let tags = try? directory.loadTags()
            try trash.move(directory)
            try directory.create()
            if let tags, !tags.tags.isEmpty { try directory.save(tags) }
            return
        }
        guard case .start = self else { return }
        for file in directory.checkpoints.allPaths + [directory.stateFile, directory.resultsFile]
        where FileManager.default.fileExists(atPath: file) {
            do {
                try FileManager.default.removeItem(atPath: file)
            } catch {
                throw OrchestrationError(
                    .system, path: file, message: "cannot be removed (\(error.localizedDescription))",
                    remedy: "make its folder writable, or choose another folder with --results")
            }
        }
    }
}
