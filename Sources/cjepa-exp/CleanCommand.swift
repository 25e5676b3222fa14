import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp clean`: moves unwanted runs to the trash, and empties it.
struct CleanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean",
        abstract: "Move unwanted runs to the experiment's trash, or empty the trash.",
        discussion: """
            Select runs with --outdated, --failed or --run. Active runs stay. To restore a run, move its folder back from \
            the trash (<experiment>/.trash); --empty-trash deletes for good.
            """)

    @Argument(
        help: "An experiment: its name, a unique prefix of it, or its folder.", completion: ShellCompletion.experiment)
    var experiment: String

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Flag(help: "Runs whose configuration, arm or seed is no longer part of the experiment.")
    var outdated = false

    @Option(
        help: ArgumentHelp("With --outdated: compare with this spec instead of the last `run`.", valueName: "spec"),
        completion: ShellCompletion.spec)
    var spec: String?

    @Flag(help: "Runs that failed.")
    var failed = false

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("Runs, arms or folders that match (*, ?); may be repeated.", valueName: "pattern"),
        completion: ShellCompletion.run)
    var patterns: [String] = []

    @Flag(help: "Delete everything in the trash, for good.")
    var emptyTrash = false

    @Flag(help: "Only show what would be done.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    private var selection: RunCleaner.Selection {
        RunCleaner.Selection(outdated: outdated, failed: failed, patterns: patterns)
    }

    func validate() throws {
        if emptyTrash, !selection.isEmpty {
            throw ValidationError(
                "--empty-trash cannot be combined with a selection: selected runs go to the trash first.")
        }
        if !emptyTrash, selection.isEmpty {
            throw ValidationError(
                "Say which runs to clean: --outdated, --failed or --run PATTERN; or give --empty-trash.")
        }
        if spec != nil, !outdated { throw ValidationError("--spec needs --outdated.") }
    }

    func run() async throws {
        let folder = ExperimentFolder(path: try ResultsLocator(resultsDirectory: results).experiment(experiment))
        if emptyTrash { return try empty(ExperimentTrash(of: folder)) }
        let report = try RunCleaner(folder, liveness: await .asking(about: folder)).clean(
            selection, current: try currentNames(in: folder), isDryRun: dryRun)
        if let pattern = report.unmatched.first {
            throw UnusableInput(
                place: folder.path, problem: "no run matches “\(pattern)”",
                remedy: "`cjepa-exp status \(report.experiment)` lists the runs")
        }
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }

    /// Folder names of the spec's runs.
    private func currentNames(in folder: ExperimentFolder) throws -> Set<String>? {
        guard let spec else { return nil }
        let experiment = try loadSpec(spec)
        let record = try ExperimentRecord.load(fromExperiment: folder.path)
        guard experiment.name == record.name else {
            throw UnusableInput(
                place: spec, problem: "describes the experiment “\(experiment.name)”, not “\(record.name)”",
                remedy: "give the spec of \(folder.path): \(record.specPath)")
        }
        return Set(experiment.runs.map(\.directoryName))
    }

    private func empty(_ trash: ExperimentTrash) throws {
        let contents = trash.contents
        if !dryRun { try trash.empty() }
        if json {
            print(
                String(decoding: try StoredJSON.encode(Emptied(isDryRun: dryRun, deleted: contents)), as: UTF8.self))
        } else {
            for path in contents { print("\(dryRun ? "would delete" : "deleted") \(path)") }
            if contents.isEmpty { print("the trash is empty") }
        }
    }

    private struct Emptied: Encodable {
        let isDryRun: Bool
        let deleted: [String]
    }
}
