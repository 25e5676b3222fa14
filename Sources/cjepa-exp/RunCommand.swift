import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp run`: trains what an experiment still lacks.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Train every run of a spec that is not done yet, and print the comparison.",
        discussion: """
            Runs are processes of their own, as many at once as cores and memory allow. Ctrl-C, SIGTERM or SIGUSR1 lets \
            each finish its step and write a checkpoint; the same command goes on from there. A second Ctrl-C kills.

            Exit codes: 0 all done, 1 some failed, 64 unusable spec or data, 75 stopped on request, to be gone on with.
            """)

    @OptionGroup var options: SpecOptions

    func run() async throws {
        let experiment = try options.loadExperiment()
        InterruptSignals.install()
        let folder = ExperimentFolder(results: options.results, experiment: experiment.name)
        let runner = ExperimentRunner(
            folder: folder,
            scheduler: Scheduler(
                command: WorkerCommand(environment: workerEnvironment()), capacity: options.capacity(for: experiment)),
            sourceRevision: await SourceRevision.current())
        var reporter: ProgressReporter?
        let report = try await runner.run(
            experiment, isPartial: options.isPartial, floors: floorsRequests(for: experiment, in: folder),
            interruptions: { InterruptSignals.level },
            willStart: { starting, _ in reporter = .standardError(runCount: starting) },
            report: { reporter?.handle($0) })
        reporter?.end()

        var hasTable = true
        let text = report.text(goOnWith: options.command("run")) + "\n"
        if options.json {
            try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
            print(String(decoding: try StoredJSON.encode(report), as: UTF8.self))
        } else {
            if report.runs.contains(where: { ["done", "collapsed", "skipped"].contains($0.result) }) {
                hasTable = printTable(of: folder)
            }
            print(text, terminator: "")
        }
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
        if !hasTable { throw ExitCode(ErrorReport.failure) }
    }

    /// - Returns: Whether there was a table; what went wrong otherwise is told, and the report follows all the same.
    private func printTable(of folder: ExperimentFolder) -> Bool {
        do {
            try printComparison(experimentDirectory: folder.path)
            return true
        } catch {
            ErrorReport(error).print()
            return false
        }
    }
}
