import Foundation
import Glibc

/// How several processes of one job are started: through Open MPI's mpirun.
struct MPILauncher {
    var ranks: Int
    /// Environment variables that processes on other machines get too.
    var variables: [String]

    /// mpirun on the PATH; nil where there is none.
    var path: String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/mpirun" }.first { access($0, X_OK) == 0 }
    }

    static let missing = "there is no mpirun on the PATH; on Debian: apt-get install openmpi-bin"

    /// What goes before the program.
    var arguments: [String] {
        // Each process has threads of its own, which mpirun would bind to one core. It counts physical cores, or a job's
        // tasks, and knows of no other run: so it is told to start them, and those that wait to let others work.
        var arguments = [
            "-n", "\(ranks)", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1",
        ]
        if geteuid() == 0 { arguments.append("--allow-run-as-root") }
        return arguments + variables.flatMap { ["-x", $0] }
    }
}
