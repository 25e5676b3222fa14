import Analysis
import ArgumentParser
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp logs`: what a run's worker wrote.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print the log of a run: start and resume, evaluations, progress, errors.")

    @Argument(help: RunName.help, completion: ShellCompletion.run)
    var runName: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(help: ArgumentHelp("Print only the last n lines.", valueName: "n"))
    var lines: Int?

    @Flag(help: "Keep printing new lines until the run has stopped.")
    var follow = false

    func validate() throws {
        try OptionBounds.check(lines, "--lines", in: OptionBounds.lines)
    }

    func run() async throws {
        let directory = RunDirectory(path: try ResultsLocator(resultsDirectory: results).run(runName))
        let folder = ExperimentFolder(of: directory)
        var log = LogFollower(of: directory)
        Console.write(String(decoding: log.last(lines), as: UTF8.self))
        while follow {
            // Asked for first: what a worker writes before it ends is read after it.
            let isRunning =
                try await WorkerLiveness.asking(about: folder).currentState(of: directory)?.status == .running
            Console.write(String(decoding: log.next(), as: UTF8.self))
            if !isRunning { return }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// How commands describe the argument that names a run.
enum RunName {
    static var help: ArgumentHelp {
        ArgumentHelp(
            "A run: its folder, experiment/run, arm and seed (ijepa-s0), or a unique prefix of its name.",
            valueName: "run")
    }
}
