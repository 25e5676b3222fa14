package import RunStore

/// Something for a worker process to do.
package struct Job: Sendable {
    package enum Kind: Sendable {
        /// Train and evaluate the run in a folder with a plan.
        case run(RunDirectory)
        /// Compute the floors (raw pixels) of a data set.
        case floors(FloorsRequest)
    }

    /// Shown to the user: the run's name, or "floors".
    package var name: String
    package var kind: Kind
    package var demand: Demand
    /// How often it is tried again after a failure.
    package var retries: Int
    /// Its final failure stops the other jobs (`resources.on_failure: stop`).
    package var stopsOthers: Bool
    /// Processes that do it together, started by mpirun where there are several.
    package var ranks: Int

    package init(
        name: String, kind: Kind, demand: Demand, retries: Int = 0, stopsOthers: Bool = false, ranks: Int = 1
    ) {
        precondition(ranks >= 1, "ranks is \(ranks), but must be positive")
        precondition(retries >= 0, "retries is \(retries), but must not be negative")
        self.name = name
        self.kind = kind
        self.demand = demand
        self.retries = retries
        self.ranks = ranks
        self.stopsOthers = stopsOthers
    }

    package var isRun: Bool {
        if case .run = kind { true } else { false }
    }

    /// What its folder says of it, where it is a run whose state can be read.
    var state: RunState? {
        guard case .run(let directory) = kind else { return nil }
        return try? directory.loadState()
    }

    /// The worker's arguments; the job's threads are shared out to its ranks.
    func arguments(threads: Int) -> [String] {
        switch kind {
        case .run(let directory):
            [directory.path, "--threads", "\(max(1, threads / ranks))"]
        case .floors(let request):
            ["--floors", request.output, "--configuration", request.planFile, "--threads", "\(threads)"]
        }
    }

    var logFile: String {
        switch kind {
        case .run(let directory): directory.logFile
        case .floors(let request): request.output + ".log"
        }
    }
}

/// Floors that a worker is to compute: once per data set.
package struct FloorsRequest: Hashable, Sendable {
    /// The JSON file to write.
    package var output: String
    /// A run's plan.json; its data and evaluation settings count.
    package var planFile: String
    /// That it takes; for the planner.
    package var memoryBytes: Int

    package init(output: String, planFile: String, memoryBytes: Int = ExperimentRunner.floorsMemoryBytes) {
        self.output = output
        self.planFile = planFile
        self.memoryBytes = memoryBytes
    }
}

/// How a job ended.
package struct JobOutcome: Hashable, Sendable {
    package enum Result: String, Codable, Hashable, Sendable {
        case done
        /// Ended early because its features had collapsed; that is a result, not a failure.
        case collapsed
        /// Stopped on request; can be resumed.
        case interrupted
        case failed
        /// Never began, because `run` was interrupted before.
        case notStarted = "not_started"
    }

    package var name: String
    package var result: Result
    /// Why, where it is not done.
    package var message: String?
    /// Processes that were started for it.
    package var attempts: Int
    /// Wall time of all of them.
    package var seconds: Double

    package init(name: String, result: Result, message: String? = nil, attempts: Int = 1, seconds: Double = 0) {
        self.name = name
        self.result = result
        self.message = message
        self.attempts = attempts
        self.seconds = seconds
    }
}

/// What the scheduler tells about its work.
package enum SchedulerEvent: Sendable {
    /// A process was started; `attempt` counts from 1.
    case started(job: String, threads: Int, attempt: Int)
    case worker(job: String, event: WorkerEvent)
    /// A worker failed and is tried again after a pause.
    case retrying(job: String, afterSeconds: Double, reason: String)
    case finished(JobOutcome)
    /// The user asked to stop: once (checkpoint, then stop) or again (kill).
    case interrupting(level: Int)
    /// Time passed; a display may redraw.
    case tick
}
