package import ExperimentSpec
import RunStore

/// What `plan` shows: the runs of an experiment, whether they will run and why, and what they cost.
package struct PlanReport: Encodable, Sendable {
    /// Predicted cost of one run.
    package struct Cost: Encodable, Hashable, Sendable {
        package var parameters: Int
        /// Floating-point operations of one optimiser step.
        package var flopsPerStep: Double
        package var steps: Int
        package var memoryBytes: Int
        package var diskBytes: Int
        /// Time of the whole run on one thread; nil without a calibration.
        package var seconds: Double?

        package init(
            parameters: Int, flopsPerStep: Double, steps: Int, memoryBytes: Int, diskBytes: Int, seconds: Double? = nil
        ) {
            self.parameters = parameters
            self.flopsPerStep = flopsPerStep
            self.steps = steps
            self.memoryBytes = memoryBytes
            self.diskBytes = diskBytes
            self.seconds = seconds
        }
    }

    package struct Row: Encodable, Sendable {
        package var name: String
        package var arm: String
        package var seed: Int
        /// Key paths in which arms differ, with this run's values.
        package var differences: [String: String]
        package var configurationHash: String
        package var directory: String
        package var willRun: Bool
        /// start, restart, resume, skip, busy, damaged or conflict.
        package var action: String
        package var reason: String
        /// What changed since an earlier run's results were made; none where nothing did.
        package var changes: RunChanges?
        package var cost: Cost
    }

    package struct Totals: Encodable, Hashable, Sendable {
        package var runs: Int
        package var runsToStart: Int
        /// Runs at once, and threads of each of them, at the beginning.
        package var workers: Int
        package var threads: Int
        /// Wall time of the runs that start, over all slots; nil without a calibration.
        package var seconds: Double?
        /// Disk space that the runs that start take at most besides what they have, and what is free for it, if known.
        package var diskBytes: Int
        package var freeDiskBytes: Int?
        /// Memory of the runs that start together at the beginning.
        package var memoryBytes: Int
    }

    /// Data that runs need and that is not there.
    package struct Missing: Encodable, Hashable, Sendable {
        /// The line of the spec, or the option, that says where it should be.
        package var location: String
        package var key: String?
        /// What was looked for, and where.
        package var message: String
        package var remedy: String?
    }

    package var experiment: String
    package var question: String
    package var expected: String
    package var baseline: String
    /// float32, bf16, or both, comma-separated; "auto" has become one of them.
    package var precision: String
    package var spec: String
    package var cores: Int
    package var freeMemoryBytes: Int
    package var runs: [Row]
    package var totals: Totals
    /// Empty: all of it is there.
    package var missingData: [Missing]
    /// Where the runs differ from what the paper pretrained its network of this size with; none where the network is none
    /// of the paper's.
    package var paper: PaperComparison?
    /// What was measured of running several at once; none where nothing was.
    package var schedule: ScheduleChoice?
    /// What the seeds can decide of the claims, and of differences from the baseline; none where nobody asked.
    package var power: [PlanPower]?

    /// - Parameters:
    ///   - schedule: What was measured of running several at once; nil: as many as fit, and threads that scale ideally.
    ///   - disk: What the runs that start need and what is free; nil: the sum of their costs.
    ///   - cost: Predicts one run; called once for each configuration hash.
    ///   - floorsSeconds: Predicts, after all runs, the floors that are still to be computed, in seconds on one thread.
    package init(
        experiment: Experiment, prepared: [PreparedRun], capacity: Capacity, schedule: ScheduleChoice? = nil,
        disk: (bytes: Int, free: Int?)? = nil, cost: (RunConfiguration) throws -> Cost,
        floorsSeconds: () -> [Double] = { [] }
    ) rethrows {
        self.experiment = experiment.name
        question = experiment.question
        expected = experiment.expected
        baseline = experiment.baseline
        precision = Set(prepared.map(\.run.configuration.training.precision.rawValue)).sorted().joined(separator: ", ")
        spec = experiment.specPath
        missingData = experiment.missingData.flatMap(\.problems).map {
            Missing(location: "\($0.location)", key: $0.keyPath, message: $0.message, remedy: $0.remedy)
        }
        paper = PaperComparison(prepared.map(\.run))
        cores = capacity.cores
        freeMemoryBytes = capacity.memoryBytes
        var costs: [String: Cost] = [:]
        for item in prepared where costs[item.run.configurationHash] == nil {
            costs[item.run.configurationHash] = try cost(item.run.configuration)
        }
        runs = prepared.compactMap { item in
            costs[item.run.configurationHash].map { cost in
                Row(
                    name: item.run.name, arm: item.run.arm, seed: item.run.seed, differences: item.run.differences,
                    configurationHash: item.run.configurationHash, directory: item.directory.path,
                    willRun: item.decision.willRun, action: item.decision.action, reason: item.decision.reason,
                    changes: item.changes == RunChanges() ? nil : item.changes, cost: cost)
            }
        }
        let starting = zip(prepared, runs).filter { $0.1.willRun }
        let demands = starting.map { item, row in
            Demand(memoryBytes: row.cost.memoryBytes, threads: item.run.configuration.resources.threads)
        }
        var capacity = capacity
        capacity.preferredWorkers = schedule?.chosen.workers
        self.schedule = schedule
        var planner = SlotPlanner(capacity: capacity)
        let first = planner.start(demands)
        let seconds = starting.compactMap { $0.1.cost.seconds }
        // Floors start first.
        let floors = seconds.isEmpty ? [] : floorsSeconds()
        let withFloors = floors.map { _ in Demand(memoryBytes: ExperimentRunner.floorsMemoryBytes) } + demands
        totals = Totals(
            runs: runs.count, runsToStart: starting.count, workers: first.count,
            threads: first.compactMap(\.threads).max() ?? 0,
            seconds: seconds.count == starting.count && !seconds.isEmpty
                ? SlotPlanner.predictedSeconds(
                    withFloors, seconds: floors + seconds, capacity: capacity,
                    speedup: { schedule?.speedup(threads: $0) ?? Double($0) }) : nil,
            diskBytes: disk?.bytes ?? Self.sum(starting.map { $0.1.cost.diskBytes }), freeDiskBytes: disk?.free,
            memoryBytes: Self.sum(first.map(\.memoryBytes)))
    }

    /// A sum that is too large for any machine rather than for an integer.
    private static func sum(_ counts: [Int]) -> Int { Int(min(counts.reduce(0.0) { $0 + Double($1) }, 1e18)) }

    // MARK: Text

    package var text: String {
        let keys = differingKeys
        var table = TextTable(
            [("run", .left)] + keys.map { (Self.title(of: $0, among: keys), .left) } + [
                ("params", .right), ("FLOP/step", .right), ("steps", .right), ("memory", .right), ("time", .right),
                ("disk", .right), ("will run", .left), ("why", .left),
            ])
        for row in runs {
            table.append(
                [row.name] + keys.map { row.differences[$0] ?? "" } + [
                    Quantity.count(Double(row.cost.parameters)), Quantity.count(row.cost.flopsPerStep),
                    "\(row.cost.steps)", Quantity.bytes(row.cost.memoryBytes),
                    row.cost.seconds.map(Quantity.duration) ?? "", Quantity.bytes(row.cost.diskBytes),
                    row.willRun ? "yes" : "no", row.reason,
                ])
        }
        var lines = ["experiment  \(experiment)  (\(spec))"]
        if !question.isEmpty { lines.append("question    \(Self.folded(question))") }
        if !expected.isEmpty { lines.append("expected    \(Self.folded(expected))") }
        lines += ["baseline    \(baseline)", "precision   \(precision)"] + missingText
        lines += ["", table.text]
        if let power, !power.isEmpty { lines += ["", PlanPower.text(power)] }
        lines += ["", summary]
        if let paper { lines += ["", paper.text] }
        return lines.joined(separator: "\n")
    }

    private var missingText: [String] {
        guard !missingData.isEmpty else { return [] }
        let entries = missingData.flatMap { missing in
            ["    \(missing.message) (\(missing.key.map { "\($0), " } ?? "")\(missing.location))"]
                + (missing.remedy.map { ["        → \($0)"] } ?? [])
        }
        return [
            "", "THE DATA IS NOT THERE: `run` refuses to start until it is; the costs below are worked out without it",
        ]
            + entries
    }

    private var summary: String {
        guard totals.runsToStart > 0 else { return "\(counted(totals.runs, "run")), nothing to do" }
        let threads = counted(totals.threads, "thread")
        var parts = [
            "\(totals.runsToStart) of \(counted(totals.runs, "run")) to start",
            "\(totals.workers) at once with \(threads) each on \(counted(cores, "core"))",
            "memory \(Quantity.bytes(totals.memoryBytes)) of \(Quantity.bytes(freeMemoryBytes))",
            "disk \(Quantity.bytes(totals.diskBytes))"
                + (totals.freeDiskBytes.map { " of \(Quantity.bytes($0)) free" } ?? ""),
        ]
        if let seconds = totals.seconds { parts.append("time about \(Quantity.duration(seconds)) in all") }
        return parts.joined(separator: "; ") + (schedule.map { "\n" + $0.text } ?? "")
    }

    /// Key paths in which the shown runs differ, sorted.
    private var differingKeys: [String] {
        Set(runs.flatMap(\.differences.keys)).filter { key in Set(runs.map { $0.differences[key] }).count > 1 }.sorted()
    }

    /// As few of a path's last parts as tell it from the others, two at least: "kind" alone says little.
    private static func title(of key: String, among keys: [String]) -> String {
        let parts = key.split(separator: ".")
        for count in 2..<max(3, parts.count) {
            let title = parts.suffix(count).joined(separator: ".")
            if keys.count(where: { $0 == title || $0.hasSuffix("." + title) }) == 1 { return title }
        }
        return key
    }

    private static func folded(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
