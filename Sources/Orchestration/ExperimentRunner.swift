package import ExperimentSpec
import Foundation
package import RunStore

/// Runs what an experiment still lacks, and says how it went.
package struct ExperimentRunner {
    package var folder: ExperimentFolder
    package var scheduler: Scheduler
    package var liveness: WorkerLiveness
    /// Revision of the program, for the plans.
    package var sourceRevision: String? {
        get { context.sourceRevision }
        set { context.sourceRevision = newValue }
    }
    /// What results are compared with, to tell whether they are still those of this program and this data.
    package var context: RunContext
    /// What becomes of runs that have results: nil where those count.
    package var again: Again?
    /// Chooses how many of the runs that will start go at once; nil: as many as fit.
    package var schedule: (_ starting: [PreparedRun], _ capacity: Capacity) -> ScheduleChoice? = { _, _ in nil }
    /// Predicted memory of a run, bytes.
    package var predictedMemory: (RunConfiguration) -> Int
    /// What runs have to fit into, by their predicted cost; nothing is started where one cannot.
    package var limits = ResourceLimits.none
    package var predictedCost: (RunConfiguration) throws -> CostEstimate = { CostEstimate($0) }
    /// Says what takes long before the first run starts.
    package var activity = Activity.silent

    package init(
        folder: ExperimentFolder, scheduler: Scheduler, liveness: WorkerLiveness = .system,
        context: RunContext = RunContext(),
        predictedMemory: @escaping (RunConfiguration) -> Int = { CostEstimate($0).memoryBytes }
    ) {
        self.folder = folder
        self.scheduler = scheduler
        self.liveness = liveness
        self.context = context
        self.predictedMemory = predictedMemory
    }

    /// Takes the experiment's lock, writes plans, runs floors and runs to their end, and gathers the outcomes.
    ///
    /// - Parameters:
    ///   - isPartial: The experiment holds a selection of its runs only (`--only`, `--skip`).
    ///   - floors: Floors to compute; those whose file exists are left out.
    ///   - willStart: Called once with the number of runs that will start, and of those that have results already.
    /// - Throws: `OrchestrationError` before anything starts: another `run` at work, a folder that cannot be used;
    ///   `FitError` for runs that need more memory or disk space than there is.
    package func run(
        _ experiment: Experiment, isPartial: Bool, floors: [FloorsRequest], interruptions: @Sendable () -> Int,
        willStart: (_ starting: Int, _ skipped: Int) -> Void, report: (SchedulerEvent) -> Void
    ) async throws -> RunReport {
        // What cannot fit leaves no folder behind.
        if !FileManager.default.fileExists(atPath: folder.path) {
            try requireFit(folder.decisions(for: experiment, liveness: liveness, context: context), of: experiment)
        }
        try folder.create()
        let lock = try ExperimentLock(experimentDirectory: folder.path)
        var prepared = folder.decisions(for: experiment, liveness: liveness, context: context, activity: activity)
        if let again {
            for index in prepared.indices { prepared[index].decision = prepared[index].decision.repeated(again) }
        }
        try requireFit(prepared, of: experiment)
        try folder.prepare(
            prepared, of: experiment, isPartial: isPartial, floors: floors, sourceRevision: sourceRevision)

        let starting = Self.seedBySeed(prepared).filter(\.decision.willRun)
        let choice = schedule(starting, scheduler.capacity)
        var scheduler = scheduler
        scheduler.capacity.preferredWorkers = choice?.chosen.workers
        willStart(starting.count, prepared.count(where: \.decision.isSkipped))
        let runJobs = starting.map { item in
            let configuration = item.run.configuration
            return Job(
                name: item.run.name, kind: .run(item.directory),
                demand: Demand(
                    memoryBytes: predictedMemory(configuration),
                    threads: configuration.resources.threads.map { max($0, configuration.resources.ranks) }),
                retries: configuration.resources.retries,
                stopsOthers: configuration.resources.onFailure == .stop, ranks: configuration.resources.ranks)
        }
        let floorsJobs = floors.filter { !FileManager.default.fileExists(atPath: $0.output) }.map {
            Job(name: "floors", kind: .floors($0), demand: Demand(memoryBytes: $0.memoryBytes))
        }
        let outcomes = await scheduler.run(floorsJobs + runJobs, interruptions: interruptions, report: report)
        withExtendedLifetime(lock) {}
        return RunReport(
            experiment: experiment.name, directory: folder.path, prepared: prepared, schedule: choice,
            floors: Array(zip(floorsJobs, outcomes)),
            outcomes: Dictionary(
                uniqueKeysWithValues: zip(starting.map(\.directory.path), outcomes.dropFirst(floorsJobs.count))))
    }

    /// The first run of every arm, then the second: arms can be compared long before all runs have ended.
    static func seedBySeed(_ prepared: [PreparedRun]) -> [PreparedRun] {
        var counts: [String: Int] = [:]
        let ranks = Dictionary(grouping: prepared) { item in
            counts[item.run.arm, default: -1] += 1
            return counts[item.run.arm] ?? 0
        }
        return ranks.keys.sorted().flatMap { ranks[$0] ?? [] }
    }

    private func requireFit(_ prepared: [PreparedRun], of experiment: Experiment) throws {
        guard limits != .none else { return }
        let starting = try prepared.filter(\.decision.willRun).map { item in
            (run: item, cost: try predictedCost(item.run.configuration))
        }
        try FitCheck(starting, limits: limits, place: experiment.specPath, folder: folder).require()
    }

    /// Raw pixels of a small data set and a linear probe over them; an estimate for the planner only.
    package static let floorsMemoryBytes = 1 << 30
}

