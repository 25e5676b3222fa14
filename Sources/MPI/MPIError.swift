/// Why processes cannot work together, and what to do about it.
package struct MPIError: Error, CustomStringConvertible, Sendable {
    package let description: String

    private static let remedy =
        "On Debian: apt-get install openmpi-bin (its library is libopenmpi3); elsewhere set CJEPA_MPI_LIBRARY to Open "
        + "MPI's libmpi.so."

    static func noLibrary(_ failures: [String]) -> MPIError {
        MPIError(
            description: "Open MPI's library cannot be loaded (\(failures.joined(separator: "; "))). \(remedy)")
    }

    static func otherLibrary(_ name: String, _ library: String) -> MPIError {
        MPIError(
            description: "\(name) is not Open MPI's library but \(library), whose calls differ. \(remedy)")
    }

    static func missingFunction(_ name: String, _ function: String) -> MPIError {
        MPIError(description: "\(name) is not Open MPI's library: it has no \(function). \(remedy)")
    }

    static func notInitialized(_ name: String) -> MPIError {
        MPIError(
            description: "MPI_Init of \(name) failed; start the processes with mpirun of the same Open MPI, or with "
                + "srun --mpi=pmix.")
    }

    static func otherLauncher(launched: Int, seen: Int, library: String) -> MPIError {
        MPIError(
            description:
                "the launcher started \(launched) processes, but \(library) sees \(seen): they are not of the same "
                + "kind. Use mpirun of the same Open MPI, or srun --mpi=pmix.")
    }
}
