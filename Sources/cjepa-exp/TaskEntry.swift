import ArgumentParser
import Foundation
import Orchestration
import RunStore

/// `cjepa-exp task`: one task of a job array; the batch script starts it.
struct TaskEntry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task",
        abstract: "Run one task of a job array; started by the batch script that `run --launcher slurm` writes.",
        discussion: "SIGINT and SIGTERM end it with a checkpoint and exit code 75.",
        shouldDisplay: false)

    @Argument(help: "The file that lists the tasks.")
    var file: String

    @Argument(help: "Index of the task, from 0.")
    var index: Int

    @Option(help: "Compute threads; results do not depend on their number.")
    var threads = 1

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
    }

    func run() async throws {
        InterruptSignals.install()
        let tasks = try StoredJSON.read(SlurmTasks.self, from: file).tasks
        guard tasks.indices.contains(index), let job = tasks[index].job(threads: threads) else {
            throw UnusableInput(
                place: file, problem: "has no task \(index)", remedy: "submit again with `cjepa-exp run`")
        }
        let reporter = ProgressReporter.standardError(runCount: 1)
        let task = SlurmTask(job: job, threads: threads, command: WorkerCommand(environment: workerEnvironment()))
        let ending = await task.run(interruptions: { InterruptSignals.count }, report: { reporter.handle($0) })
        reporter.end()
        if let message = ending.message {
            Console.note("\(job.name): \(message)")
        }
        if ending.exitCode != 0 { throw ExitCode(ending.exitCode) }
    }
}
