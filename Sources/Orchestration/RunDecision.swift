package import ExperimentSpec
import Foundation
package import RunStore

/// Whether `run` starts a run, and why; `plan` shows the same.
package enum RunDecision: Hashable, Sendable {
    /// From step 0.
    case start(reason: String)
    /// From its checkpoint.
    case resume(reason: String)
    /// Nothing to do.
    case skip(reason: String)
    /// A worker is at it.
    case busy(reason: String)
    /// Its folder cannot be used.
    case conflict(reason: String)

    package var willRun: Bool {
        switch self {
        case .start, .resume: true
        case .skip, .busy, .conflict: false
        }
    }

    package var reason: String {
        switch self {
        case .start(let reason), .resume(let reason), .skip(let reason), .busy(let reason), .conflict(let reason):
            reason
        }
    }

    /// start, resume, skip, busy or conflict.
    package var action: String {
        switch self {
        case .start: "start"
        case .resume: "resume"
        case .skip: "skip"
        case .busy: "busy"
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
                    reason: "\(directory.path) holds another configuration "
                        + "(\(plan.run.name), \(plan.run.configurationHash.prefix(16))…); move it away")
            }
            guard let state = try liveness.currentState(of: directory) else {
                return .start(reason: "planned, not started yet")
            }
            let checkpoint = directory.checkpoints.entries.last
            let hasResults = files.fileExists(atPath: directory.resultsFile)
            switch state.status {
            case .done where hasResults:
                return .skip(reason: "done")
            case .collapsed where hasResults:
                return .skip(reason: "collapsed: \(state.exitReason ?? "ended early")")
            case .done, .collapsed:
                return .start(reason: "\(state.status.rawValue), but run.h5 is gone")
            case .running:
                return .busy(reason: "running (\(liveness.place(of: state)))")
            case .planned:
                return .start(reason: "planned, not started yet")
            case .interrupted, .failed:
                let cause = state.exitReason.map { ": \($0)" } ?? ""
                let past = state.status == .failed ? "failed\(cause)" : "interrupted\(cause)"
                if let checkpoint {
                    return .resume(
                        reason: "\(past); goes on from its checkpoint (step \(checkpoint.step) of \(state.totalSteps))")
                }
                // Steps without a checkpoint are never thrown away unasked: the worker says what to do.
                return hasResults && hasSteps(directory)
                    ? .resume(reason: "\(past); its checkpoints are gone")
                    : .start(reason: "\(past); no checkpoint, starts again")
            }
        } catch {
            return .conflict(reason: "\(error)")
        }
    }

    /// Whether a run's results hold steps of training, or cannot be read.
    private static func hasSteps(_ directory: RunDirectory) -> Bool {
        guard let file = try? RunFile(path: directory.resultsFile) else { return true }
        return file.tableNames.contains("steps")
    }

    /// Brings a folder into the state that the decision assumes: a run that starts anew keeps no old checkpoint.
    ///
    /// - Throws: `OrchestrationError` where the system refuses.
    func clear(_ directory: RunDirectory) throws {
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
