import ArgumentParser
import Foundation
import Glibc
import MPI
import Orchestration
import RunStore
import Training

/// `cjepa-exp worker`: one process of an experiment; `run` starts it.
struct WorkerEntry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Train one run in a folder that holds its plan.json; started by `run`.",
        discussion: """
            Prints one JSON object per line. At SIGINT, SIGTERM or SIGUSR1 it finishes its step, writes a checkpoint and \
            exits with code 75; the same command resumes from there.

            Under mpirun or srun --mpi=pmix the processes train the run together, through Open MPI.
            """,
        shouldDisplay: false)

    @Argument(help: "The run's folder.")
    var folder: String?

    @Option(help: "Compute threads; results do not depend on their number.")
    var threads = 1

    @Option(help: ArgumentHelp("Compute the floors of a data set into this file instead.", valueName: "json"))
    var floors: String?

    @Option(help: ArgumentHelp("With --floors: the plan.json that names the data and the probes.", valueName: "json"))
    var configuration: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Join the other processes of an MPI job (default: if a launcher started more than one).")
    var mpi: Bool?

    func validate() throws {
        try OptionBounds.check(threads, "--threads", in: OptionBounds.parallelism)
        guard (folder != nil) != (floors != nil), (floors != nil) == (configuration != nil) else {
            throw ValidationError("Give a run's folder, or --floors with --configuration.")
        }
    }

    func run() throws {
        // First of all: from here on it is noticed when whoever started this process goes away.
        let parent = getppid()
        // Floors are computed in one go, and have nothing to save before their end.
        if floors == nil { InterruptSignals.install() } else { InterruptSignals.installExit() }
        // A listener that went away must not kill the worker while it writes.
        signal(SIGPIPE, SIG_IGN)
        // Beyond a limit of file sizes writing fails, which can be told; the signal would only kill.
        signal(SIGXFSZ, SIG_IGN)
        // Where memory runs out the system is to choose a run, which can go on later, and not what started it.
        if let file = FileHandle(forWritingAtPath: "/proc/self/oom_score_adj") {
            try? file.write(contentsOf: Data("500".utf8))
            try? file.close()
        }
        if let floors, let configuration {
            try FloorsJob(planFile: configuration, output: floors, threads: threads).run()
        } else if let folder {
            let status = try train(RunDirectory(path: folder), parent: parent)
            if status == .interrupted { throw ExitCode(75) }
            if status == .failed { throw ExitCode(1) }
        }
    }

    private func train(_ directory: RunDirectory, parent: pid_t) throws -> RunStatus {
        guard mpi ?? ((MPICommunicator.launchedCount ?? 1) > 1) else {
            return WorkerJob(directory: directory, threads: threads, parent: parent).run()
        }
        let ranks = try MPICommunicator()
        let status: RunStatus
        if ranks.rank == 0 {
            status = WorkerJob(directory: directory, threads: threads, parent: parent, communicator: ranks).run()
        } else {
            status = WorkerFollower(directory: directory, threads: threads, parent: parent, communicator: ranks).run()
        }
        ranks.leave(after: status)
        return status
    }
}
