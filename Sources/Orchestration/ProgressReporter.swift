import ExperimentSpec
package import Foundation
import Glibc

/// Shows the scheduler's events: redrawn lines on a terminal, plain lines elsewhere.
package final class ProgressReporter {
    package enum Style: Sendable {
        /// One line per active run and one for all, redrawn.
        case live
        /// A line at events, and for each run every `plainSeconds`.
        case plain
    }

    private var model: ProgressModel
    private var display = LiveDisplay()
    private let style: Style
    private let now: () -> Date
    private let size: () -> (columns: Int, rows: Int)
    private let write: (String) -> Void
    private var lastLine: [String: Date] = [:]
    private var lastFrame = Date.distantPast

    /// Seconds between two lines of a run where there is no terminal.
    private static let plainSeconds = 10.0
    /// Seconds between two frames.
    private static let frameSeconds = 0.2

    /// - Parameters:
    ///   - size: Columns and rows of the terminal; asked before each frame.
    ///   - write: Takes text, with its line feeds.
    package init(
        runCount: Int, style: Style, now: @escaping () -> Date = { SteadyClock.now },
        size: @escaping () -> (columns: Int, rows: Int), write: @escaping (String) -> Void
    ) {
        model = ProgressModel(runCount: runCount, startedAt: now())
        self.style = style
        self.now = now
        self.size = size
        self.write = write
    }

    /// On standard error, live if that is a terminal that understands cursor movement.
    package static func standardError(runCount: Int) -> ProgressReporter {
        let isTerminal = Terminal.canRedraw(STDERR_FILENO)
        return ProgressReporter(
            runCount: runCount, style: isTerminal ? .live : .plain, size: { Terminal.size(of: STDERR_FILENO) },
            write: { try? FileHandle.standardError.write(contentsOf: Data($0.utf8)) })
    }

    package func handle(_ event: SchedulerEvent) {
        let time = now()
        model.apply(event, at: time)
        for line in messages(for: event, at: time) {
            write(style == .live ? display.message(line) : line.withVisibleControls + "\n")
            // The message took the place of the frame.
            lastFrame = .distantPast
        }
        guard style == .live else { return plainStep(event, at: time) }
        if time.timeIntervalSince(lastFrame) >= Self.frameSeconds {
            lastFrame = time
            let (columns, rows) = size()
            write(display.frame(model.lines(at: time), columns: columns, rows: rows))
        }
    }

    /// Shows lines that stay, above those that are redrawn. They are visible text already and may hold colours.
    package func show(visible text: String) {
        write(display.end() + text)
        lastFrame = .distantPast
    }

    /// Takes the redrawn lines away; call it once at the end.
    package func end() {
        let text = display.end()
        if !text.isEmpty { write(text) }
    }

    /// Lines that stay.
    private func messages(for event: SchedulerEvent, at time: Date) -> [String] {
        switch event {
        case .started(let job, let threads, let attempt) where style == .plain:
            return [
                "\(job): started with \(counted(threads, "thread"))"
                    + (attempt > 1 ? ", attempt \(attempt)" : "")
            ]
        case .worker(let job, .start(let totalSteps, let step, _)) where style == .plain && step > 0:
            return ["\(job): resumes from step \(step) of \(totalSteps)"]
        case .worker(let job, .warning(let message)):
            return ["\(job): warning: \(message)"]
        case .worker(let job, .evaluation(let step, let encoder, let metrics)) where style == .plain:
            return ["\(job): step \(step), \(encoder) encoder: " + EvaluationText.summary(of: metrics)]
        case .retrying(let job, let seconds, let reason):
            return ["\(job): failed (\(reason)); retrying in \(Quantity.duration(seconds))"]
        case .finished(let outcome):
            return finishedMessage(outcome, at: time)
        case .interrupting(let level) where style == .plain:
            return [
                level > 1 ? "killing the workers" : "saving checkpoints (Ctrl-C again kills the workers)"
            ]
        default:
            return []
        }
    }

    private func finishedMessage(_ outcome: JobOutcome, at time: Date) -> [String] {
        if outcome.result == .notStarted { return [] }
        let reason = outcome.message.map { ": \($0)" } ?? ""
        let line = "\(outcome.name): \(outcome.result.rawValue) in \(Quantity.duration(outcome.seconds))\(reason)"
        return [style == .plain ? line + "  [\(model.overallLine(at: time))]" : line]
    }

    private func plainStep(_ event: SchedulerEvent, at time: Date) {
        switch event {
        case .started(let job, _, _):
            lastLine[job] = time
        case .worker(let job, .step):
            guard let line = model.line(of: job, at: time),
                time.timeIntervalSince(lastLine[job] ?? .distantPast) >= Self.plainSeconds
            else { return }
            lastLine[job] = time
            write(line.withVisibleControls + "\n")
        default:
            break
        }
    }
}
