import ExperimentSpec
package import Foundation
import RunStore

/// What of a worker's events belongs into its log: where it began, evaluations, a line of progress now and then, the
/// end.
package struct WorkerLog {
    private var lastStep = Date.distantPast

    /// Seconds between two lines of progress.
    static let stepSeconds = 30.0

    package init() {}

    /// The line for an event, with its time; nil where it is not worth one.
    package mutating func line(for event: WorkerEvent, at now: Date) -> String? {
        if case .step = event {
            guard now.timeIntervalSince(lastStep) >= Self.stepSeconds else { return nil }
            lastStep = now
        }
        return Self.text(event).map { now.formatted(.iso8601) + " " + $0 }
    }

    private static func text(_ event: WorkerEvent) -> String? {
        switch event {
        case .start(let totalSteps, let step, _):
            return step > 0 ? "resumes from step \(step) of \(totalSteps)" : "starts, \(counted(totalSteps, "step"))"
        case .step(let report):
            let left = report.secondsLeft.map { ", left \(Quantity.duration($0))" } ?? ""
            return "step \(report.step) of \(report.totalSteps), loss \(Quantity.significant(report.loss))\(left)"
        case .evaluation(let step, let encoder, let metrics):
            return "step \(step), \(encoder) encoder: " + EvaluationText.summary(of: metrics)
        case .end(let status, let message):
            return "ended: \(status.rawValue)" + (message.map { ": \($0)" } ?? "")
        case .warning(let text): return "warning: \(text)"
        case .phase, .checkpoint:
            return nil
        }
    }
}
