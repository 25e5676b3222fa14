import Analysis
import ArgumentParser
import Orchestration
import RunStore

/// `cjepa-exp status`: how far an experiment is.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what of an experiment is done, running or failed, and why.")

    @Argument(help: "An experiment's name, the beginning of it, or its folder.")
    var experiment: String

    @Option(help: ArgumentHelp("Folder with results.", valueName: "dir"))
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let folder = try ResultsLocator(resultsDirectory: results).experiment(experiment)
        let report = try StatusReport(of: ExperimentFolder(path: folder))
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }
}
