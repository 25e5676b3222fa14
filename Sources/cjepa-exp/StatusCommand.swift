import Analysis
import ArgumentParser
import Orchestration
import RunStore

/// `cjepa-exp status`: how far an experiment is.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show which runs of an experiment are done, running or failed, and why.")

    @Argument(
        help: "An experiment: its name, a unique prefix of it, or its folder.", completion: ShellCompletion.experiment)
    var experiment: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(name: .customLong("tag"), help: ArgumentHelp("Only runs with this tag; may be repeated.", valueName: "tag"))
    var tags: [String] = []

    @Flag(help: "Show the status again whenever it changes, until all work on the experiment has stopped.")
    var watch = false

    @Option(
        help: ArgumentHelp(
            "With --watch: seconds between checks (default: 2, or 10 while Slurm has tasks).", valueName: "s"))
    var interval: Double?

    @Flag(help: "Print JSON; with --watch, one object per line.")
    var json = false

    func validate() throws {
        if let interval, !(interval >= 0.1 && interval <= 86_400) {
            throw ValidationError("--interval must be between 0.1 and 86400 seconds, but is \(interval).")
        }
    }

    func run() async throws {
        let folder = ExperimentFolder(path: try ResultsLocator(resultsDirectory: results).experiment(experiment))
        try StatusReport.requireRuns(with: tags, in: folder)
        if watch {
            try await StatusWatch(folder: folder, tags: tags, interval: interval, json: json).run()
        } else {
            let remarks = RemarkPrinter()
            Console.begin("reading the results in \(folder.path)")
            let report = try StatusReport(
                of: folder, tags: tags, liveness: await .asking(about: folder), remark: remarks.add)
            remarks.print()
            print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
        }
    }
}
