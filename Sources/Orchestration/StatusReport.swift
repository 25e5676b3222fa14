import Evaluation
import ExperimentSpec
package import Foundation
package import RunStore

/// What `status` shows: how far each run of an experiment is, and why it is no further.
package struct StatusReport: Encodable, Sendable {
    package struct Row: Encodable, Sendable {
        package var name: String
        package var arm: String
        package var seed: Int
        package var directory: String
        /// planned, queued (in Slurm), running, interrupted, failed, collapsed or done; "unreadable" where the state's
        /// file is broken, "damaged" where a finished run's results are.
        package var status: String
        package var step: Int
        package var totalSteps: Int
        package var attempts: Int
        /// The worker's process, while it runs.
        package var pid: Int32?
        package var host: String?
        package var startedAt: Date?
        package var updatedAt: Date?
        package var endedAt: Date?
        /// Why it ended or stopped.
        package var reason: String?
        /// What kind of trouble it was, where it failed: crash, out_of_memory, non_finite…
        package var failure: FailureKind?
        /// Latest numbers: accuracies as fractions.
        package var metrics: [String: Double]
        /// "healthy", "complete collapse", as of the last diagnosis.
        package var verdict: String?
        /// What it computes in: float32, bf16; none where it has no plan yet.
        package var precision: String?
        /// Share of the latest steps' time that was spent waiting for images.
        package var loaderWaitShare: Double?
        package var tags: [String]
        /// What Slurm says of the run's latest task.
        package var task: QueuedTask?
    }

    package var experiment: String
    package var question: String
    package var directory: String
    package var baseline: String
    package var runs: [Row]
    /// How many runs have each status.
    package var counts: [String: Int]

    /// - Parameters:
    ///   - tags: Only runs that have all of these.
    ///   - readsResults: Whether finished runs' files of results are opened, to tell damage.
    ///   - remark: Takes what is to be said of these files.
    /// - Throws: `RunStore`'s errors for a record that cannot be read.
    package init(
        of folder: ExperimentFolder, tags: [String] = [], liveness: WorkerLiveness = .system,
        readsResults: Bool = true, remark: (ResultsRemark) -> Void = { _ in }
    ) throws {
        let record = try ExperimentRecord.load(fromExperiment: folder.path)
        experiment = record.name
        question = record.question
        directory = folder.path
        baseline = record.baseline
        runs = record.runs.compactMap { entry in
            let directory = RunDirectory(path: folder.path + "/" + entry.directoryName)
            guard directory.hasTags(tags) else { return nil }
            var row = Self.row(of: entry, in: directory, liveness: liveness)
            row.noteTask()
            if readsResults { row.noteDamage(in: directory, remark: remark) }
            return row
        }
        counts = Dictionary(runs.map { ($0.status, 1) }, uniquingKeysWith: +)
    }

    /// - Throws: `OrchestrationError` where no run has all of `tags`; `RunStore`'s errors for a record that cannot be read.
    package static func requireRuns(with tags: [String], in folder: ExperimentFolder) throws {
        let runs = try ExperimentRecord.load(fromExperiment: folder.path).runs
            .map { RunDirectory(path: folder.path + "/" + $0.directoryName) }
        if tags.isEmpty || runs.contains(where: { $0.hasTags(tags) }) { return }
        let (message, remedy) = RunTags.noMatch(for: tags, among: runs)
        throw OrchestrationError(.noMatch, path: folder.path, message: message, remedy: remedy)
    }

    /// Whether a worker is at one of the runs, or Slurm will start one.
    package var isActive: Bool {
        runs.contains { row in
            row.status == RunStatus.running.rawValue || row.status == Row.queued || row.task?.isWorking == true
        }
    }

    /// Whether Slurm has a task of one of the runs.
    package var isInQueue: Bool { runs.contains { $0.task?.isWaiting == true || $0.task?.isWorking == true } }

    private static func row(
        of entry: ExperimentRecord.Entry, in directory: RunDirectory, liveness: WorkerLiveness
    ) -> Row {
        var row = Row(
            name: "\(entry.arm)-s\(entry.seed)", arm: entry.arm, seed: entry.seed, directory: directory.path,
            status: RunStatus.planned.rawValue, step: 0, totalSteps: 0, attempts: 0, metrics: [:],
            precision: (try? directory.loadPlan())?.run.configuration.training.precision.rawValue,
            tags: (try? directory.loadTags().tags) ?? [], task: liveness.task(of: directory))
        do {
            guard let state = try liveness.currentState(of: directory) else { return row }
            row.status = state.status.rawValue
            row.step = state.step
            row.totalSteps = state.totalSteps
            row.attempts = state.attempts
            row.host = state.host
            row.startedAt = state.startedAt
            row.updatedAt = state.updatedAt
            row.endedAt = state.endedAt
            row.metrics = state.metrics
            row.verdict = state.verdict
            row.loaderWaitShare = state.loaderWaitShare
            if state.status == .running { row.pid = state.pid }
            if state.status != .done {
                row.failure = state.failure
                row.reason = [state.exitReason, state.message].compactMap { $0 }.joined(separator: ": ")
            }
        } catch {
            row.status = "unreadable"
            row.reason = "\(error)"
        }
        return row
    }

    package var text: String {
        let place = { (row: Row) -> String? in
            row.pid.map { pid in
                "process \(pid) on \(row.host ?? "?")" + (row.task.map { ", Slurm \($0.job)" } ?? "")
            }
        }
        // One metric for all runs, so that the column can name it.
        let shown = MetricConvention.representatives(among: runs.flatMap(\.metrics.keys)).first
        let heading = shown.map { "\($0.shortTitle) (%)" } ?? ""
        var table = TextTable([
            ("run", .left), ("status", .left), ("step", .right), (heading, .right), ("loss", .right),
            ("verdict", .left), ("took", .right), ("waits", .right), ("precision", .left), ("tags", .left),
            ("why", .left),
        ])
        for row in runs {
            let accuracy = shown.flatMap { row.metrics[$0.name] }
            let end = row.endedAt ?? row.updatedAt
            let took = row.startedAt.flatMap { start in end.map { $0.timeIntervalSince(start) } }
            table.append([
                row.name, row.status, row.totalSteps > 0 ? "\(row.step)/\(row.totalSteps)" : "",
                accuracy.map(MetricConvention.percent) ?? "", row.metrics["loss"].map(Quantity.significant) ?? "",
                row.verdict ?? "", took.map(Quantity.duration) ?? "",
                row.loaderWaitShare.map(LoaderWait.text) ?? "", row.precision ?? "", row.tags.joined(separator: " "),
                place(row) ?? row.reason ?? "",
            ])
        }
        var order = RunStatus.allCases.map(\.rawValue) + ["damaged", "unreadable"]
        order.insert(Row.queued, at: 1)
        let summary = order.compactMap { status in counts[status].map { "\($0) \(status)" } }.joined(separator: ", ")
        let waiting = runs.filter {
            LoaderWait.isMuch($0.loaderWaitShare ?? 0) && $0.status == RunStatus.running.rawValue
        }
        let advice =
            waiting.isEmpty
            ? "" : "\n\n\(counted(waiting.count, "run")) waited much for images (column waits). \(LoaderWait.advice)."
        return "\(experiment)  (\(directory))\n\n\(table.text)\n\n\(counted(runs.count, "run")): \(summary)" + advice
    }
}

extension StatusReport.Row {
    /// The status of a run that waits in Slurm.
    static let queued = "queued"

    /// Tells of a finished run whether its results can still be read.
    fileprivate mutating func noteDamage(in directory: RunDirectory, remark: (ResultsRemark) -> Void) {
        guard RunStatus(rawValue: status)?.isFinished == true,
            FileManager.default.fileExists(atPath: directory.resultsFile)
        else { return }
        do {
            ResultsRemark(try RunFile(path: directory.resultsFile)).map(remark)
        } catch {
            (status, reason) = ("damaged", "\(error)")
            remark(.damaged("\(error)"))
        }
    }

    /// Takes in what Slurm says where the state does not tell it: that the run waits, or why it ended.
    fileprivate mutating func noteTask() {
        guard let task, RunStatus(rawValue: status)?.isFinished != true, status != RunStatus.running.rawValue else {
            return
        }
        if task.isWaiting {
            (status, reason) = (Self.queued, task.text)
        } else if !task.tellsNothing, reason?.contains(task.text) != true {
            reason = [reason, task.text].compactMap { $0 }.joined(separator: "; ")
        }
    }
}
