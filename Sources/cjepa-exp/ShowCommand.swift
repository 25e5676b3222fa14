import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp show`: everything about one run.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a run's configuration, provenance, state and evaluations.")

    @Argument(help: RunName.help, completion: ShellCompletion.run)
    var runName: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let folder = try ResultsLocator(resultsDirectory: results).run(runName)
        let directory = RunDirectory(path: folder)
        let remarks = RemarkPrinter()
        var summary = try RunSummary(
            of: directory, liveness: await .asking(about: ExperimentFolder(of: directory)), remark: remarks.add)
        remarks.print()
        summary.expectations = try verdicts(
            on: summary.arm, inExperiment: (folder as NSString).deletingLastPathComponent)
        print(json ? String(decoding: try StoredJSON.encode(summary), as: UTF8.self) : summary.text)
        if summary.resultsProblem != nil { throw ExitCode(ErrorReport.failure) }
    }

    /// What the experiment claims of the run's arm, judged by all its runs; none outside an experiment.
    private func verdicts(on arm: String, inExperiment folder: String) throws -> [RunSummary.JudgedClaim] {
        guard FileManager.default.fileExists(atPath: ExperimentRecord.path(inExperiment: folder)) else { return [] }
        return try ComparisonTable.verdicts(experimentDirectory: folder)
            .filter { $0.expectation.arm == arm || $0.expectation.minus == arm }
            .map { RunSummary.JudgedClaim(claim: $0.claim, verdict: $0.outcome.rawValue, reason: $0.explanation) }
    }
}
