import CPUKernels
import Glibc
import Orchestration

/// Starts this program again, with the same arguments and process id, where OpenBLAS was loaded with kernels that do
/// not suit the processor, or with threads that there is no memory for: the choice is made once, while the library is
/// loaded.
func restartWithSuitableOpenBLAS() {
    let coreType = OpenBLASRuntime.preferredCoreType()
    // Each of them, which nothing here uses, takes 128 MiB of address space, and asks for ever where it gets none.
    let hasThreads = Machine.countsUntouchedMemory && getenv("OPENBLAS_NUM_THREADS").map { String(cString: $0) } != "1"
    guard coreType != nil || hasThreads else { return }
    if let coreType { choose(coreType) }
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    // Otherwise the C library sets 128 MiB aside for each thread.
    if Machine.countsUntouchedMemory { setenv("MALLOC_ARENA_MAX", "1", 0) }
    var arguments = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    // It returns only where it fails; then what there is has to do.
    execv("/proc/self/exe", arguments)
    arguments.forEach { free($0) }
}

/// Says, to those whom it concerns, that the variable in the environment is not followed, and sets it.
private func choose(_ coreType: String) {
    if let asked = getenv("OPENBLAS_CORETYPE") {
        if let command = CommandLine.arguments.dropFirst().first, computingCommands.contains(command) {
            let note =
                "note: OPENBLAS_CORETYPE=\(String(cString: asked)) asks for slower kernels than this processor can run; "
                + "restarting with \(coreType)\n"
            _ = note.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        }
        setenv(replacedCoreTypeVariable, asked, 1)
    }
    setenv("OPENBLAS_CORETYPE", coreType, 1)
}

/// The commands whose users are told that the variable is not followed: others need no kernels.
private let computingCommands: Set = ["run", "rerun", "bench"]

/// Tells the program that was started again which kernels the environment had asked for.
private let replacedCoreTypeVariable = "CJEPA_REPLACED_OPENBLAS_CORETYPE"

/// What makes matrix products slower than they need be here, or would have.
func kernelWarnings() -> [String] {
    var warnings: [String] = []
    if let coreType = OpenBLASRuntime.preferredCoreType() {
        warnings.append(
            "OpenBLAS uses its kernels for \(OpenBLASRuntime.coreName()); OPENBLAS_CORETYPE=\(coreType) suits this "
                + "processor better")
    }
    if let replaced = getenv(replacedCoreTypeVariable).map({ String(cString: $0) }) {
        warnings.append(
            "OPENBLAS_CORETYPE=\(replaced) asks for slower kernels than this processor can run and was ignored; "
                + "unset it")
    }
    if let instructionSet = getenv("CJEPA_INSTRUCTION_SET").map({ String(cString: $0) }) {
        warnings.append("CJEPA_INSTRUCTION_SET=\(instructionSet) makes the program's own kernels slower")
    }
    return warnings
}

/// What workers get on top of this program's environment: threads are the engine's affair, not OpenBLAS's.
func workerEnvironment() -> [String: String] {
    var environment = ["OPENBLAS_NUM_THREADS": "1"]
    environment["OPENBLAS_CORETYPE"] = OpenBLASRuntime.preferredCoreType()
    return environment
}
