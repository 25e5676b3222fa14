import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// Runs an experiment on this machine, shows how it goes, and prints what came out; `run` and `rerun` share it.
struct RunSession {
    let runner: ExperimentRunner
    let json: Bool
    /// The command that goes on after an interrupt.
    let command: String

    /// - Returns: The exit code.
    /// - Throws: What keeps everything from starting.
    func run(_ experiment: Experiment, isPartial: Bool) async throws -> Int32 {
        // Until the first worker starts there is nothing to wait for.
        InterruptSignals.installExit()
        let folder = self.runner.folder
        var reporter: ProgressReporter?
        var interim: InterimAnswers?
        var runner = self.runner
        runner.activity = Console.activity
        runner.schedule = { starting, capacity in
            Console.begin("timing training steps to choose how many runs train at once")
            // A matrix that is over soon is not worth measuring.
            guard let choice = measuredSchedule(of: starting, capacity: capacity, leastSeconds: 30) else { return nil }
            Console.note(choice.text)
            return choice
        }
        let report = try await runner.run(
            experiment, isPartial: isPartial, floors: floorsRequests(for: experiment, in: folder),
            interruptions: { InterruptSignals.level },
            willStart: { starting, skipped in
                Console.activity.end()
                InterruptSignals.install()
                reporter = .standardError(runCount: starting)
                interim = InterimAnswers(runCount: starting, alreadyDone: skipped, startedAt: SteadyClock.now)
            },
            report: { event in
                reporter?.handle(event)
                guard let count = interim?.runsToShow(after: event, at: SteadyClock.now),
                    let text = interimComparison(of: folder)
                else { return }
                let runs = "\(experiment.runs.count) \(isPartial ? "selected runs" : "runs")"
                reporter?.show(visible: "\nSo far, from \(count) of \(runs):\n\n\(text)\n")
            })
        reporter?.end()

        var hasTable = true
        let text = report.text(goOnWith: command)
        if json {
            Console.note(text)
            print(String(decoding: try StoredJSON.encode(report), as: UTF8.self))
        } else {
            if report.runs.contains(where: { ["done", "collapsed", "skipped"].contains($0.result) }) {
                hasTable = printTable(of: folder)
            }
            print(text)
        }
        if report.exitCode != 0 { return report.exitCode }
        return hasTable ? 0 : ErrorReport.failure
    }

    /// - Returns: Whether there was a table; what went wrong otherwise is told, and the report follows all the same.
    private func printTable(of folder: ExperimentFolder) -> Bool {
        do {
            try printComparison(of: folder)
            return true
        } catch {
            ErrorReport(error).print()
            return false
        }
    }
}
