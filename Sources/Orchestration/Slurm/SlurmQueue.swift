import Foundation
import RunStore

/// What Slurm says of the task of a run.
package struct QueuedTask: Codable, Hashable, Sendable {
    /// "12_3": array and index.
    package var job: String
    /// Slurm's word: PENDING, RUNNING, CANCELLED …; "UNKNOWN" where Slurm does not answer.
    package var state: String
    /// Why it waits.
    package var reason: String?
    /// Where it runs.
    package var node: String?

    package init(job: String, state: String, reason: String? = nil, node: String? = nil) {
        self.job = job
        self.state = state
        self.reason = reason
        self.node = node
    }

    static let unknownState = "UNKNOWN"
    /// Of a task that Slurm knew once and has forgotten.
    static let endedState = "ENDED"
    static let waitingStates: Set<String> = [
        "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD",
    ]
    static let workingStates: Set<String> = [
        "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT",
    ]

    package var isWaiting: Bool { Self.waitingStates.contains(state) }
    package var isWorking: Bool { Self.workingStates.contains(state) }
    package var isUnknown: Bool { state == Self.unknownState }

    /// It ended, and nothing unusual is known of how: the run's own state says more.
    var tellsNothing: Bool { ["COMPLETED", Self.endedState].contains(state) }

    /// "Slurm 12_3: PENDING (Resources)"
    package var text: String { "Slurm \(job): \(state)" + (reason.map { " (\($0))" } ?? "") }
}

/// What Slurm knows of an experiment's runs at one moment.
package struct SlurmQueue: Sendable {
    /// By the name of the run's folder.
    package var tasks: [String: QueuedTask]

    package init(tasks: [String: QueuedTask] = [:]) {
        self.tasks = tasks
    }

    /// Asks squeue, and sacct for what squeue does not know any more. A cluster without accounting has no sacct:
    /// what neither knows has ended some time ago.
    ///
    /// - Returns: Empty where nothing of the experiment was ever submitted.
    package static func ask(about folder: ExperimentFolder) async -> SlurmQueue {
        guard let submissions = try? SlurmSubmissions.load(from: folder), !submissions.submissions.isEmpty else {
            return SlurmQueue()
        }
        let jobs = submissions.submissions.map(\.job)
        // A single job that Slurm has forgotten is an error, one of several is not.
        let list = (jobs + jobs.prefix(1)).map(String.init).joined(separator: ",")
        // Results that were brought to a machine without Slurm are not in any queue.
        guard
            let squeue = try? await SystemCommand.run(
                "squeue", ["--noheader", "--array", "--states=all", "--jobs=\(list)", "--format=\(queueFormat)"])
        else { return SlurmQueue() }
        let known = squeue.isSuccess ? parse(squeue: squeue.output) : nil
        var accounted: [Key: QueuedTask] = [:]
        let wanted = submissions.latest
        if let known, wanted.contains(where: { known.task($0.value.job, $0.value.index) == nil }) {
            let sacct = try? await SystemCommand.run(
                "sacct",
                [
                    "--noheader", "--parsable2", "--allocations", "--array", "--jobs=\(list)",
                    "--format=JobID,State,NodeList",
                ])
            if let sacct, sacct.isSuccess { accounted = parse(sacct: sacct.output).tasks }
        }
        return SlurmQueue(
            tasks: wanted.mapValues { job, index in
                let name = "\(job)_\(index)"
                guard let known else { return QueuedTask(job: name, state: QueuedTask.unknownState) }
                return known.task(job, index) ?? accounted[Key(job: job, index: index)]
                    ?? QueuedTask(job: name, state: QueuedTask.endedState)
            })
    }

    // MARK: Reading

    static let queueFormat = "%F|%K|%T|%r|%N"

    struct Key: Hashable {
        var job: Int
        /// Nil: all tasks of the array that have no line of their own.
        var index: Int?
    }

    struct Listing {
        var tasks: [Key: QueuedTask]

        func task(_ job: Int, _ index: Int) -> QueuedTask? {
            if let own = tasks[Key(job: job, index: index)] { return own }
            var common = tasks[Key(job: job, index: nil)]
            common?.job = "\(job)_\(index)"
            return common
        }
    }

    /// Lines of `queueFormat`. An array that was cancelled while it waited is one line without an index.
    static func parse(squeue text: String) -> Listing {
        var tasks: [Key: QueuedTask] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 5, let job = Int(fields[0].trimmingCharacters(in: .whitespaces)) else { continue }
            let index = Int(fields[1])
            let reason = ["None", ""].contains(fields[3]) ? nil : fields[3]
            tasks[Key(job: job, index: index)] = QueuedTask(
                job: index.map { "\(job)_\($0)" } ?? "\(job)", state: fields[2], reason: reason,
                node: fields[4].isEmpty ? nil : fields[4])
        }
        return Listing(tasks: tasks)
    }

    /// Lines of `JobID|State|NodeList`: "12_3|CANCELLED by 1000|node7". Of several lines of a task, which a requeue
    /// leaves, the last counts.
    static func parse(sacct text: String) -> Listing {
        var tasks: [Key: QueuedTask] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 3 else { continue }
            let parts = fields[0].split(separator: "_")
            guard parts.count == 2, let job = Int(parts[0]), let index = Int(parts[1]) else { continue }
            let words = fields[1].split(separator: " ", maxSplits: 1)
            tasks[Key(job: job, index: index)] = QueuedTask(
                job: fields[0], state: words.first.map(String.init) ?? "",
                reason: words.count > 1 ? String(words[1]) : nil,
                node: ["", "None assigned"].contains(fields[2]) ? nil : fields[2])
        }
        return Listing(tasks: tasks)
    }
}

extension SlurmSubmissions {
    /// For every run that was ever submitted, its latest task.
    var latest: [String: (job: Int, index: Int)] {
        submissions.reduce(into: [:]) { latest, submission in
            for (index, name) in submission.tasks.enumerated() { latest[name] = (submission.job, index) }
        }
    }
}
