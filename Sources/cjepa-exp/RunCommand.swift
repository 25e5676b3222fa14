import ArgumentParser
import ExperimentSpec
import Orchestration

/// `cjepa-exp run`: trains what an experiment still lacks.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Train every run of a spec that is not done yet, and print the comparison.",
        discussion: """
            Each run is a process; as many run at once as cores and memory allow. Ctrl-C, SIGTERM or SIGUSR1 lets each \
            finish its step and write a checkpoint; the same command resumes from there. A second Ctrl-C kills them.

            Exit codes: 0 all done, 1 some failed, 64 unusable spec or data, 75 stopped on request; run it again to resume.
            """)

    @OptionGroup var options: SpecOptions

    @Option(help: "local: processes on this machine; slurm: a job array, one task per run.")
    var launcher = Launcher.local

    @OptionGroup(title: "Options of --launcher slurm") var slurm: SlurmArguments

    func validate() throws {
        try slurm.check(for: launcher, workers: options.workers, threads: options.threads)
    }

    func run() async throws {
        let (experiment, context) = try await options.loadExperiment()
        let folder = ExperimentFolder(results: options.results, experiment: experiment.name)
        if launcher == .slurm {
            return try await slurm.launch(
                experiment, in: folder, context: context, isPartial: options.isPartial, json: options.json)
        }
        var runner = ExperimentRunner(
            folder: folder,
            scheduler: Scheduler(
                command: WorkerCommand(environment: workerEnvironment()),
                capacity: options.capacity(for: experiment)),
            liveness: await .asking(about: folder), context: context)
        runner.limits = .ofMachine(for: experiment, results: folder)
        runner.predictedCost = predictedCost
        let session = RunSession(
            runner: runner,
            json: options.json, command: options.command("run"))
        let code = try await session.run(experiment, isPartial: options.isPartial)
        if code != 0 { throw ExitCode(code) }
    }
}
