package import ExperimentSpec
package import Foundation
import RunStore
import Safetensors

/// Submits an experiment's missing runs to Slurm, as a job array with one task per run.
package struct SlurmLauncher {
    /// A job array that was submitted, or would be.
    package struct JobArray: Encodable, Sendable {
        /// Nil in a dry run.
        package var job: Int?
        package var script: String
        package var tasksFile: String
        package var tasks: [String]
        /// The script's text; in a dry run only.
        package var scriptText: String?
    }

    package struct Report: Encodable, Sendable {
        package struct Entry: Encodable, Sendable {
            package var name: String
            package var arm: String
            package var seed: Int
            package var path: String
            /// start, restart, resume, skip, busy, damaged or, in a dry run, conflict.
            package var action: String
            package var reason: String
        }

        package var experiment: String
        package var directory: String
        package var isDryRun: Bool
        package var arrays: [JobArray]
        /// Tasks that the cluster's limits leave for a later submission.
        package var leftOut: Int
        /// What may be too large: runs for a machine like this one, or results for the disk.
        package var warnings: [String]
        package var runs: [Entry]

        /// What was submitted; in a dry run the scripts with their tasks.
        package var text: String {
            if isDryRun {
                let scripts = arrays.map { array in
                    let tasks = array.tasks.enumerated().map { "#   \($0): \($1)" }
                    return
                        (["# \(array.script)", "# tasks, in \(array.tasksFile):"] + tasks + [array.scriptText ?? ""])
                        .joined(separator: "\n")
                }
                let lines = scripts + (leftOut > 0 ? ["# \(leftOutText)"] : [])
                return lines.isEmpty ? "# \(experiment): nothing to submit" : lines.joined(separator: "\n")
            }
            var lines = arrays.map { array in
                "\(experiment): \(counted(array.tasks.count, "task")) submitted as job "
                    + (array.job.map(String.init) ?? "?") + " (\(array.script))"
            }
            let others = runs.filter { ["skip", "busy", "damaged", "conflict"].contains($0.action) }
            if leftOut > 0 {
                lines.append("\(experiment): \(leftOutText)")
            } else if arrays.isEmpty {
                lines.append("\(experiment): nothing to submit")
            }
            for entry in others { lines.append("\(entry.name): \(entry.reason)") }
            if !arrays.isEmpty { lines.append("follow with: cjepa-exp status \(directory) --watch") }
            return lines.joined(separator: "\n")
        }

        private var leftOutText: String {
            "\(leftOut) \(leftOut == 1 ? "task does" : "tasks do") not fit into the queue (MaxSubmitJobs, or "
                + "--max-submit); run the same command again once others are done"
        }
    }

    /// Memory on top of what is predicted: a task that needs more is killed.
    private static let memoryMargin = 1.25

    private let folder: ExperimentFolder
    private let options: SlurmOptions
    private let context: RunContext
    /// The program that tasks run.
    private let program: String
    private let environment: [String: String]
    private let sbatch: String

    package init(
        folder: ExperimentFolder, options: SlurmOptions, context: RunContext = RunContext(),
        program: String = SlurmLauncher.ownProgram, environment: [String: String] = [:], sbatch: String = "sbatch"
    ) {
        self.folder = folder
        self.options = options
        self.context = context
        self.program = program
        self.environment = environment
        self.sbatch = sbatch
    }

    /// The file of this process, as other machines find it.
    package static var ownProgram: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: WorkerCommand.ownProgram))
            ?? CommandLine.arguments[0]
    }

    /// Writes plans and scripts and submits them; what is done, at work or in the queue already is left out.
    ///
    /// - Parameters:
    ///   - isDryRun: Write and submit nothing.
    ///   - predictedMemory: Of a run, bytes.
    ///   - limits: What runs are compared with. Tasks run on other machines, and Slurm knows those: what does not fit here
    ///     is told and submitted all the same.
    /// - Throws: `OrchestrationError`: another `run` at work, a folder that cannot be used, or what sbatch says.
    package func launch(
        _ experiment: Experiment, isPartial: Bool, floors: [FloorsRequest], isDryRun: Bool,
        predictedMemory: (RunConfiguration) -> Int = { CostEstimate($0).memoryBytes },
        limits: ResourceLimits = .none, at time: Date = Date()
    ) async throws -> Report {
        try checkPath()
        if !isDryRun { try folder.create() }
        let lock = isDryRun ? nil : try ExperimentLock(experimentDirectory: folder.path)
        defer { withExtendedLifetime(lock) {} }
        let queue = await SlurmQueue.ask(about: folder)
        if let unknown = queue.tasks.values.first(where: \.isUnknown) {
            throw OrchestrationError(
                .system, path: folder.path,
                message: "Slurm does not answer, so it is unknown whether job \(unknown.job) is still in the queue",
                remedy: "try again when `squeue` works")
        }
        let prepared = folder.decisions(for: experiment, liveness: .system.with(queue), context: context)
        let missingFloors = floors.filter { request in
            let name = (request.output as NSString).lastPathComponent
            let task = queue.tasks[name]
            return !FileManager.default.fileExists(atPath: request.output)
                && !(task?.isWaiting == true || task?.isWorking == true)
        }
        if !isDryRun {
            try folder.prepare(
                prepared, of: experiment, isPartial: isPartial, floors: floors, sourceRevision: context.sourceRevision)
        }
        let starting = ExperimentRunner.seedBySeed(prepared).filter(\.decision.willRun)
        let fit = FitCheck(
            starting.map { (run: $0, cost: $0.run.cost) }, limits: limits, place: experiment.specPath, folder: folder)
        let cpus = options.cpus ?? starting.map { Self.cpus(of: $0.run.configuration) }.max() ?? 1
        let jobs =
            missingFloors.map { Job(name: "floors", kind: .floors($0), demand: Demand(memoryBytes: 0)) }
            + starting.map { item in
                Job(
                    name: item.run.name, kind: .run(item.directory), demand: Demand(memoryBytes: 0),
                    retries: item.run.configuration.resources.retries,
                    ranks: item.run.configuration.resources.ranks)
            }
        let predicted = starting.map { item in
            var configuration = item.run.configuration
            configuration.resources.threads = cpus
            return predictedMemory(configuration)
        }
        let memory = (predicted + missingFloors.map(\.memoryBytes)).max() ?? 0
        var arrays: [JobArray] = []
        let queued = queue.tasks.values.count { $0.isWaiting || $0.isWorking }
        let (parts, leftOut) = await SlurmLimits.ask(options, queued: queued).arrays(of: jobs)
        for (number, part) in parts.enumerated() {
            arrays.append(
                try await submit(
                    part, of: experiment.name, number: number, after: arrays.last?.job, cpus: cpus,
                    memoryBytes: Int(Double(memory) * Self.memoryMargin), isDryRun: isDryRun, at: time))
        }
        return Report(
            experiment: experiment.name, directory: folder.path, isDryRun: isDryRun, arrays: arrays, leftOut: leftOut,
            warnings: fit.problems.map { "\($0.path): \($0.message)" },
            runs: prepared.map { item in
                Report.Entry(
                    name: item.run.name, arm: item.run.arm, seed: item.run.seed, path: item.directory.path,
                    action: item.decision.action, reason: item.decision.reason)
            })
    }

    /// As many threads as a run can use.
    private static func cpus(of configuration: RunConfiguration) -> Int {
        let resources = configuration.resources
        let shards = min(resources.shards, configuration.training.batchSize)
        let sums = (shards + 3) / 4
        // Those of one round; a sum is of four shards.
        let together = min(shards, 4 * ((sums + resources.accumulate - 1) / resources.accumulate))
        return max(resources.threads ?? together, resources.ranks)
    }

    /// Folder of scripts and logs, absolute.
    private var place: String { URL(fileURLWithPath: folder.path).standardizedFileURL.path + "/slurm" }

    /// A line of the batch script ends at a line break, and Slurm expands nothing behind a backslash in a file's name.
    ///
    /// - Throws: `OrchestrationError` where a path cannot stand in a batch script.
    private func checkPath() throws {
        guard place.unicodeScalars.contains(where: { $0.properties.generalCategory == .control || $0 == "\\" }) else {
            return
        }
        throw OrchestrationError(
            .system, path: place.debugDescription,
            message:
                "a line break, another control character or a backslash in a path cannot be written into a batch script",
            remedy: "choose another folder with --results")
    }

    /// - Parameter after: The array before it, where there is one: where tasks at once are limited, this one waits for
    ///   it, since Slurm's limit counts within one array only.
    private func submit(
        _ jobs: [Job], of experiment: String, number: Int, after: Int?, cpus: Int, memoryBytes: Int, isDryRun: Bool,
        at time: Date
    ) async throws -> JobArray {
        let stamp = time.formatted(
            Date.ISO8601FormatStyle(dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted))
        let base = "\(place)/\(stamp)" + (number > 0 ? "-\(number)" : "")
        let script = SlurmScript(
            experiment: experiment, program: program, tasksFile: base + ".tasks.json", taskCount: jobs.count,
            logFolder: place, environment: environment, cpus: cpus, memoryBytes: memoryBytes, options: options)
        var array = JobArray(
            job: nil, script: base + ".sh", tasksFile: script.tasksFile, tasks: jobs.map(\.name),
            scriptText: script.text)
        if isDryRun { return array }
        array.scriptText = nil
        do {
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try AtomicFile.write(Data(script.text.utf8), to: array.script)
        } catch {
            throw OrchestrationError(
                .system, path: place, message: "the batch script cannot be written (\(error.localizedDescription))",
                remedy: "make the experiment's folder writable, or choose another folder with --results")
        }
        try StoredJSON.write(SlurmTasks(jobs), to: script.tasksFile)
        let dependency = options.arrayParallelism == nil ? nil : after.map { "--dependency=afterany:\($0)" }
        let job = try await submit(array.script, dependency: dependency)
        array.job = job
        var submissions = try SlurmSubmissions.load(from: folder)
        submissions.submissions.append(
            SlurmSubmissions.Submission(
                job: job, submittedAt: time, script: array.script, tasks: jobs.map(Self.recordedName)))
        try submissions.save(to: folder)
        return array
    }

    private static func recordedName(of job: Job) -> String {
        switch job.kind {
        case .run(let directory): directory.name
        case .floors(let request): (request.output as NSString).lastPathComponent
        }
    }

    /// - Returns: The job's number.
    private func submit(_ script: String, dependency: String?) async throws -> Int {
        func failure(_ message: String) -> OrchestrationError {
            OrchestrationError(
                .system, path: script, message: "sbatch rejected the script: \(message)",
                remedy: "correct the Slurm options (--partition, --time, --sbatch …), and run again")
        }
        let result: SystemCommand.Result
        do {
            result = try await SystemCommand.run(sbatch, ["--parsable"] + (dependency.map { [$0] } ?? []) + [script])
        } catch {
            throw OrchestrationError(
                .system, path: script, message: "sbatch cannot be run (\(error))",
                remedy:
                    "run this on a machine of the cluster from which jobs are submitted, or leave out --launcher slurm")
        }
        guard result.isSuccess else { throw failure(result.error) }
        // "12", or "12;cluster".
        guard let job = Int(result.output.prefix { $0.isNumber }) else {
            throw failure("it answered “\(result.output)”")
        }
        return job
    }
}
