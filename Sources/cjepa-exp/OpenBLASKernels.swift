import CPUKernels
import Glibc

/// Starts this program again, with the same arguments and process id, where OpenBLAS was loaded with kernels that do
/// not suit the processor: the choice is made once, while the library is loaded.
func restartWithSuitableOpenBLASKernels() {
    guard let coreType = OpenBLASRuntime.preferredCoreType() else { return }
    setenv("OPENBLAS_CORETYPE", coreType, 1)
    var arguments = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    // It returns only where it fails; then the slower kernels have to do.
    execv("/proc/self/exe", arguments)
    arguments.forEach { free($0) }
}

/// What workers get on top of this program's environment: threads are the engine's affair, not OpenBLAS's.
func workerEnvironment() -> [String: String] {
    var environment = ["OPENBLAS_NUM_THREADS": "1"]
    environment["OPENBLAS_CORETYPE"] = OpenBLASRuntime.preferredCoreType()
    return environment
}
