import Analysis
import ArgumentParser
import Orchestration
import RunStore

/// `cjepa-exp show`: everything about one run.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a run's configuration, provenance, state and evaluations.")

    @Argument(help: RunName.help)
    var runName: String

    @Option(help: ArgumentHelp("Folder with results.", valueName: "dir"))
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(runName))
        let summary = try RunSummary(of: directory, liveness: await .asking(about: ExperimentFolder(of: directory)))
        print(json ? String(decoding: try StoredJSON.encode(summary), as: UTF8.self) : summary.text)
    }
}
