import Analysis
import ArgumentParser
import Orchestration
import RunStore

/// `cjepa-exp diff`: two runs side by side.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show the settings that differ between two runs, and their results side by side.")

    @Argument(help: RunName.help, completion: ShellCompletion.run)
    var first: String

    @Argument(help: ArgumentHelp("The run to compare with it.", valueName: "run"), completion: ShellCompletion.run)
    var second: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let locator = ResultsLocator(resultsDirectory: results)
        let left = RunDirectory(path: try locator.run(first))
        let right = RunDirectory(path: try locator.run(second))
        let liveness = await WorkerLiveness.asking(about: ExperimentFolder(of: left))
            .adding(await SlurmQueue.ask(about: ExperimentFolder(of: right)))
        let remarks = RemarkPrinter()
        let difference = try RunDifference(left, right, liveness: liveness, remark: remarks.add)
        remarks.print()
        print(json ? String(decoding: try StoredJSON.encode(difference), as: UTF8.self) : difference.text)
        if remarks.hasDamage { throw ExitCode(ErrorReport.failure) }
    }
}
