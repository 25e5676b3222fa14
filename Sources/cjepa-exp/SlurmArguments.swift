import ArgumentParser
import ExperimentSpec
import Foundation
import Orchestration
import RunStore

/// Where `run` runs.
enum Launcher: String, ExpressibleByArgument, CaseIterable {
    case local
    case slurm
}

/// Options of `run --launcher slurm`.
struct SlurmArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Partition to submit to.", valueName: "name"))
    var partition: String?

    @Option(
        help: ArgumentHelp(
            "Time limit of a task; a run that needs longer resumes when the task is requeued.", valueName: "time"))
    var time: String?

    @Option(help: ArgumentHelp("Tasks at once (default: as many as the cluster allows).", valueName: "n"))
    var arrayParallelism: Int?

    @Option(help: ArgumentHelp("Memory of a task (default: the prediction plus a quarter).", valueName: "size"))
    var memory: String?

    @Option(help: ArgumentHelp("Processors and threads of a task (default: what a run can use).", valueName: "n"))
    var cpus: Int?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A further argument for sbatch; may be repeated.", valueName: "argument"))
    var sbatch: [String] = []

    @Option(
        help: ArgumentHelp("How long before its time limit a run writes its checkpoint.", valueName: "seconds"))
    var notice: Int?

    @Option(help: ArgumentHelp("How many times a task may be requeued.", valueName: "n"))
    var requeues: Int?

    @Option(
        help: ArgumentHelp(
            "Tasks of one job array (default: the cluster's MaxArraySize, else \(SlurmLimits().arraySize)).",
            valueName: "n"))
    var maxArraySize: Int?

    @Option(
        help: ArgumentHelp(
            "Tasks of the experiment in the queue at once (default: what the cluster's MaxSubmitJobs leaves).",
            valueName: "n"))
    var maxSubmit: Int?

    @Flag(help: "Print the batch scripts; write and submit nothing.")
    var dryRun = false

    private var isUsed: Bool {
        [partition, time, memory].contains { $0 != nil }
            || [arrayParallelism, cpus, notice, requeues, maxArraySize, maxSubmit].contains { $0 != nil }
            || !sbatch.isEmpty || dryRun
    }

    /// - Throws: `ValidationError`.
    func check(for launcher: Launcher, workers: Int?, threads: Int?) throws {
        guard launcher == .slurm else {
            if isUsed { throw ValidationError("The Slurm options (and --dry-run) need --launcher slurm.") }
            return
        }
        if workers != nil {
            throw ValidationError("With --launcher slurm, use --array-parallelism instead of --workers.")
        }
        if threads != nil { throw ValidationError("With --launcher slurm, use --cpus instead of --threads.") }
        try OptionBounds.check(arrayParallelism, "--array-parallelism", in: OptionBounds.sizes)
        try OptionBounds.check(cpus, "--cpus", in: OptionBounds.parallelism)
        // Slurm takes at most 65535 seconds.
        try OptionBounds.check(notice, "--notice", in: 1...65_535)
        try OptionBounds.check(requeues, "--requeues", in: 0...OptionBounds.sizes.upperBound)
        try OptionBounds.check(maxArraySize, "--max-array-size", in: OptionBounds.sizes)
        try OptionBounds.check(maxSubmit, "--max-submit", in: OptionBounds.sizes)
        for argument in sbatch where !argument.hasPrefix("-") || argument.contains("\n") {
            throw ValidationError("--sbatch takes an sbatch argument, such as --sbatch=--account=x, not “\(argument)”.")
        }
        for value in [partition, time, memory].compactMap({ $0 }) where value.contains(where: \.isWhitespace) {
            throw ValidationError("“\(value)” is not a value that sbatch accepts.")
        }
    }

    private var options: SlurmOptions {
        var options = SlurmOptions(
            partition: partition, timeLimit: time, arrayParallelism: arrayParallelism, memory: memory, cpus: cpus,
            extra: sbatch)
        if let notice { options.noticeSeconds = notice }
        if let requeues { options.mostRequeues = requeues }
        options.mostIndices = maxArraySize
        options.mostSubmitted = maxSubmit
        return options
    }

    /// Submits the experiment and prints what was submitted.
    ///
    /// - Throws: `OrchestrationError`.
    func launch(_ experiment: Experiment, in folder: ExperimentFolder, context: RunContext, isPartial: Bool, json: Bool)
        async throws
    {
        let launcher = SlurmLauncher(
            folder: folder, options: options, context: context)
        let report = try await launcher.launch(
            experiment, isPartial: isPartial, floors: floorsRequests(for: experiment, in: folder), isDryRun: dryRun,
            limits: .ofMachine(for: experiment, results: folder))
        for warning in report.warnings { Console.note("warning: \(warning)") }
        print(json ? String(decoding: try StoredJSON.encode(report), as: UTF8.self) : report.text)
    }
}