/// How runs that have results are run again.
package enum Again: Sendable {
    /// Those that are not done go on from their checkpoints, the others start over.
    case fromCheckpoint
    case fromStart
}

/// How `run` went: what every run of the experiment came to.
package struct RunReport: Encodable, Sendable {
    package struct Entry: Encodable, Sendable {
        package var name: String
        package var arm: String?
        package var seed: Int?
        /// The run's folder, or the floors' file.
        package var path: String
        /// done, collapsed, skipped, interrupted, failed, not_started, busy or damaged.
        package var result: String
        package var message: String?
        /// crash, killed, out_of_memory, non_finite, disk_full, not_writable, data, files or error.
        package var failure: FailureKind?
        package var attempts: Int
        /// Wall time of this `run`, seconds.
        package var seconds: Double
        /// Last lines of the log of a run that failed.
        package var logTail: [String]?
    }

    package var experiment: String
    package var directory: String
    /// 0: all done; 1: some failed; 75: stopped on request.
    package var exitCode: Int32
    /// The run whose failure stopped the others (`resources.on_failure: stop`).
    package var stoppedBy: String?
    package var runs: [Entry]
    package var floors: [Entry]
    /// What was measured of running several at once; none where nothing was.
    package var schedule: ScheduleChoice?

    init(
        experiment: String, directory: String, prepared: [PreparedRun], schedule: ScheduleChoice?,
        floors: [(Job, JobOutcome)],
        outcomes: [String: JobOutcome]
    ) {
        self.experiment = experiment
        self.directory = directory
        self.schedule = schedule
        runs = prepared.map { item in
            var entry = Entry(
                name: item.run.name, arm: item.run.arm, seed: item.run.seed, path: item.directory.path,
                result: "skipped", message: item.decision.reason, attempts: 0, seconds: 0)
            switch item.decision {
            case .busy: entry.result = "busy"
            case .damaged: entry.result = "damaged"
            case .start, .restart, .resume, .skip, .conflict: break
            }
            if let outcome = outcomes[item.directory.path] {
                entry.fill(from: outcome, logFile: item.directory.logFile)
                entry.failure = (try? item.directory.loadState())?.failure
            }
            return entry
        }
        self.floors = floors.map { job, outcome in
            var entry = Entry(name: job.name, path: "", result: "", attempts: 0, seconds: 0)
            if case .floors(let request) = job.kind { entry.path = request.output }
            entry.fill(from: outcome, logFile: job.logFile)
            return entry
        }
        let results = Set((runs + self.floors).map(\.result))
        stoppedBy =
            prepared.first { item in
                item.run.configuration.resources.onFailure == .stop
                    && outcomes[item.directory.path]?.result == .failed
            }?.run.name
        exitCode =
            if stoppedBy != nil {
                1
            } else if results.contains("interrupted") || results.contains("not_started") {
                WorkerExit.toBeResumed
            } else if !results.isDisjoint(with: Self.toldAtEnd) {
                1
            } else {
                0
            }
    }

    /// Results that `run` ends with a word about.
    private static let toldAtEnd: Set<String> = ["failed", "busy", "damaged"]

    package func count(_ result: String) -> Int { runs.count { $0.result == result } }

    /// The end of `run` for people: numbers, failures with the last lines of their logs, and how to go on.
    package func text(goOnWith command: String) -> String {
        let counts = ["done", "collapsed", "skipped", "failed", "damaged", "busy", "interrupted", "not_started"]
            .compactMap {
                result in
                count(result) > 0 ? "\(count(result)) \(result == "not_started" ? "not started" : result)" : nil
            }
        var lines = ["\(experiment): " + counts.joined(separator: ", ") + "  (\(directory))"]
        for entry in floors + runs where Self.toldAtEnd.contains(entry.result) {
            let kind = entry.failure.map { $0 == .other ? "" : " (\($0.rawValue))" } ?? ""
            lines.append("\(entry.name) \(entry.result)\(kind): \(entry.message ?? "reason unknown")")
            lines += (entry.logTail ?? []).map { "    | " + $0 }
            if entry.result == "failed" { lines.append("    log: \(logPath(of: entry))") }
        }
        if let stoppedBy { lines.append("stopped by the failure of \(stoppedBy) (resources.on_failure: stop)") }
        switch exitCode {
        case WorkerExit.toBeResumed: lines.append("stopped; resume with: \(command)")
        case 0: break
        // What is damaged has its remedy in its own line.
        case _ where count("failed") + count("busy") + floors.count(where: { $0.result == "failed" }) == 0: break
        default: lines.append("run the failed runs again with: \(command)")
        }
        return lines.joined(separator: "\n")
    }

    private func logPath(of entry: Entry) -> String {
        entry.arm == nil ? entry.path + ".log" : RunDirectory(path: entry.path).logFile
    }
}

extension RunReport.Entry {
    fileprivate mutating func fill(from outcome: JobOutcome, logFile: String) {
        result = outcome.result.rawValue
        message = outcome.message
        attempts = outcome.attempts
        seconds = outcome.seconds
        if outcome.result == .failed { logTail = LogTail.lines(of: logFile, count: 8) }
    }
}
