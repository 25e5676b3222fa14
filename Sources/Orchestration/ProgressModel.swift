import Objectives
import Declarations
import Evaluation
import ExperimentSpec
package import Foundation
import RunStore

/// How an experiment stands, as the scheduler's events tell it; renders lines for a display.
package struct ProgressModel: Sendable {
    private struct ActiveRun {
        var name: String
        var startedAt: Date
        var attempt: Int
        var step = 0
        var totalSteps = 0
        /// Where this process began, which is not 0 after a resume.
        var firstStep = 0
        var report: StepReport?
        var phase: String?
        var accuracy: (name: String, value: Double, isTarget: Bool)?
    }

    /// Runs that this session starts.
    private let runCount: Int
    private let startedAt: Date
    private var active: [ActiveRun] = []
    private var finished: [JobOutcome] = []
    private var interruptLevel = 0

    package init(runCount: Int, startedAt: Date) {
        self.runCount = runCount
        self.startedAt = startedAt
    }

    /// Names of runs that are at work, in the order of their start.
    package var activeNames: [String] { active.map(\.name) }

    package mutating func apply(_ event: SchedulerEvent, at now: Date) {
        switch event {
        case .started(let job, _, let attempt):
            active.append(ActiveRun(name: job, startedAt: now, attempt: attempt))
        case .worker(let job, let event):
            guard let index = active.firstIndex(where: { $0.name == job }) else { return }
            note(event, of: &active[index])
        case .retrying(let job, _, _):
            active.removeAll { $0.name == job }
        case .finished(let outcome):
            active.removeAll { $0.name == outcome.name }
            finished.append(outcome)
        case .interrupting(let level):
            interruptLevel = level
        case .tick:
            break
        }
    }

    private func note(_ event: WorkerEvent, of run: inout ActiveRun) {
        switch event {
        case .start(let totalSteps, let step, _):
            (run.totalSteps, run.step, run.firstStep) = (totalSteps, step, step)
        case .step(let report):
            (run.step, run.totalSteps, run.report, run.phase) = (report.step, report.totalSteps, report, nil)
        case .phase(let name):
            run.phase = name
        case .evaluation(_, let encoder, let metrics):
            // The target encoder is the one that counts; the context encoder is shown where there is no other.
            let isTarget = encoder == "target"
            if let name = MetricConvention.representatives(among: metrics.keys).first?.name, let value = metrics[name],
                isTarget || run.accuracy?.isTarget != true
            {
                run.accuracy = (name, value, isTarget)
            }
        case .checkpoint, .warning, .end:
            break
        }
    }

    // MARK: Lines

    /// One line for each active run, then the overall line.
    package func lines(at now: Date) -> [String] {
        let width = active.map(\.name.count).max() ?? 0
        return active.map { line(of: $0, nameWidth: width, at: now) } + [overallLine(at: now)]
    }

    /// The line of one active run; nil where it is not active.
    package func line(of name: String, at now: Date) -> String? {
        active.first { $0.name == name }.map { line(of: $0, nameWidth: 0, at: now) }
    }

    /// "vicreg.ema-s0  step 120/2000 | left 13m 02s | loss 0.421 | 20-NN 61.2 % | 310 img/s | pred 0.41 var 0.52"
    private func line(of run: ActiveRun, nameWidth: Int, at now: Date) -> String {
        let name = run.name + String(repeating: " ", count: max(0, nameWidth - run.name.count))
        var parts: [String] = []
        if run.totalSteps > 0 {
            let total = String(run.totalSteps)
            let step = String(run.step)
            parts.append("step \(String(repeating: " ", count: max(0, total.count - step.count)))\(step)/\(total)")
        }
        // What matters most comes first: a narrow terminal cuts the end.
        if let left = secondsLeft(of: run, at: now) { parts.append("left \(Quantity.duration(left))") }
        if let report = run.report { parts.append("loss \(Quantity.significant(report.loss))") }
        if let shown = run.accuracy { parts.append(EvaluationText.number(shown.value, of: shown.name)) }
        if let phase = run.phase {
            parts.append(phase)
        } else if let speed = run.report?.imagesPerSecond {
            parts.append("\(Quantity.significant(speed)) img/s")
            if let share = run.report?.loaderWaitShare {
                let text = LoaderWait.text(share)
                parts.append(LoaderWait.isMuch(share) ? "waits for images \(text)" : "waits \(text)")
            }
        } else if run.report == nil {
            parts.append("starting, \(Quantity.duration(now.timeIntervalSince(run.startedAt)))")
        }
        if let terms = run.report?.terms, !terms.isEmpty { parts.append(Self.text(of: terms)) }
        if run.attempt > 1 { parts.append("attempt \(run.attempt)") }
        return "\(name)  " + parts.joined(separator: " | ")
    }

    /// "3/18 runs, 1 failed | elapsed 3m 07s | left 12m 40s"
    package func overallLine(at now: Date) -> String {
        let ended = finished.filter { [.done, .collapsed, .failed].contains($0.result) }
        let failed = runsEnded(finished.filter { $0.result == .failed })
        var parts = ["\(runsEnded(ended))/\(counted(runCount, "run"))" + (failed > 0 ? ", \(failed) failed" : "")]
        parts.append("elapsed \(Quantity.duration(now.timeIntervalSince(startedAt)))")
        if interruptLevel > 0 {
            parts.append(
                interruptLevel > 1
                    ? "killing workers" : "saving checkpoints (Ctrl-C again kills the workers)")
        } else if let left = secondsLeft(at: now) {
            parts.append("left \(Quantity.duration(left))")
        }
        return parts.joined(separator: " | ")
    }

    private func runsEnded(_ ended: [JobOutcome]) -> Int { ended.count { $0.name != Self.floorsName } }

    /// The name under which floors are computed; they are no run.
    static let floorsName = "floors"

    // MARK: Predictions

    private func secondsLeft(of run: ActiveRun, at now: Date) -> Double? {
        if run.phase == nil, let left = run.report?.secondsLeft { return left }
        let progress = Double(run.step - run.firstStep)
        guard progress > 0, run.totalSteps > run.step else { return nil }
        return now.timeIntervalSince(run.startedAt) / progress * Double(run.totalSteps - run.step)
    }

    /// What is left of all runs: that of active ones, and for each waiting one the mean of what is known, over as many
    /// runs at once as there are now.
    package func secondsLeft(at now: Date) -> Double? {
        let runs = active.filter { $0.name != Self.floorsName }
        let left = runs.map { secondsLeft(of: $0, at: now) }
        let known = zip(runs, left).compactMap { run, left in left.map { now.timeIntervalSince(run.startedAt) + $0 } }
        let past = finished.filter { [.done, .collapsed].contains($0.result) && $0.name != Self.floorsName }.map(
            \.seconds)
        let durations = past + known
        guard !durations.isEmpty, !runs.isEmpty else { return nil }
        let mean = durations.reduce(0, +) / Double(durations.count)
        let waiting = runCount - runs.count - finished.count { $0.name != Self.floorsName }
        let work = zip(runs, left).reduce(Double(max(0, waiting)) * mean) { total, item in
            total + (item.1 ?? max(0, mean - now.timeIntervalSince(item.0.startedAt)))
        }
        return max(work / Double(runs.count), left.compactMap { $0 }.max() ?? 0)
    }

    /// "pred 0.411 var 0.520": short names, so that several terms fit a line; known terms first, in the method's order.
    private static func text(of terms: [String: Double]) -> String {
        // A term of several parts is shown by them.
        let declared = Catalogue.current.regularizers.map { $0.declaration }.flatMap { term in
            let parts = term.parts.map { (term.column(of: $0), $0.shortTitle) }
            return parts.count > 1 && parts.contains { terms[$0.0] != nil }
                ? parts : [(term.lossColumn, term.parts.first?.shortTitle ?? term.name)]
        }
        let known = [("prediction_loss", "pred")] + declared
        let ofTerms = Catalogue.current.regularizers.flatMap { type in
            [type.declaration.lossColumn] + type.declaration.parts.map { type.declaration.column(of: $0) }
        }
        let others = terms.keys.filter { key in !known.contains { $0.0 == key } && !ofTerms.contains(key) }.sorted()
            .map { ($0, $0) }
        return (known + others).compactMap { key, name in
            terms[key].map { "\(name) \(Quantity.significant($0))" }
        }.joined(separator: " ")
    }
}
