import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp clean`: runs that are not wanted any more, to the trash and out of it.
struct CleanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean",
        abstract: "Move runs that are not wanted any more to the experiment's trash, or empty it.",
        discussion: """
            Say which: --outdated, --failed, --run. Runs that are at work stay. What is in the trash \
            (<experiment>/.trash) can be moved back by hand until --empty-trash.
            """)

    @Argument(help: "An experiment's name, the beginning of it, or its folder.")
    var experiment: String

    @Option(help: ArgumentHelp("Folder with results.", valueName: "dir"))
    var results = "results"

    @Flag(help: "Runs of configurations, arms or seeds that the experiment had before.")
    var outdated = false

    @Option(
        help: ArgumentHelp("With --outdated: what the experiment holds is what this spec says now.", valueName: "spec"))
    var spec: String?

    @Flag(help: "Runs that failed.")
    var failed = false

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("Runs, arms or folders that match (*, ?); may be repeated.", valueName: "pattern"))
    var patterns: [String] = []

    @Flag(help: "Delete what is in the trash; nothing brings it back.")
    var emptyTrash = false

    @Flag(help: "Only say what would be done.")
    var dryRun = false

    @Flag(help: "Print JSON.")
    var json = false

    private var selection: RunCleaner.Selection {
        RunCleaner.Selection(outdated: outdated, failed: failed, patterns: patterns)
    }

    func validate() throws {
        if emptyTrash, !selection.isEmpty {
            throw ValidationError("--empty-trash goes alone: what is selected goes to the trash first.")
        }
        if !emptyTrash, selection.isEmpty {
            throw ValidationError("Say which runs: --outdated, --failed or --run PATTERN; or --empty-trash.")
        }
        if spec != nil, !outdated { throw ValidationError("--spec goes with --outdated.") }
    }

    func run() async throws {
        let folder = ExperimentFolder(path: try ResultsLocator(resultsDirectory: results).experiment(experiment))
        if emptyTrash { return try empty(ExperimentTrash(of: folder)) }
        let report = try RunCleaner(folder, liveness: await .asking(about: folder)).clean(
            selection, current: try currentNames(in: folder), isDryRun: dryRun)
        if let pattern = report.unmatched.first {
            throw UnusableInput(
                place: folder.path, problem: "no run matches “\(pattern)”",
                remedy: "`cjepa-exp status \(report.experiment)` names them")
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
                place: spec, problem: "is the experiment “\(experiment.name)”, not “\(record.name)”",
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
