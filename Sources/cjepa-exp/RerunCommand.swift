import Analysis
import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp rerun`: runs again, as their plans say.
struct RerunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun",
        abstract: "Run failed runs again, or single runs whatever their status.",
        discussion: """
            A run that is done starts over; any other resumes from its checkpoint, or starts over with --from-start. \
            The previous folder of a run that starts over goes to the experiment's trash. The configuration is the one \
            in the run's folder; if the spec has changed, use `run`.
            """)

    @Argument(
        help: ArgumentHelp("Runs, named as for `show`; with --failed, experiments.", valueName: "run"),
        completion: ShellCompletion.runOrFailed)
    var names: [String]

    @Flag(help: "Rerun every failed run of these experiments.")
    var failed = false

    @Flag(help: "Start over even if there is a checkpoint.")
    var fromStart = false

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Option(help: ArgumentHelp("Runs at once (default: as many as cores and memory allow).", valueName: "n"))
    var workers: Int?

    @Option(help: ArgumentHelp("Threads of each run (default: the cores, divided among the runs).", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print JSON; one object for each experiment.")
    var json = false

    func validate() throws {
        for (name, value) in [("--workers", workers), ("--threads", threads)] {
            try OptionBounds.check(value, name, in: OptionBounds.parallelism)
        }
    }

    func run() async throws {
        var codes: [Int32] = []
        for (path, directories) in try selected() {
            let experiment = try self.experiment(in: path, directories)
            let context = RunContext(
                sourceRevision: await SourceRevision.current(), fingerprints: try checkData(of: experiment.runs))
            let folder = ExperimentFolder(path: path)
            var runner = ExperimentRunner(
                folder: folder,
                scheduler: Scheduler(
                    command: WorkerCommand(environment: workerEnvironment()),
                    capacity: machineCapacity(for: experiment, workers: workers, threads: threads)),
                liveness: await .asking(about: folder), context: context)
            runner.again = fromStart ? .fromStart : .fromCheckpoint
            runner.limits = .ofMachine(for: experiment, results: folder)
            runner.predictedCost = predictedCost
            let command = ["cjepa-exp", "rerun"] + directories.map(\.path)
            let session = RunSession(runner: runner, json: json, command: ShellWord.line(command))
            codes.append(try await session.run(experiment, isPartial: true))
            if codes.last == 75 { break }
        }
        if let code = codes.contains(75) ? 75 : codes.first(where: { $0 != 0 }) { throw ExitCode(code) }
    }

    /// Runs by the folders of their experiments, in the order in which they were named.
    private func selected() throws -> [(path: String, directories: [RunDirectory])] {
        let locator = ResultsLocator(resultsDirectory: results)
        if failed {
            return try names.map { name in
                let path = try locator.experiment(name)
                let runs = try ExperimentRecord.load(fromExperiment: path).runs
                let directories = try runs.map { RunDirectory(path: path + "/" + $0.directoryName) }
                    .filter { try WorkerLiveness.system.currentState(of: $0)?.status == .failed }
                guard !directories.isEmpty else {
                    throw UnusableInput(
                        place: path, problem: "no run failed", remedy: "`cjepa-exp status \(name)` shows their status"
                    )
                }
                return (path, directories)
            }
        }
        var groups: [(path: String, directories: [RunDirectory])] = []
        for name in names {
            let directory = RunDirectory(path: Self.withoutSlash(try locator.run(name)))
            let parent = (directory.path as NSString).deletingLastPathComponent
            let path = parent.isEmpty ? "." : parent
            if let index = groups.firstIndex(where: { $0.path == path }) {
                if !groups[index].directories.contains(directory) { groups[index].directories.append(directory) }
            } else {
                groups.append((path, [directory]))
            }
        }
        return groups
    }

    private static func withoutSlash(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The part of an experiment that these runs are, from its record and their plans.
    private func experiment(in path: String, _ directories: [RunDirectory]) throws -> Experiment {
        let record = try ExperimentRecord.load(fromExperiment: path)
        let runs = try directories.map { directory in
            guard record.runs.contains(where: { $0.directoryName == directory.name }) else {
                throw UnusableInput(
                    place: directory.path, problem: "is not a run of the current experiment",
                    remedy:
                        "run the spec that it belongs to, or choose a run that `cjepa-exp status \(record.name)` lists")
            }
            return try directory.loadPlan().run
        }
        return Experiment(
            name: record.name, question: record.question, expected: record.expected, baseline: record.baseline,
            arms: record.arms.filter { arm in runs.contains { $0.arm == arm } }, runs: runs, specPath: record.specPath,
            expectations: record.expectations ?? [], factors: record.factors ?? [])
    }
}
